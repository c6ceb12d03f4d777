"""The kinetics of a run, told from all its rows."""
