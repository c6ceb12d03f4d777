"""The realistic ensemble: its physics, and that the program holds on it."""
