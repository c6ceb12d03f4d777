"""Pattern after pattern of one run."""
