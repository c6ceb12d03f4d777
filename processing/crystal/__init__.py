"""Phases from CIF, reflections, structure factors, d-spacings."""
