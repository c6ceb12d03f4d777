"""The pattern of the empty cell (capillary, windows, air), which is part of every pattern of the sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EmptyCell:
    """two_theta_deg in ascending order; intensity and its sigma in one unit, whatever it is: its scale is free."""

    two_theta_deg: tuple[float, ...]
    intensity: tuple[float, ...]
    sigma: tuple[float, ...]

    def over(self, two_theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Intensity and sigma at these angles in degrees, each (bins,); NaN where the empty cell was not measured."""
        known = np.array(self.two_theta_deg)
        intensity, sigma = (
            np.interp(two_theta, known, values, np.nan, np.nan) for values in (self.intensity, self.sigma)
        )
        return intensity, sigma
