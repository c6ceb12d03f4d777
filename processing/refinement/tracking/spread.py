"""The spread of two lattices' cells where it follows no law that is known.

The model's law (the square of the distance of the cells, times c + k ln² of it) is that of crystals whose exchange
rates differ, for which c is nothing. Where the data find a c, or a spread that follows no law at all, they only say how
wide the spread is now. Once the lines merge it is seen no more, and distance and spread look alike. It may then stay
as it is or vanish with the distance: the model goes half way, and the esds of the cells hold the other half.
"""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import UNIT_SPREAD, spread_of
from latticewatch.processing.refinement.solver.solve import Prior, Solution

Floats = NDArray[np.float64]
# χ² of what the law of unlike rates has no place for, in four numbers, from which on it is there.
LAWLESS = 14.0
# The share of the spread that is taken to stay, while the rest goes with the squared distance; and one standard
# deviation of how either changes by itself from frame to frame, as a share of the spread, beside that of the distance.
STAYS = 0.5
STEP = 0.05
# Where cells spread by so many deviations less than nothing the model has bent to what it has no place for.
IMPOSSIBLE = 3.5
# One standard deviation of how much more, or less, of the spread has gone than half of it.
UNKNOWN_SHARE = 0.5


def follows_law(x: Floats, covariance: Floats, lay: Layout) -> bool:
    """Whether the spreads of two lattices may follow the law. covariance: of the tracked parameters."""
    beside = [lay.cell_variance, lay.cell_variance + 1, lay.free_variance, lay.free_variance + 1]
    variance = np.maximum(np.diag(covariance)[[k - lay.extra for k in beside]], 1e-300)
    return bool(np.sum(x[beside] ** 2 / variance) < LAWLESS)


def as_seen(
    x: Floats, mean: Floats, covariance: Floats, moved: float, lines: Lines, lay: Layout
) -> tuple[Floats, Floats, Floats]:
    """Parameters, and mean and covariance of the tracked ones, with spreads of the same width of which half stays and
    half goes with the squared distance. moved: how far a cell has moved since the frame before, Å."""
    turn, steps, turned = np.eye(len(mean)), np.zeros(len(mean)), list[int]()
    for phase in range(2):
        c, k, u = (
            first + phase - lay.extra for first in (lay.cell_variance, lay.cell_variance_growth, lay.free_variance)
        )
        variance, by_c, by_k, _ = spread_of(x, phase, lines, lay)
        square = max(by_c / UNIT_SPREAD, 1e-12)
        law = np.zeros(len(mean))
        law[[c, k, u]] = square, by_k / UNIT_SPREAD, 1.0
        turn[k], turn[u], turn[c] = 0.0, STAYS * law, (1.0 - STAYS) * law / square
        width = math.hypot(STEP, moved / abs(x[1] - x[0])) * max(variance / UNIT_SPREAD, 1.0)
        steps[[c, u]] = width / square, width
        steps[k] = 1e-6
        turned += [c, k, u]
    new, rows = x.copy(), turn[turned]
    new[lay.extra :] = turn @ x[lay.extra :]
    # All other rows of the turn are those of no turn.
    half = covariance.copy()
    half[turned] = rows @ covariance
    whole = half.copy()
    whole[:, turned] = half @ rows.T
    whole[np.diag_indices(len(mean))] += steps**2
    return new, turn @ mean, whole


def unseen_variance(rows: Floats, x: Floats, prior: Prior, lay: Layout) -> Floats:
    """Variance of each number for what is not known of the spreads while the lines are merged, (numbers,).

    rows: (numbers, parameters), the gradient of each number times the covariance. prior: of the fit.
    """
    distance = x[1] - x[0]
    off = np.zeros(len(prior.mean))
    for phase in range(2):
        stays, goes = x[lay.free_variance + phase], x[lay.cell_variance + phase] * distance**2 / UNIT_SPREAD
        off[lay.free_variance + phase - lay.extra] = UNKNOWN_SHARE * max(stays - goes, 0.0)
    return np.asarray(np.square(rows[:, lay.extra :] @ (prior.information @ off)))


def less_than_nothing(solution: Solution, lines: Lines, lay: Layout) -> bool:
    """Whether one of two lattices spreads by clearly less than nothing, which no sample does.

    While their lines are merged, intensities that move (texture) are told from distance and spread by the shape of the
    lines alone: distance, amounts and spread then go wrong together, the spread below zero.
    """
    for phase in range(2):
        variance, by_c, by_k, by_d = spread_of(solution.x, phase, lines, lay)
        gradient = np.zeros(lay.length)
        gradient[[1, lay.cell_variance + phase, lay.cell_variance_growth + phase]] = by_d, by_c, by_k
        gradient[lay.free_variance + phase] = UNIT_SPREAD
        if variance < -IMPOSSIBLE * math.sqrt(max(float(gradient @ solution.covariance @ gradient), 0.0)):
            return True
    return False
