"""Scans as real capillaries give them: drawn at random from what goes wrong in them, with known truth."""
