"""Which angles are fitted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FitRange:
    """two_theta_deg: from and to, None: all that is seen. exclude_two_theta_deg: ranges that are left out."""

    two_theta_deg: tuple[float, float] | None = None
    exclude_two_theta_deg: tuple[tuple[float, float], ...] = ()

    def within(self, two_theta: NDArray[np.float64]) -> tuple[float, float]:
        """The lowest and the highest angle that is fitted."""
        low, high = self.two_theta_deg or (0.0, 180.0)
        return max(float(two_theta[0]), low), min(float(two_theta[-1]), high)

    def fitted(self, two_theta: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(bins,) whether these angles are fitted."""
        low, high = self.two_theta_deg or (0.0, 180.0)
        keep = (two_theta >= low) & (two_theta <= high)
        for first, last in self.exclude_two_theta_deg:
            keep &= (two_theta < first) | (two_theta > last)
        return keep


EVERYWHERE = FitRange()
