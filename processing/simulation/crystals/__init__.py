"""Scans of crystals that are not cubic, or with an internal standard, of known truth."""
