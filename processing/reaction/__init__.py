"""What the lattice parameters say of the reaction: verdict, kinetics, composition."""
