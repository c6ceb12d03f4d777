"""Scans with known truth."""
