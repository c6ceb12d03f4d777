"""Lattice parameters against truth: error over the Cramér-Rao bound, pulls, false accepts, time per frame."""
