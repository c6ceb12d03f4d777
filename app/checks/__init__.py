"""What is checked before a run: the geometry, the machine."""
