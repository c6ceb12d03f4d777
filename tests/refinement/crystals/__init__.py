"""Crystals of any system, whole patterns."""
