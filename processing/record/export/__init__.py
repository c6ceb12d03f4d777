"""Trace, summary, patterns, map and figures."""
