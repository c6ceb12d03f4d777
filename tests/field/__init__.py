"""Small inputs of kinds that people have: each with the right answer in its README."""
