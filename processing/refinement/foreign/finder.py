"""Lines in what a fit leaves of a pattern: a matched filter that knows how the model may be wrong.

The residual is white noise, what the fit's parameters have taken up, and what the model may get wrong of its own
lines: their places, widths and shapes. All three have a known covariance, so the best filter for a line of one place
and width is known too (the generalised matched filter: S. M. Kay, Fundamentals of Statistical Signal Processing II,
1998, section 4.4). What the sample's own profiles can explain weighs little; a line on the flank of another is still
seen where its shape is another one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.foreign.lines import ForeignLine, rows_of

Floats = NDArray[np.float64]
# FWHM of the filters in degrees, and the least in bins.
WIDEST_DEG = 0.75
NARROWEST_BINS = 1.2
WIDTH_STEP = 1.5
# Lorentzian half width over sigma of a line whose shape is not known; its FWHM is then so many sigma.
SHAPE = 0.5
FWHM_OF_SIGMA = 2.93
# What the model may get wrong of its own lines and of foreign ones, for each derivative of the profile, as a share
# of a line's height: one standard deviation.
MISFIT = 0.03
FOREIGN_MISFIT = 0.1
DERIVATIVES = 4
# What no derivative describes, from bin to bin, as a share of the lines at that angle: the sample's and foreign ones.
UNKNOWN = 0.005
FOREIGN_UNKNOWN = 0.03
# Of lines with less than this in units of the noise nothing can be got wrong.
LEAST_MISFIT = 0.1
# A parameter of the fit may have taken up so many times the noise.
FREE = 1e3
# A line is there at so many sigmas; the costly part of the filter looks at what has this many by itself.
SIGMAS = 6.0
FIRST_LOOK = 4.5
# Lines found at once are at least so many FWHM apart, and as clear as this share of the clearest: what is much
# weaker may be what the clear ones have done to the fit.
APART = 2.0
AS_CLEAR = 0.4


class Left(NamedTuple):
    """What a fit leaves: in units of the noise, the mean over ``frames`` of them.

    residual, deviation: (bins,), deviation is the noise of one frame in the pattern's unit. jacobian: (parameters,
    bins) of the fit. own, foreign: (lines, bins) the fitted lines of the sample and the other ones.
    """

    residual: Floats
    deviation: Floats
    jacobian: Floats
    own: Floats
    foreign: Floats
    frames: float


def new_lines(left: Left, grid: Floats) -> tuple[ForeignLine, ...]:
    """The lines that stand out of what is left over this grid (degrees), the clearest first."""
    scale = np.sqrt(left.frames)
    left = _doubted(left)
    residual = scale * left.residual
    candidates = _candidates(residual, left.deviation, grid)
    if not candidates:
        return ()
    nuisance = _nuisance(left, grid)
    matches, squares = _matched(rows_of(candidates, grid) / left.deviation, residual, nuisance)
    sigmas = matches / np.sqrt(squares)
    clear = [(float(sigma), line) for sigma, line in zip(sigmas, candidates, strict=True) if sigma > SIGMAS]
    clear.sort(key=lambda each: -each[0])
    return _distinct(clear) if clear else ()


def _matched(rows: Floats, residual: Floats, nuisance: Floats) -> tuple[Floats, Floats]:
    """How far each of these rows (rows, bins) matches a residual, and its own square, both (rows,), without what the
    nuisances explain; all in units of the noise."""
    crossed = rows @ nuisance.T
    # (1 + N Nᵀ)⁻¹ of what the nuisances N have in common with the residual and with each line.
    common = np.linalg.solve(
        np.eye(len(nuisance)) + nuisance @ nuisance.T, np.column_stack([nuisance @ residual, crossed.T])
    )
    alone = np.sum(rows * rows, axis=1)
    squares = np.maximum(alone - np.sum(crossed * common[:, 1:].T, axis=1), 1e-12 * alone)
    return rows @ residual - crossed @ common[:, 0], squares


def _candidates(residual: Floats, deviation: Floats, grid: Floats) -> tuple[ForeignLine, ...]:
    """Lines at the bins, from the narrowest that these resolve to WIDEST_DEG, that stand out by themselves."""
    step = float(np.median(np.diff(grid)))
    # A line of one width is the same at every bin: its match with the residual is a convolution. Missing bins are 0.
    places = np.concatenate([[0], np.cumsum(np.maximum(np.rint(np.diff(grid) / step), 1.0))]).astype(np.intp)
    size = int(places[-1]) + 1
    signal, weight = np.zeros(size), np.zeros(size)
    signal[places], weight[places] = residual / deviation, deviation**-2.0
    signal_f, weight_f = np.fft.rfft(signal, 3 * size), np.fft.rfft(weight, 3 * size)
    offsets = step * np.arange(1.0 - size, size)
    found: list[ForeignLine] = []
    narrowest = NARROWEST_BINS * step
    for width in range(max(int(np.log(WIDEST_DEG / narrowest) / np.log(WIDTH_STEP)), 0) + 1):
        sigma = narrowest / FWHM_OF_SIGMA * WIDTH_STEP**width
        row = rows_of((ForeignLine(0.0, sigma, SHAPE * sigma),), offsets)[0]
        match, square = (
            np.fft.irfft(of * np.fft.rfft(kernel, 3 * size), 3 * size)[size - 1 :][places]
            for of, kernel in ((signal_f, row), (weight_f, row * row))
        )
        standing = np.flatnonzero(match > FIRST_LOOK * np.sqrt(np.maximum(square, 0.0)))
        found.extend(ForeignLine(float(grid[place]), sigma, SHAPE * sigma) for place in standing)
    return tuple(found)


def _doubted(left: Left) -> Left:
    """With the noise that misfit adds where lines are."""
    wrong = UNKNOWN * left.own.sum(axis=0) + FOREIGN_UNKNOWN * np.maximum(left.foreign, 0.0).sum(axis=0)
    total = np.hypot(left.deviation, np.sqrt(left.frames) * wrong)
    return left._replace(deviation=total, residual=left.residual * left.deviation / total)


def _nuisance(left: Left, grid: Floats) -> Floats:
    """What may be in the residual beside noise, one standard deviation each, in units of the noise: (rows, bins)."""
    taken_up = _unbound(left.jacobian / left.deviation)
    own = _misfit(left.own / left.deviation, grid, MISFIT)
    foreign = _misfit(left.foreign / left.deviation, grid, FOREIGN_MISFIT)
    return np.concatenate([taken_up, np.sqrt(left.frames) * own, np.sqrt(left.frames) * foreign])


def _unbound(rows: Floats) -> Floats:
    """Rows (rows, bins) in units of the noise, scaled to what a free parameter may have taken up."""
    return np.asarray(rows * FREE / np.sqrt(np.maximum(np.sum(rows**2, axis=1, keepdims=True), 1e-300)))


def _misfit(lines: Floats, grid: Floats, share: float) -> Floats:
    """What a model gets wrong of these lines (lines, bins), for each derivative: (rows, bins)."""
    heights = share * np.max(lines, axis=1, initial=0.0)
    shapes, heights = lines[heights > LEAST_MISFIT], heights[heights > LEAST_MISFIT, None]
    rows = [np.empty((0, len(grid)))]
    for _ in range(DERIVATIVES if len(shapes) else 0):
        shapes = np.gradient(shapes, grid, axis=1)
        rows.append(heights * shapes / np.maximum(np.max(np.abs(shapes), axis=1, keepdims=True), 1e-300))
    return np.concatenate(rows)


def _distinct(found: list[tuple[float, ForeignLine]]) -> tuple[ForeignLine, ...]:
    kept: list[ForeignLine] = []
    for _, line in (each for each in found if each[0] > AS_CLEAR * found[0][0]):
        if all(_apart(line, one) for one in kept):
            kept.append(line)
    return tuple(kept)


def _apart(line: ForeignLine, other: ForeignLine) -> bool:
    return abs(line.two_theta - other.two_theta) > APART * max(line.fwhm_deg, other.fwhm_deg)
