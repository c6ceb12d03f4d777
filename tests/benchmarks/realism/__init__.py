"""The program on scans as real capillaries give them: how many have no catastrophe, and which they have."""
