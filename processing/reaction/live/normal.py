"""The normal distribution, for many values at once: all of SciPy that judging a frame would need."""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit

Array = NDArray[np.float64]


def normal_cdf(x: Array) -> Array:
    """Probability of a standard normal number below each x (any shape): erfc(-x / sqrt 2) / 2; NaN where x is."""
    values = np.ascontiguousarray(x, np.float64)
    below = np.empty_like(values)
    _fill(values.reshape(-1), below.reshape(-1))
    return below


@njit(nogil=True, cache=True)
def _fill(x, below):  # type: ignore[no-untyped-def]
    for place in range(len(x)):
        below[place] = 0.5 * math.erfc(-math.sqrt(0.5) * x[place])
