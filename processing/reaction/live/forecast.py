"""When the remaining change will be under the tolerance."""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.verdict import Forecast
from latticewatch.processing.reaction.live.hypotheses import MOVE, Bank, proven
from latticewatch.processing.reaction.live.motion import Array, Motion
from latticewatch.processing.reaction.live.normal import normal_cdf
from latticewatch.processing.reaction.live.onset import Onset

# Wider than this factor between the 5 % and 95 % points, or with so many hypotheses that see no end, the data do not
# bear a forecast.
WIDEST = 3.0
ENDLESS = 0.04
LEAST_WEIGHT = 2e-3
NEVER_S = 1e9
GRID = np.linspace(-3.0, 3.0, 41)


def forecast_of(motion: Motion, bank: Bank, time_s: float, start: Onset, tolerance: float) -> Forecast | None:
    """From all hypotheses of motion, each with its own spread. None where the data do not bear a forecast."""
    weights = proven(bank)
    chosen = (bank.kind == MOVE) & (weights > LEAST_WEIGHT)
    if not chosen.any():
        return None
    weight = weights[chosen] / weights[chosen].sum()
    left, variance = _times_left(motion, bank, chosen, time_s, start, tolerance)
    good = np.isfinite(left) & (left > 0.0) & np.isfinite(variance)
    if weight[~good].sum() > ENDLESS:
        return None
    # In ln t: a time left cannot be negative, and its error grows with it.
    points = _quantiles(weight[good], np.log(left[good]), np.sqrt(variance[good]) / left[good])
    if points is None or points[2] - points[0] > math.log(WIDEST):
        return None
    early, middle, late = (time_s + math.exp(point) for point in points)
    return Forecast(middle, early, late)


def _times_left(
    motion: Motion, bank: Bank, chosen: NDArray[np.bool_], time_s: float, start: Onset, tolerance: float
) -> tuple[Array, Array]:
    """Time left of each chosen hypothesis (n,) and its variance, by linear propagation."""
    x, P, fade, age = bank.x[chosen], bank.P[chosen], bank.fade[chosen], time_s - bank.left_s[chosen]
    level = np.full(len(x), start.level)
    left = np.minimum(motion.time_left(x, level, tolerance, fade, age), NEVER_S)
    gradient = np.empty_like(x)
    for axis in range(motion.size):
        nudge = 1e-3 * np.sqrt(P[:, axis, axis]) + 1e-15
        moved = x.copy()
        moved[:, axis] += nudge
        gradient[:, axis] = (np.minimum(motion.time_left(moved, level, tolerance, fade, age), NEVER_S) - left) / nudge
    variance = np.einsum("ni,nij,nj->n", gradient, P, gradient)
    step = 1e-3 * math.sqrt(start.variance) + 1e-15
    by_start = (np.minimum(motion.time_left(x, level + step, tolerance, fade, age), NEVER_S) - left) / step
    ahead = bank.walk[chosen] ** 2 * np.maximum(motion.rates(x), 0.0) * left**3 / 3.0
    return left, variance + by_start**2 * start.variance + ahead


def _quantiles(weight: Array, mean: Array, spread: Array) -> tuple[float, float, float] | None:
    """5 %, 50 % and 95 % points of a mixture of Gaussians (n,)."""
    if not len(weight) or not weight.sum() > 0.0:
        return None
    weight = weight / weight.sum()
    centre = float(weight @ mean)
    width = math.sqrt(float(weight @ (spread**2 + (mean - centre) ** 2))) + 1e-12
    values = centre + width * GRID
    below = normal_cdf((values[:, None] - mean) / (spread + 1e-12)) @ weight
    early, middle, late = np.interp([0.05, 0.5, 0.95], below, values)
    return float(early), float(middle), float(late)
