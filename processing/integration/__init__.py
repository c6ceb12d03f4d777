"""From image to pattern: geometry, masks, corrections, azimuthal integration."""
