"""Tests of the crystal room."""
