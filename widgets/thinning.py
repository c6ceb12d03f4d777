"""Curves of any length at the resolution of the screen."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def thinned(times: Floats, low: Floats, high: Floats, columns: int) -> tuple[Floats, Floats]:
    """Pairs of points (lowest, highest) of at most ``columns`` groups of neighbours.

    Returns times (2 n,) and values (2 n,), low and high in turn, n <= columns; NaN where a whole group is NaN,
    so that a gap of more than a pixel stays a gap.
    """
    size = max(1, -(-len(times) // columns))
    if not len(times):
        return np.empty(0), np.empty(0)
    starts = np.arange(0, len(times), size)
    pairs = np.stack([np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)], axis=1)
    return np.repeat(times[starts], 2), pairs.ravel()
