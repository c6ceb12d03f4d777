"""Compiled sums over the pixels of images."""
