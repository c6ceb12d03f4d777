"""The bins that are fitted: the run's grid cut to the lines' range and rebinned where it is finer than needed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.fit_range import EVERYWHERE, FitRange
from latticewatch.processing.flow.empty_cell import EmptyCell
from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS, Lines
from latticewatch.processing.refinement.solver.solve import Data

Floats = NDArray[np.float64]
MOST_BINS = 640
# Cells that are closer to one another (Å) may exchange and meet.
EXCHANGE_A = 0.6
# h² + k² + l² grows by 1 at least to the next line; its tail is left out too.
JUST_BEFORE = 0.75
# Empty bins in a row are without light, and not without luck, where so many counts were to be expected of them, at
# this share of the pattern's level.
FEWEST_DARK = 3
DARK_LEVEL = 0.05
EXPECTED_COUNTS = 25.0
# Towards the dark a pattern is cut where its level has fallen below this share of what it is further in the light.
FALLEN_TO = 0.85
FURTHER_IN = 24


@dataclass(frozen=True, slots=True)
class Window:
    """Bins first to last (exclusive) of the run's grid, ``factor`` of them to one fitted bin.

    grid: centres of the fitted bins in degrees; basis: (BACKGROUND_TERMS, bins) the background's polynomials, the last
    one replaced by the empty cell's pattern where there is one. used: (bins,) which of them are fitted. step_deg: from
    bin to bin, the median.
    empty: the empty cell, None where it was not measured; empty_variance: (bins,) that of its row.
    """

    first: int
    last: int
    factor: int
    grid: Floats
    basis: Floats
    used: NDArray[np.bool_]
    step_deg: float
    empty: EmptyCell | None = None
    empty_variance: Floats | None = None

    def join(self, values: NDArray[np.floating]) -> Floats:
        """Mean of each group of bins, NaN where none of them is known. values: (bins,) of the run's grid."""
        inside = values[self.first : self.last].astype(np.float64)
        return inside if self.factor == 1 else _means(inside.reshape(-1, self.factor))

    def parts(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """(bins,) how many bins of the run's grid are known in each group, at least 1."""
        known = np.isfinite(values[self.first : self.last]).reshape(-1, self.factor)
        return np.asarray(np.maximum(known.sum(axis=1), 1))


def window_of(
    two_theta: Floats,
    lines: Lines,
    bins_wanted: int = MOST_BINS,
    fit: FitRange = EVERYWHERE,
    empty: EmptyCell | None = None,
) -> Window:
    """The window around these lines at their start cells. two_theta: the run's grid in degrees."""
    sines = lines.wavelength_A * lines.root_n / (2.0 * lines.cell[lines.phase])
    angles = 2.0 * np.degrees(np.arcsin(np.minimum(sines, 1.0)))
    margin = max(0.08 * (angles.max() - angles.min()), 0.1 * angles.min())
    highest = min(angles.max() + margin, _modelled_to(lines))
    return window_between(two_theta, angles.min() - margin, highest, bins_wanted, fit, empty)


def window_between(
    two_theta: Floats, low: float, high: float, bins_wanted: int, fit: FitRange, empty: EmptyCell | None
) -> Window:
    """The window between these angles in degrees, as far as they are seen and fitted."""
    lowest, highest = fit.within(two_theta)
    first = int(np.searchsorted(two_theta, max(low, lowest)))
    highest = min(high, np.nextafter(highest, np.inf))
    last = int(np.searchsorted(two_theta, highest))
    factor = max(1, math.floor((last - first) / bins_wanted))
    last -= (last - first) % factor
    grid = _means(two_theta[first:last].reshape(-1, factor))
    basis = chebyshev(grid, float(two_theta[first]), float(two_theta[last - 1]))
    used, step_deg = fit.fitted(grid), float(np.median(np.diff(grid)))
    if empty is None:
        return Window(first, last, factor, grid, basis, used, step_deg)
    row, sigma = (_means(each.reshape(-1, factor)) for each in empty_row(empty, two_theta[first:last]))
    used &= np.isfinite(row)
    basis[-1] = np.nan_to_num(row)
    return Window(first, last, factor, grid, basis, used, step_deg, empty, np.nan_to_num(sigma) ** 2 / factor)


def empty_row(empty: EmptyCell, two_theta: Floats) -> tuple[Floats, Floats]:
    """The empty cell's pattern at these angles and its sigma, each (bins,), in units of its mean over all angles."""
    mean = float(np.mean(np.abs(empty.intensity))) or 1.0
    intensity, sigma = empty.over(two_theta)
    return intensity / mean, sigma / mean


def _modelled_to(lines: Lines) -> float:
    """Degrees from which a line may lie that is not in the model, wherever the cells go in an exchange."""
    limits = [180.0]
    for phase, cell in enumerate(lines.cell):
        largest = max(other for other in lines.cell if abs(other - cell) < EXCHANGE_A)
        next_root = math.sqrt(float(lines.root_n[lines.phase == phase].max()) ** 2 + JUST_BEFORE)
        sine = lines.wavelength_A * next_root / (2.0 * largest)
        limits.append(2.0 * math.degrees(math.asin(min(sine, 1.0))))
    return min(limits)


def _means(groups: Floats) -> Floats:
    known = np.isfinite(groups)
    count = known.sum(axis=1)
    total = np.where(known, groups, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def chebyshev(grid: Floats, low: float, high: float) -> Floats:
    """(BACKGROUND_TERMS, bins): Chebyshev polynomials over low to high degrees."""
    scaled = (2.0 * grid - low - high) / (high - low)
    return np.ascontiguousarray(np.polynomial.chebyshev.chebvander(scaled, BACKGROUND_TERMS - 1).T)


def data_of(
    window: Window,
    intensity: NDArray[np.floating],
    sigma: NDArray[np.floating],
    noise: float,
    empty_scale: float | None = None,
) -> Data:
    """What the solver reads, without the bins that are missing. noise: factor on the variances. empty_scale: amplitude
    of the empty cell's row as it was found; None: not yet, the most that it can be.

    For counts the variance is gain · intensity; the gain (one over the pixels in the bin) comes from the sigmas and
    is filled from the neighbours where a bin has no counts, so that empty bins get a true weight.
    """
    y, deviation = window.join(intensity), window.join(sigma)
    variance = deviation * deviation * (noise / window.parts(sigma))
    known = window.used & np.isfinite(variance + y) & lit(y, variance)
    grid, basis, empty = window.grid, window.basis, window.empty_variance
    if not known.all():
        grid, basis = grid[known], np.ascontiguousarray(basis[:, known])
        y, variance = y[known], variance[known]
    gain = _gain(y, variance)
    level = np.partition(y, len(y) // 2)[len(y) // 2] if len(y) else 0.0
    floor = np.maximum(0.05 * abs(level) * gain, 1e-300)
    if empty is not None and len(y):
        scale = float(level / np.median(basis[BACKGROUND_TERMS - 1])) if empty_scale is None else empty_scale
        noise_of_empty = scale * scale * empty[known]
        variance, floor = variance + noise_of_empty, floor + noise_of_empty
    return Data(grid, basis, y, variance, gain, floor)


def lit(y: Floats, variance: Floats) -> NDArray[np.bool_]:
    """(bins,) where light falls: not outside a round plate, nor behind a beam stop, nor where it fades towards these.

    y, variance: (bins,) intensity and its variance, NaN where nothing was measured.
    """
    bright = np.ones(len(y), dtype=np.bool_)
    if len(y) and y.min() > 0.0:
        return bright
    edges = np.flatnonzero(np.diff(np.concatenate([[False], y <= 0.0, [False]]).astype(np.int8)))
    if not np.any(np.diff(edges)[::2] >= FEWEST_DARK):
        return bright
    level, counts = _level(y, variance)
    if not counts > 0.0:
        return bright
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if last - first >= max(FEWEST_DARK, EXPECTED_COUNTS / (DARK_LEVEL * counts)) and not y[first:last].any():
            bright[_faded(y, first, -1, level) : _faded(y, last - 1, 1, level)] = False
    return bright


def _level(y: Floats, variance: Floats) -> tuple[float, float]:
    """The pattern's middling intensity, and how many counts a bin of it holds."""
    positive = np.flatnonzero((y > 0.0) & (variance > 0.0))
    if not len(positive):
        return 0.0, 0.0
    return float(np.median(y[positive])), float(np.median(y[positive] ** 2 / variance[positive]))


def _faded(y: Floats, edge: int, step: int, level: float) -> int:
    """The first bin (step -1) or the end of the bins (step 1) that fade towards the dark bins that end at ``edge``."""
    at = edge
    while 0 <= at + step < len(y):
        further = y[at + step : at + step + FURTHER_IN * step : step]
        known = further[np.isfinite(further)]
        usual = min(float(np.quantile(known, 0.25)), level) if len(known) else level
        if np.isfinite(y[at + step]) and y[at + step] >= FALLEN_TO * usual:
            break
        at += step
    return at if step < 0 else at + 1


def _gain(y: Floats, variance: Floats) -> Floats:
    positive = (y > 0.0) & (variance > 0.0)
    if positive.all():
        return variance / y
    if not positive.any():
        return np.ones_like(y)
    index = np.arange(len(y))
    return np.interp(index, index[positive], (variance[positive] / y[positive]))
