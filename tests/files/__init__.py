"""Names of files."""
