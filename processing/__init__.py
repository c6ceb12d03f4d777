"""The science of LatticeWatch: from a detector frame to a lattice parameter and a verdict. No Qt here."""
