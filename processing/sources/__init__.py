"""Where frames come from: a folder being written, a recorded scan, an HDF5 stack, a run file."""
