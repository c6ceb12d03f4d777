"""What is remembered from frame to frame: the tracked parameters, their covariance, and how they may move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.algebra import inverse
from latticewatch.processing.refinement.lines import Layout, Lines
from latticewatch.processing.refinement.model import DEGREES, UNIT_SPREAD
from latticewatch.processing.refinement.search import Candidate
from latticewatch.processing.refinement.solve import Prior

Floats = NDArray[np.float64]
# Standard deviation of the step that a tracked parameter may take from one frame to the next...
STRENGTH_STEP = 0.0002
SIZE_STEP = 1e-5
SHAPE_STEP = 2e-5
SPREAD_STEP = 2e-5
GROWTH_STEP = 1.5e-5
CONTRAST_STEP = 0.0003
RATIO_STEP = 0.001
# ... and of the step that goes with a change of composition, for 1 Å of change of a cell.
STRENGTH_PER_A = 0.03
SIZE_PER_A = 0.001
CONTRAST_PER_A = 0.03
RATIO_PER_A = 0.05
# Standard deviation before the first frame.
STRENGTH_FIRST = 0.3
SIZE_FIRST = 0.5
SHAPE_FIRST = 0.5
SPREAD_FIRST = 0.005
GROWTH_FIRST = 0.03
CONTRAST_FIRST = 0.5
RATIO_FIRST = 3.0
MEAN_STRENGTH_FIRST = 1e-4
# ln of the ratio of two components' scattering where one is absent.
ABSENT = -25.0


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

    def prior(self, lines: Lines, lay: Layout, frames: int) -> Prior:
        """What is known before the next frame, so many frames later."""
        covariance = self.covariance + step_covariance(self.x, self.age + frames, self.moved, lines, lay)
        information, fine = inverse(covariance)
        if not fine:
            information = np.asarray(np.linalg.pinv(covariance), np.float64)
        return Prior(self.mean, information)


def steadied(prior: Prior, x: Floats, lay: Layout) -> Prior:
    """The same, held close to its mean: for lines that merged before anything could be learnt of them.

    What tells the two lattices apart is not reported then, but must not wander through the data's blind spots.
    """
    deviation = np.empty(lay.length)
    deviation[lay.ratio : lay.strength] = 0.05
    deviation[lay.strength : lay.size] = 0.02
    deviation[lay.size : lay.shape] = 0.005 * x[lay.size : lay.shape]
    deviation[lay.shape] = 0.02
    deviation[lay.spread : lay.contrast] = 0.002
    deviation[lay.contrast] = 0.05
    return Prior(prior.mean, prior.information + np.diag(1.0 / deviation[lay.ratio :] ** 2))


def step_covariance(x: Floats, frames: int, moved: float, lines: Lines, lay: Layout) -> Floats:
    """Covariance of the random walk of the tracked parameters over so many frames and Å of change."""
    variance = np.empty(lay.length)
    variance[lay.ratio : lay.strength] = frames * RATIO_STEP**2 + moved * RATIO_PER_A**2
    variance[lay.strength : lay.size] = 0.0
    variance[lay.size : lay.shape] = (frames * SIZE_STEP**2 + moved * SIZE_PER_A**2) * x[lay.size : lay.shape] ** 2
    variance[lay.shape] = frames * SHAPE_STEP**2
    variance[lay.spread : lay.growth] = frames * SPREAD_STEP**2
    variance[lay.growth : lay.contrast] = frames * GROWTH_STEP**2
    variance[lay.contrast] = frames * CONTRAST_STEP**2 + moved * CONTRAST_PER_A**2
    full = np.diag(variance[lay.ratio :])
    block = slice(lay.strength - lay.ratio, lay.size - lay.ratio)
    full[block, block] = (frames * STRENGTH_STEP**2 + moved * STRENGTH_PER_A**2) * lines.walk
    return full


def without_component(x: Floats, prior: Prior, absent: int, lay: Layout) -> tuple[Floats, Prior]:
    """Start values and prior with one of two components taken out: its scattering is held at next to nothing."""
    new, information = x.copy(), prior.information.copy()
    away = ABSENT if absent == 1 else -ABSENT
    new[lay.scale] += 0.0 if absent == 1 else x[lay.ratio] - away
    new[lay.ratio] = away
    information[0, 0] = 1e6
    mean = prior.mean.copy()
    mean[0] = away
    return new, Prior(mean, information)


def first_prior(candidate: Candidate, lines: Lines, lay: Layout) -> tuple[Floats, Prior]:
    """Start values and prior where nothing is known."""
    x = np.zeros(lay.length)
    x[: lay.components] = candidate.cells
    areas = np.maximum(candidate.scattering, 1e-3 * max(candidate.scattering))
    x[lay.scale] = np.log(areas[0])
    x[lay.ratio : lay.strength] = np.log(areas[1:] / areas[0])
    x[lay.size : lay.shape] = candidate.size
    x[lay.shape] = 0.5
    x[lay.contrast] = 0.5
    deviation = np.empty(lay.length)
    deviation[lay.ratio : lay.strength] = RATIO_FIRST
    deviation[lay.strength : lay.size] = STRENGTH_FIRST
    deviation[lay.size : lay.shape] = SIZE_FIRST * candidate.size
    deviation[lay.shape] = SHAPE_FIRST
    deviation[lay.spread : lay.growth] = SPREAD_FIRST if lay.components == 2 else _strain(candidate, lines)
    deviation[lay.growth : lay.contrast] = GROWTH_FIRST
    deviation[lay.contrast] = CONTRAST_FIRST
    information = np.diag(1.0 / deviation[lay.ratio :] ** 2)
    _hold_mean(information, lines, lay)
    return x, Prior(x[lay.ratio :].copy(), information)


def _strain(candidate: Candidate, lines: Lines) -> float:
    """The strain that widens a middling line by a quarter of its size term, in the model's unit."""
    cell = float(np.mean(candidate.cells))
    sine = min(lines.wavelength_A * float(np.median(lines.root_n)) / (2.0 * cell), 0.99)
    lever = 2.0 * DEGREES * np.tan(np.arcsin(sine)) / cell
    return float(0.25 * (candidate.size / lever) ** 2 / UNIT_SPREAD)


def _hold_mean(information: Floats, lines: Lines, lay: Layout) -> None:
    """The common scale is the only scale: the mean of a component's line strengths is held at 0."""
    offset = lay.strength - lay.ratio
    for p in range(lay.components):
        row = np.where(lines.phase == p, np.exp(lines.log_base), 0.0)
        block = slice(offset, offset + lay.lines)
        information[block, block] += np.outer(row, row) / MEAN_STRENGTH_FIRST**2
