"""The pattern that a truth makes, before any noise."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import voigt_profile

from latticewatch.processing.simulation.truth import LatticeTruth, Truth, line_positions, line_widths

Floats = NDArray[np.float64]

# Glass capillary and octane in counts per pixel: height, centre and σ in degrees of the broad humps,
# a constant and what the air scatters at small angles.
HUMPS = ((30.0, 8.3, 2.9), (20.0, 13.0, 5.5))
FLOOR = 12.0
FAR = 10.0
AIR = (30.0, 4.0)


def expected_pattern(truth: Truth, two_theta: Floats) -> Floats:
    """Expected counts per pixel at normal incidence (polarization and solid angle divided out) at these angles.

    two_theta: (points,) in degrees. Smooth in every number of the truth, so that it can be differentiated.
    """
    total = truth.background * background(two_theta)
    for lattice in truth.lattices:
        total = total + lattice_pattern(lattice, two_theta)
    return truth.flux * total


def lattice_pattern(lattice: LatticeTruth, two_theta: Floats) -> Floats:
    """The lines of one lattice alone: a sum of Voigt functions of their areas."""
    if not lattice.areas.any():
        return np.zeros_like(two_theta)
    angles = line_positions(lattice)
    sigma, gamma = line_widths(lattice, angles)
    shapes = voigt(two_theta - angles[:, np.newaxis], sigma[:, np.newaxis], gamma[:, np.newaxis])
    return np.asarray(lattice.areas @ shapes, dtype=np.float64)


def voigt(offset: Floats, sigma: Floats, gamma: Floats) -> Floats:
    """Voigt functions of area 1, right to 1e-6 of their height; all arguments broadcast.

    Beyond FAR widths the first two terms of the asymptotic series stand for the costly error function.
    """
    offset, sigma, gamma = np.broadcast_arrays(offset, sigma, gamma)
    near = np.abs(offset) < FAR * (sigma + gamma)
    squared = np.where(near, 1.0, offset) ** 2
    shape = gamma / (np.pi * squared) * (1.0 + (3.0 * sigma**2 - gamma**2) / squared)
    shape[near] = voigt_profile(offset[near], sigma[near], gamma[near])
    return np.asarray(shape, dtype=np.float64)


def background(two_theta: Floats) -> Floats:
    """Scattering of capillary, solvent and air at nominal flux, counts per pixel."""
    height, decay = AIR
    total = FLOOR + height * np.exp(-two_theta / decay)
    for top, centre, sigma in HUMPS:
        total = total + top * np.exp(-0.5 * ((two_theta - centre) / sigma) ** 2)
    return np.asarray(total, dtype=np.float64)
