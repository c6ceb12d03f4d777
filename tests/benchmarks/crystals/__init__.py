"""Crystals of every system against the Cramér-Rao bound."""
