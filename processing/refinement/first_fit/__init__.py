"""The fit of a pattern when nothing is known yet."""
