"""Phases and icons that are shipped."""
