"""The one loop and what belongs to it."""
