"""What travels along the loop, and the protocols of its stages."""
