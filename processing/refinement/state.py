"""What is remembered from frame to frame: the tracked parameters, their covariance, and how they may move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.lines import Layout
from latticewatch.processing.refinement.search import Candidate
from latticewatch.processing.refinement.solve import Prior, inverse

Floats = NDArray[np.float64]
# Standard deviation of the step that a tracked parameter may take from one frame to the next.
STRENGTH_STEP = 0.003
SIZE_STEP = 1.1e-4
SHAPE_STEP = 2e-4
SPREAD_STEP = 1e-4
GROWTH_STEP = 1e-4
CONTRAST_STEP = 0.003
RATIO_STEP = 0.002
# Standard deviation before the first frame.
STRENGTH_FIRST = 0.3
SIZE_FIRST = 0.5
SHAPE_FIRST = 0.5
SPREAD_FIRST = 0.005
GROWTH_FIRST = 0.03
CONTRAST_FIRST = 0.5
RATIO_FIRST = 3.0
MEAN_STRENGTH_FIRST = 1e-4


@dataclass(frozen=True, slots=True)
class State:
    """After a frame: all parameters, κ (Å²), the covariance of the tracked ones, and the peaks over their grid."""

    x: Floats
    kappa: float
    covariance: Floats
    grid: Floats
    peaks: Floats

    def prior(self, lay: Layout, frames: int) -> Prior:
        """What is known before the next frame, so many frames later."""
        covariance = self.covariance + frames * step_covariance(self.x, lay)
        information, fine = inverse(covariance)
        if not fine:
            information = np.linalg.pinv(covariance)
        return Prior(self.x[lay.ratio :].copy(), information)


def step_covariance(x: Floats, lay: Layout) -> Floats:
    """Covariance of one random-walk step of the tracked parameters."""
    deviation = np.empty(lay.length)
    deviation[lay.ratio : lay.strength] = RATIO_STEP
    deviation[lay.strength : lay.size] = STRENGTH_STEP
    deviation[lay.size : lay.shape] = SIZE_STEP * x[lay.size : lay.shape]
    deviation[lay.shape] = SHAPE_STEP
    deviation[lay.spread : lay.growth] = SPREAD_STEP
    deviation[lay.growth : lay.contrast] = GROWTH_STEP
    deviation[lay.contrast] = CONTRAST_STEP
    return np.diag(deviation[lay.ratio :] ** 2)


def first_prior(candidate: Candidate, shares: Floats, phase: NDArray[np.int64], lay: Layout) -> tuple[Floats, Prior]:
    """Start values and prior where nothing is known. shares: (lines,) of each line in its component."""
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
    deviation[lay.spread : lay.growth] = SPREAD_FIRST if lay.components == 2 else 300.0
    deviation[lay.growth : lay.contrast] = GROWTH_FIRST
    deviation[lay.contrast] = CONTRAST_FIRST
    information = np.diag(1.0 / deviation[lay.ratio :] ** 2)
    _hold_mean(information, shares, phase, lay)
    return x, Prior(x[lay.ratio :].copy(), information)


def _hold_mean(information: Floats, shares: Floats, phase: NDArray[np.int64], lay: Layout) -> None:
    """The common scale is the only scale: the mean of a component's line strengths is held at 0."""
    offset = lay.strength - lay.ratio
    for p in range(lay.components):
        row = np.where(phase == p, shares, 0.0)
        block = slice(offset, offset + lay.lines)
        information[block, block] += np.outer(row, row) / MEAN_STRENGTH_FIRST**2
