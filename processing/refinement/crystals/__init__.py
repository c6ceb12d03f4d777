"""Whole patterns of crystals of any system: cells local to each frame, profiles and free intensities tracked."""
