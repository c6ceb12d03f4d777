"""Tests of the simulator: it is only as good as its truth."""
