"""From pattern to lattice parameters with esd: whole-pattern fitting."""
