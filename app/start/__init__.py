"""The start dialog, for people who do not type, and what it checks before the beamtime is spent."""
