"""A scan played with faults while it is watched."""
