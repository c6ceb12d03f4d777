"""Frames of an HDF5 file."""
