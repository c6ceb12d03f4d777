"""The bins that are fitted: the run's grid cut to the lines' range and rebinned where it is finer than needed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.lines import BACKGROUND_TERMS, Lines
from latticewatch.processing.refinement.solve import Data

Floats = NDArray[np.float64]
MOST_BINS = 640


@dataclass(frozen=True, slots=True)
class Window:
    """Bins first to last (exclusive) of the run's grid, ``factor`` of them to one fitted bin."""

    first: int
    last: int
    factor: int

    def join(self, values: Floats) -> Floats:
        """Mean of each group of bins, NaN where none of them is known. values: (bins,) of the run's grid."""
        groups = values[self.first : self.last].reshape(-1, self.factor)
        if self.factor == 1:
            return groups[:, 0].astype(np.float64)
        known = np.isfinite(groups)
        count = known.sum(axis=1)
        total = np.where(known, groups, 0.0).sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def window_of(two_theta: Floats, lines: Lines, cells: Floats, bins_wanted: int = MOST_BINS) -> Window:
    """The window around these lines. two_theta: the run's grid in degrees."""
    sines = lines.wavelength_A * lines.root_n / (2.0 * cells[lines.phase])
    angles = 2.0 * np.degrees(np.arcsin(np.minimum(sines, 1.0)))
    margin = max(0.08 * (angles.max() - angles.min()), 0.1 * angles.min())
    first = int(np.searchsorted(two_theta, angles.min() - margin))
    last = int(np.searchsorted(two_theta, angles.max() + margin))
    factor = max(1, math.floor((last - first) / bins_wanted))
    return Window(first, last - (last - first) % factor, factor)


def chebyshev(grid: Floats, low: float, high: float) -> Floats:
    """(BACKGROUND_TERMS, bins): Chebyshev polynomials over low to high degrees."""
    scaled = (2.0 * grid - low - high) / (high - low)
    return np.ascontiguousarray(np.polynomial.chebyshev.chebvander(scaled, BACKGROUND_TERMS - 1).T)


def data_of(window: Window, two_theta: Floats, intensity: Floats, sigma: Floats) -> Data:
    """What the solver reads, without the bins that are missing.

    For counts the variance is gain · intensity; the gain (one over the pixels in the bin) comes from the sigmas and
    is filled from the neighbours where a bin has no counts, so that empty bins get a true weight.
    """
    low, high = two_theta[window.first], two_theta[window.last - 1]
    y = window.join(intensity)
    known = np.isfinite(window.join(sigma)) & np.isfinite(y)
    variance = window.join(np.square(sigma.astype(np.float64))) / window.factor
    grid = window.join(two_theta)[known]
    y, variance = y[known], variance[known]
    gain = _gain(y, variance)
    floor = 0.05 * gain * max(float(np.median(np.abs(y))), 1e-300)
    return Data(grid, chebyshev(grid, low, high), y, variance, gain, np.maximum(floor, 1e-300))


def _gain(y: Floats, variance: Floats) -> Floats:
    positive = (y > 0.0) & (variance > 0.0)
    if not positive.any():
        return np.ones_like(y)
    index = np.arange(len(y))
    return np.interp(index, index[positive], (variance[positive] / y[positive]))
