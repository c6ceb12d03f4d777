"""Image files, decoded."""
