"""Lines that belong to no lattice of the sample: Voigt profiles with a free area each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.pattern_model import add_voigt, voigt

Floats = NDArray[np.float64]

# Two lines are one where they lie this close (degrees) or within this share of their width.
TOLERANCE_DEG = 0.04
OF_WIDTH = 0.25
# A ring falls on more than one bin. What is narrower is a pixel: a hot one, or one that a cosmic ray has hit.
NARROWEST_RING_BINS = 1.5


@dataclass(frozen=True, slots=True)
class ForeignLine:
    """two_theta: its place; sigma: of the Gaussian; gamma: half width of the Lorentzian; all in degrees."""

    two_theta: float
    sigma: float
    gamma: float

    @property
    def fwhm_deg(self) -> float:
        """By the rule of Olivero and Longbothum, JQSRT 17, 233 (1977)."""
        return float(1.0692 * self.gamma + np.sqrt(0.8664 * self.gamma**2 + (2.3548 * self.sigma) ** 2))

    def lies_at(self, two_theta: float) -> bool:
        """Whether it is a line that another pattern has at this angle."""
        return abs(self.two_theta - two_theta) < max(TOLERANCE_DEG, OF_WIDTH * self.fwhm_deg)

    def is_ring(self, step_deg: float) -> bool:
        """Whether it is as wide as a ring is in a pattern whose bins are so wide."""
        return self.fwhm_deg > NARROWEST_RING_BINS * step_deg


def profiles_of(foreign: tuple[ForeignLine, ...], grid: Floats) -> Floats:
    """Each line with an area of 1 and its derivatives by x, sigma and gamma: (lines, 4, bins)."""
    profiles = np.empty((len(foreign), 4, len(grid)))
    for out, line in zip(profiles, foreign, strict=True):
        voigt(grid, line.two_theta, line.sigma, line.gamma, out)
    return profiles


def rows_of(foreign: tuple[ForeignLine, ...], grid: Floats) -> Floats:
    """Each line with an area of 1 over the grid, (lines, bins)."""
    rows = np.zeros((len(foreign), len(grid)))
    for row, line in zip(rows, foreign, strict=True):
        add_voigt(grid, line.two_theta, line.sigma, line.gamma, 1.0, row)
    return rows
