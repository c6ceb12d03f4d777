"""Image files: read whole, or refused with the reason."""
