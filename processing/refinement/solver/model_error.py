"""The model's own error of a cell: what its lines do not agree on, beyond the noise.

Every bin i moves a cell by h_i r_i, with h = (C Jᵀ W)_i and r what the fit leaves. Were the r noise of the variances
1 / w, the variance of the cell would be Σ h²/w. What a wrong profile or intensity leaves is alike over the width of a
line, so that the moves of each such block are summed first: Σ_blocks (Σ_i h_i r_i)², the covariance of clusters (the
"sandwich" of econometrics; J.-F. Bérar and P. Lelann, J. Appl. Cryst. 24, 1 (1991), correct for the same with fewer
means). The ratio of the two is 1 for noise, the gain for a detector whose gain is not known, and more where lines
disagree. An error that all lines share is not seen by it.
"""

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.solver.solve import Data, Solution, weigh

Floats = NDArray[np.float64]
REMEMBERED = 20
# After so many frames one counts for no more than so many times what those before it had: a bad one is forgotten.
SETTLED = 3
OUTLIER = 3.0
# Lines that disagree by so many deviations more than those before are this frame's own.
UNUSUAL_SIGMAS = 3.0
# χ² per bin is more than noise where it is this many of its deviations above 1.
MISFIT_SIGMAS = 5.0
# What hides under merged lines (broad lines of something else) is alike over so many of their widths.
ALIKE_WIDTHS = 4.0


class Modelled(Protocol):
    """What a solution says of every bin: model (bins,), jacobian (parameters, bins)."""

    @property
    def model(self) -> Floats: ...

    @property
    def jacobian(self) -> Floats: ...


class Scatter(NamedTuple):
    """For each number that is quoted: counted, its variance by the data's own weights, ratio, how much more the
    blocks scatter, and blocks, how many of them count."""

    counted: Floats
    ratio: Floats
    blocks: Floats


@njit(nogil=True, cache=True, error_model="numpy")
def scatter_of(rows: Floats, solution: Modelled, data: Data, block_deg: float) -> Scatter:
    """rows: (numbers, parameters), the gradient of each number times the covariance. block_deg: a line's width."""
    count, bins = len(rows), len(data.y)
    w, move = np.empty(bins), np.empty(bins)
    weigh(solution.model, data, w)
    counted, squares, fourth = np.zeros(count), np.zeros(count), np.zeros(count)
    for row in range(count):
        move[:] = 0.0
        for k in range(rows.shape[1]):
            factor = rows[row, k]
            for i in range(bins):
                move[i] += factor * solution.jacobian[k, i]
        start, total, variance = data.grid[0], 0.0, 0.0
        for i in range(bins):
            if data.grid[i] - start > block_deg:
                squares[row] += total * total
                fourth[row] += variance * variance
                counted[row] += variance
                start, total, variance = data.grid[i], 0.0, 0.0
            total += move[i] * w[i] * (data.y[i] - solution.model[i])
            variance += move[i] * move[i] * w[i]
        squares[row] += total * total
        fourth[row] += variance * variance
        counted[row] += variance
    safe = np.maximum(counted, 1e-300)
    return Scatter(counted, squares / safe, safe * safe / np.maximum(fourth, 1e-300))


class ModelError(NamedTuple):
    """Ratios of scatter over the last frames, in units of the pattern's own sigmas: misfit is steady."""

    ratio: Floats
    frames: int

    def joined(self, scatter: Scatter, noise: float) -> "ModelError":
        """With one more frame. noise: factor that the variances of the data were multiplied by."""
        frames = min(self.frames + 1, REMEMBERED)
        now = scatter.ratio * noise
        before = self.ratio if self.frames else np.zeros_like(now)
        if self.frames >= SETTLED:
            now = np.minimum(now, OUTLIER * np.maximum(before, noise))
        return ModelError(before + (now - before) / frames, frames)

    def variance(self, scatter: Scatter, noise: float) -> Floats:
        """What is to be added to each variance; chance alone adds next to nothing."""
        alone = np.sqrt(2.0 / np.maximum(scatter.blocks, 1.0))
        usual = self.ratio / noise - 1.0 - alone / math.sqrt(self.frames)
        # What is in this frame and was not in those before.
        new = scatter.ratio > (1.0 + UNUSUAL_SIGMAS * alone) * np.maximum(self.ratio / noise, 1.0)
        return np.asarray(np.maximum(np.where(new, scatter.ratio - 1.0, usual), 0.0) * scatter.counted)


def doubt_of_merged(solution: Solution, data: Data, width_deg: float) -> float:
    """By what the variance of two merged lattices' distance is to be multiplied, at least 1. width_deg: of a line.

    While lines are apart each says where its lattice is, and their scatter shows what the model gets wrong. The
    distance of merged lattices is told by the shape of all lines together, which absorbs what bends them all. A misfit
    that is alike over n bins multiplies a variance by χ² + (n - 1)(χ² - 1), χ² per bin: the design effect of clusters
    (L. Kish, Survey Sampling, 1965).
    """
    bins = len(data.y)
    misfit = solution.chi2 / bins - MISFIT_SIGMAS * math.sqrt(2.0 / bins)
    if misfit <= 1.0:
        return 1.0
    alike = ALIKE_WIDTHS * width_deg / float(np.median(np.diff(data.grid)))
    return misfit + max(alike - 1.0, 0.0) * (misfit - 1.0)


NOTHING_YET = ModelError(np.zeros(0), 0)
