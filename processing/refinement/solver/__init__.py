"""One pattern, solved."""
