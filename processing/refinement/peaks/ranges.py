"""Which peaks are fitted together, and where one that somebody points at is looked for."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import PeakRange

# Of a proposed range: the bins that a peak takes, how far a top is looked for, how many widths lie on either side, and
# by how many sigma a pattern must rise for another line to begin.
FEWEST_BINS, REACH, WIDTHS, CLEARLY = 12, 3, 3.0, 4.0
SMOOTH = np.array([0.25, 0.5, 0.25])


def together(ranges: Sequence[PeakRange]) -> list[tuple[int, ...]]:
    """The numbers of those that overlap, directly or through others."""
    groups: list[list[int]] = []
    reached = -math.inf
    for number in sorted(range(len(ranges)), key=lambda each: ranges[each].two_theta_deg):
        low, high = ranges[number].two_theta_deg
        if low < reached:
            groups[-1].append(number)
        else:
            groups.append([number])
        reached = max(reached, high)
    return [tuple(sorted(group)) for group in groups]


def range_around(pattern: Pattern, two_theta_deg: float) -> tuple[float, float] | None:
    """Where to look for the peak at this angle in degrees, as a first proposal: three widths to either side of its top,
    but no further than where the next line begins. None where nothing was measured there."""
    x, y, sigma = (each.astype(np.float64) for each in (pattern.two_theta, pattern.intensity, pattern.sigma))
    known = np.flatnonzero(np.isfinite(y) & np.isfinite(sigma))
    if len(known) < FEWEST_BINS:
        return None
    x, sigma = x[known], sigma[known]
    y = np.convolve(np.pad(y[known], 1, "edge"), SMOOTH, "valid")
    top = int(np.argmin(np.abs(x - two_theta_deg)))
    while (step := int(np.argmax(y[max(0, top - REACH) : top + REACH + 1])) - min(top, REACH)) != 0:
        top += step
    feet = [_foot(y, sigma, top, way) for way in (-1, 1)]
    half = 0.5 * (y[top] + max(y[foot] for foot in feet))
    above = [next((abs(number - top) for number in _from(top, foot) if y[number] < half), 1) for foot in feet]
    reach = max(FEWEST_BINS // 2 + 1, round(WIDTHS * sum(above)))
    low, high = max(feet[0], top - reach), min(feet[1], top + reach)
    low, high = min(low, top - FEWEST_BINS // 2 - 1), max(high, top + FEWEST_BINS // 2 + 1)
    return round(float(x[max(0, low)]), 3), round(float(x[min(len(x) - 1, high)]), 3)


def _from(top: int, foot: int) -> range:
    return range(top, foot + (1 if foot > top else -1), 1 if foot > top else -1)


def _foot(y: NDArray[np.float64], sigma: NDArray[np.float64], top: int, way: int) -> int:
    """The lowest bin on this side before it rises again by more than noise."""
    foot = number = top
    while 0 <= number + way < len(y):
        number += way
        if y[number] < y[foot]:
            foot = number
        elif y[number] > y[foot] + CLEARLY * sigma[number]:
            break
    return foot
