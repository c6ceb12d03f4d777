"""Posting a run to an electronic logbook: what is said, where, and what waits while the server is down."""
