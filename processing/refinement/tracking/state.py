"""What is remembered from frame to frame: the tracked parameters, their covariance, and how they may move."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.solver.algebra import inverse
from latticewatch.processing.refinement.solver.model_error import MISFIT_SIGMAS
from latticewatch.processing.refinement.solver.solve import Prior, Solution

Floats = NDArray[np.float64]
# Standard deviation of the step that a tracked parameter may take from one frame to the next...
INTENSITY_CORRECTION_STEP = 0.0002
GAUSSIAN_WIDTH_STEP = 1e-5
SHAPE_STEP = 2e-5
CELL_VARIANCE_STEP = 2e-5
CELL_VARIANCE_GROWTH_STEP = 1.5e-5
FREE_VARIANCE_STEP = 0.02
SPLIT_STEP = 0.05
VEGARD_FRACTION_STEP = 0.0003
RATIO_STEP = 0.001
# As a share of the amplitude: the flux moves all lines, what does not belong to the sample comes and goes.
EXTRA_STEP = 0.2
# Of frames in which nothing was learnt so many count, where a parameter drifts.
MOST_DRIFTS = 20
# ... and of the step that goes with a change of composition, for 1 Å of change of a cell.
INTENSITY_CORRECTION_PER_A = 0.03
GAUSSIAN_WIDTH_PER_A = 0.001
VEGARD_FRACTION_PER_A = 0.03
RATIO_PER_A = 0.05
# The area of a line that is new, as a multiple of what is left unexplained at its place.
AREA_FIRST = 3.0
# Frames and Å of change over which the patterns alone say where the tracked parameters are.
LONG = 1000
LONG_WAY_A = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """The last fitted pattern: its grid, its lines without background, what was left (in sigmas); each (bins,)."""

    grid: Floats
    peaks: Floats
    residual: Floats

    def peaks_at(self, grid: Floats) -> Floats:
        """The lines on another frame's grid."""
        same = len(grid) == len(self.grid) and np.array_equal(grid, self.grid)
        return self.peaks if same else np.interp(grid, self.grid, self.peaks)


@dataclass(frozen=True, slots=True)
class State:
    """After a frame: all parameters, what is known of the tracked ones, and the pattern.

    mean, covariance: of the tracked parameters as of ``age`` frames ago, while the cells moved by ``moved`` (Å)
    since. certainty: distance of two cells over its standard deviation. grounded: frames since the start in which
    the lines of two components were apart. absent: the one of two components that is not there, -1 for none.
    drift: variance that is added for each frame, (tracked parameters,), where a parameter was let go not long ago.
    step: Å, (components,), by which the cells moved from the frame before; 0 where that is not known.
    """

    x: Floats
    mean: Floats
    covariance: Floats
    age: int
    moved: float
    certainty: float
    grounded: int
    absent: int
    seen: Seen
    drift: Floats
    step: Floats

    def prior(self, lines: Lines, lay: Layout, frames: int, loose: bool = False) -> tuple[Prior, Floats]:
        """What is known before the next frame, so many frames later, and the variance of each tracked parameter."""
        covariance = self.covariance + step_covariance(self.x, self.age + frames, self.moved, lines, lay)
        covariance += np.diag(min(self.age + frames, MOST_DRIFTS) * self.drift)
        if loose:
            covariance += np.diag(loose_variance(self.x, lay))
        information, fine = inverse(covariance)
        if not fine:
            information = np.asarray(np.linalg.pinv(covariance), np.float64)
        return Prior(self.mean, information), np.diag(covariance).copy()


def certainty_of(solution: Solution) -> float:
    """Distance of two cells in units of its standard deviation."""
    return float(abs(solution.x[1] - solution.x[0]) / math.sqrt(max(solution.covariance[1, 1], 1e-300)))


def finite(solution: Solution) -> bool:
    """Whether all parameters and χ² are numbers."""
    return bool(np.isfinite(solution.x).all() and math.isfinite(solution.chi2))


class Assumed(NamedTuple):
    """What a fit was told of the tracked parameters. drift: as in ``State``, for the frames after it."""

    prior: Prior
    drift: Floats


NOTHING_ASSUMED = Assumed(Prior(np.zeros(0), np.zeros((0, 0))), np.zeros(0))


def learnt(solution: Solution, prior: Prior, lay: Layout) -> tuple[Floats, Floats]:
    """Mean and covariance of the tracked parameters after a pattern.

    Where the fit leaves more than noise, the pattern's information counts for one part in χ² per bin of what it claims:
    what is not in the model pulls at all that is tracked, and its covariance knows of noise alone.
    """
    mean, covariance = solution.x[lay.extra :].copy(), solution.covariance[lay.extra :, lay.extra :].copy()
    bins = len(solution.residual)
    misfit = solution.chi2 / bins - MISFIT_SIGMAS * math.sqrt(2.0 / bins)
    if misfit <= 1.0:
        return mean, covariance
    after, fine = inverse(covariance)
    if not fine:
        return mean, misfit * covariance
    before = (1.0 - 1.0 / misfit) * prior.information
    doubted, fine = inverse(before + after / misfit)
    return (doubted @ (before @ prior.mean + after @ mean / misfit), doubted) if fine else (mean, misfit * covariance)


def loose_variance(x: Floats, lay: Layout) -> Floats:
    """Variance of each tracked parameter where a pattern shows that they moved by more than is usual."""
    deviation = np.empty(lay.length)
    deviation[lay.extra : lay.ratio] = 0.1 * np.abs(x[lay.extra : lay.ratio])
    deviation[lay.ratio : lay.intensity_correction] = 0.05
    deviation[lay.intensity_correction : lay.gaussian_width] = 0.02
    deviation[lay.gaussian_width : lay.shape] = 0.01 * x[lay.gaussian_width : lay.shape]
    deviation[lay.shape : lay.cell_variance] = 0.02
    deviation[lay.cell_variance : lay.free_variance] = 0.002
    deviation[lay.free_variance : lay.vegard_intensity_fraction] = 3.0
    deviation[lay.vegard_intensity_fraction] = 0.05
    return np.asarray(deviation[lay.extra :] ** 2)


def steadied(prior: Prior, x: Floats, lay: Layout) -> Prior:
    """The same, held close to its mean: for lines that merged before anything could be learnt of them.

    What tells the two lattices apart is not reported then, but must not wander through the data's blind spots.
    """
    deviation = np.empty(lay.length)
    deviation[lay.extra : lay.ratio] = np.inf
    deviation[lay.ratio : lay.intensity_correction] = 0.05
    deviation[lay.intensity_correction : lay.gaussian_width] = 0.02
    deviation[lay.gaussian_width : lay.shape] = 0.005 * x[lay.gaussian_width : lay.shape]
    deviation[lay.shape] = 0.02
    deviation[lay.shape_difference : lay.cell_variance] = 0.02
    deviation[lay.cell_variance : lay.free_variance] = 0.002
    deviation[lay.free_variance : lay.vegard_intensity_fraction] = 0.3
    deviation[lay.vegard_intensity_fraction] = 0.05
    return Prior(prior.mean, prior.information + np.diag(1.0 / deviation[lay.extra :] ** 2))


def step_covariance(x: Floats, frames: int, moved: float, lines: Lines, lay: Layout) -> Floats:
    """Covariance of the random walk of the tracked parameters over so many frames and Å of change."""
    variance = np.empty(lay.length)
    variance[lay.extra : lay.ratio] = frames * (EXTRA_STEP * x[lay.extra : lay.ratio]) ** 2
    variance[lay.ratio : lay.intensity_correction] = frames * RATIO_STEP**2 + moved * RATIO_PER_A**2
    variance[lay.intensity_correction : lay.gaussian_width] = 0.0
    variance[lay.gaussian_width : lay.shape] = (frames * GAUSSIAN_WIDTH_STEP**2 + moved * GAUSSIAN_WIDTH_PER_A**2) * x[
        lay.gaussian_width : lay.shape
    ] ** 2
    variance[lay.shape : lay.cell_variance] = frames * SHAPE_STEP**2
    variance[lay.cell_variance : lay.cell_variance_growth] = frames * CELL_VARIANCE_STEP**2
    variance[lay.cell_variance_growth : lay.free_variance] = frames * CELL_VARIANCE_GROWTH_STEP**2
    variance[lay.free_variance : lay.split] = frames * FREE_VARIANCE_STEP**2
    variance[lay.split : lay.vegard_intensity_fraction] = frames * SPLIT_STEP**2
    variance[lay.vegard_intensity_fraction] = frames * VEGARD_FRACTION_STEP**2 + moved * VEGARD_FRACTION_PER_A**2
    full = np.diag(variance[lay.extra :])
    block = slice(lay.intensity_correction - lay.extra, lay.gaussian_width - lay.extra)
    full[block, block] = (frames * INTENSITY_CORRECTION_STEP**2 + moved * INTENSITY_CORRECTION_PER_A**2) * lines.walk
    return full


def with_foreign(state: State, before: Layout, response: Floats, areas: Floats, hidden: Floats) -> State:
    """The state with rows that only now are in the model.

    response: (tracked, rows) how what is tracked was moved by a unit of each row; areas: (rows,) about how much there
    is; hidden: (rows,) about how much of it, at most all, was in the patterns before. What is tracked is off by
    response · hidden, and the area is found by the frames to come.
    """
    at, added = before.ratio - before.extra, len(areas)
    variance, shared = np.square(AREA_FIRST * areas), np.square(AREA_FIRST * hidden)
    covariance = state.covariance + (response * shared) @ response.T
    both = np.insert(np.insert(covariance, at, np.zeros((added, 1)), axis=0), at, np.zeros((added, 1)), axis=1)
    new, old = np.arange(at, at + added), np.delete(np.arange(len(both)), np.arange(at, at + added))
    both[np.ix_(old, new)] = -response * shared
    both[np.ix_(new, old)] = both[np.ix_(old, new)].T
    both[new, new] = variance
    nothing = np.zeros(added)
    return replace(
        state,
        x=np.insert(state.x, before.ratio, nothing),
        mean=np.insert(state.mean, at, nothing),
        covariance=both,
        drift=np.insert(state.drift, at, nothing),
    )


def without_foreign(state: State, lay: Layout, retired: tuple[int, ...]) -> State:
    """The state without the extra rows of these numbers."""
    rows = list(retired)
    return replace(
        state,
        x=np.delete(state.x, [lay.extra + row for row in rows]),
        mean=np.delete(state.mean, rows),
        covariance=np.delete(np.delete(state.covariance, rows, axis=0), rows, axis=1),
        drift=np.delete(state.drift, rows),
    )


def response_to(rows: Floats, jacobian: Floats, weight: Floats, x: Floats, lines: Lines, lay: Layout) -> Floats:
    """How a fit's tracked parameters are moved by a unit of these rows (rows, bins): (tracked, rows).

    jacobian: (parameters, bins); weight: (bins,) one over the variances.
    """
    weighted = jacobian * weight
    information = weighted @ jacobian.T
    # Over many frames all that is tracked goes where the patterns want it.
    loose = step_covariance(x, LONG, LONG_WAY_A, lines, lay)
    information[lay.extra :, lay.extra :] += np.linalg.pinv(loose, hermitian=True)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    inner = np.linalg.pinv(information * np.outer(scale, scale), hermitian=True)
    return np.asarray((scale[:, np.newaxis] * (inner @ (scale[:, np.newaxis] * (weighted @ rows.T))))[lay.extra :])
