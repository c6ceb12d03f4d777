"""Tests of the refinement: against truth, against scipy, gemmi and pyFAI, on real standards."""
