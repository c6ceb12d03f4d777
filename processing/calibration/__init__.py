"""Where detector and beam are, found by the rings of a standard."""
