"""What travels along the loop."""
