"""How long it takes from a file to a pattern, beside fabio and pyFAI in the same run."""
