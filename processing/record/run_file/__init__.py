"""The run file: written row by row, read back whole."""
