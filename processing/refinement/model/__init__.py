"""The model of a pattern."""
