"""An azimuthally integrated powder pattern."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pattern:
    """Intensity against 2θ, with its standard uncertainty.

    two_theta: where the pixels of each bin lie in the mean, degrees, float64, ascending but not quite evenly
    spaced; one and the same array for a whole run.
    intensity, sigma: float32, same length, in counts per pixel at normal incidence (after polarization and
    solid angle); NaN where no valid pixel falls into the bin. They are float32 from the start so that what
    is fitted is exactly what is recorded, and a replay of the run file gives the same numbers.
    pixels_left_out: pixels that the robust mean left out of this frame, None where it is off or not known.
    sectors: the patterns of the azimuthal sectors, each on angles of its own, where they are asked for; they are not
    recorded.
    """

    two_theta: NDArray[np.float64]
    intensity: NDArray[np.float32]
    sigma: NDArray[np.float32]
    pixels_left_out: int | None = None
    sectors: tuple["Pattern", ...] = ()
