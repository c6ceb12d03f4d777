"""Single peaks followed without a structure."""
