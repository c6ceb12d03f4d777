"""Frames of a folder, recorded or being written."""
