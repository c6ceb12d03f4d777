"""Thousands of simulated reactions with known truth, and how well the verdict does on them."""
