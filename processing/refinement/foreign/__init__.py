"""Lines that belong to no lattice of the sample."""
