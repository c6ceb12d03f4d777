"""What is known of the parameters before the first frame."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.first_fit.search import Candidate
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import DEGREES, UNIT_SPREAD
from latticewatch.processing.refinement.solver.solve import Prior

Floats = NDArray[np.float64]
# Standard deviation before the first frame.
INTENSITY_CORRECTION_FIRST = 0.3
INTENSITY_CORRECTION_FREE = 3.0
# ... and of an intensity over that of the component's strongest line: weak ones are differences of large numbers.
INTENSITY_FLOOR = 0.004
GAUSSIAN_WIDTH_FIRST = 0.5
SHAPE_FIRST = 0.5
# What is next to nothing until the data say otherwise: see solver/surprise.py.
SHAPE_DIFFERENCE_FIRST = 0.01
FREE_VARIANCE_FIRST = 0.3
SPLIT_FIRST = 1.0
CELL_VARIANCE_FIRST = 0.005
CELL_VARIANCE_GROWTH_FIRST = 0.03
VEGARD_FRACTION_FIRST = 0.5
RATIO_FIRST = 3.0
MEAN_INTENSITY_CORRECTION_FIRST = 1e-4
# ln of the ratio of two components' scattering where one is absent.
ABSENT = -25.0


def without_component(x: Floats, prior: Prior, absent: int, lay: Layout) -> tuple[Floats, Prior]:
    """Start values and prior with one of two components taken out: its scattering is held at next to nothing."""
    new, information = x.copy(), prior.information.copy()
    away = ABSENT if absent == 1 else -ABSENT
    new[lay.scale] += 0.0 if absent == 1 else x[lay.ratio] - away
    new[lay.ratio] = away
    ratio = lay.ratio - lay.extra
    information[ratio, ratio] = 1e6
    mean = prior.mean.copy()
    mean[ratio] = away
    return new, Prior(mean, information)


def first_prior(candidate: Candidate, lines: Lines, lay: Layout) -> tuple[Floats, Prior]:
    """Start values and prior where nothing is known."""
    x = np.zeros(lay.length)
    x[: lay.components] = candidate.cells
    areas = np.maximum(candidate.scattering, 1e-3 * max(candidate.scattering))
    x[lay.scale] = np.log(areas[0])
    x[lay.ratio : lay.intensity_correction] = np.log(areas[1:] / areas[0])
    x[lay.gaussian_width : lay.shape] = candidate.size
    x[lay.shape] = 0.5
    x[lay.vegard_intensity_fraction] = 0.5
    deviation = np.empty(lay.length)
    deviation[lay.extra : lay.ratio] = np.inf
    deviation[lay.ratio : lay.intensity_correction] = RATIO_FIRST
    deviation[lay.intensity_correction : lay.gaussian_width] = intensity_deviation(lines)
    deviation[lay.gaussian_width : lay.shape] = GAUSSIAN_WIDTH_FIRST * candidate.size
    deviation[lay.shape] = SHAPE_FIRST
    deviation[lay.shape_difference : lay.cell_variance] = SHAPE_DIFFERENCE_FIRST
    deviation[lay.cell_variance : lay.cell_variance_growth] = (
        CELL_VARIANCE_FIRST if lay.components == 2 else _strain(candidate, lines)
    )
    deviation[lay.cell_variance_growth : lay.free_variance] = CELL_VARIANCE_GROWTH_FIRST
    deviation[lay.free_variance : lay.split] = FREE_VARIANCE_FIRST
    deviation[lay.split : lay.vegard_intensity_fraction] = SPLIT_FIRST
    deviation[lay.vegard_intensity_fraction] = VEGARD_FRACTION_FIRST
    information = np.diag(1.0 / deviation[lay.extra :] ** 2)
    _hold_mean(information, lines, lay)
    return x, Prior(x[lay.extra :].copy(), information)


def intensity_deviation(lines: Lines) -> Floats:
    """Standard deviation of the intensity corrections before anything is seen, (lines,)."""
    strongest = np.array([lines.log_base[lines.phase == p].max() for p in range(len(lines.cell))])
    floor = INTENSITY_FLOOR * np.exp(np.minimum(strongest[lines.phase] - lines.log_base, 10.0))
    usual = np.where(lines.free[lines.phase], INTENSITY_CORRECTION_FREE, INTENSITY_CORRECTION_FIRST)
    return np.asarray(np.hypot(usual, floor))


def _strain(candidate: Candidate, lines: Lines) -> float:
    """The strain that widens a middling line by a quarter of its size term, in the model's unit."""
    cell = float(np.mean(candidate.cells))
    sine = min(lines.wavelength_A * float(np.median(lines.root_n)) / (2.0 * cell), 0.99)
    lever = 2.0 * DEGREES * np.tan(np.arcsin(sine)) / cell
    return float(0.25 * (candidate.size / lever) ** 2 / UNIT_SPREAD)


def _hold_mean(information: Floats, lines: Lines, lay: Layout) -> None:
    """The common scale is the only scale: the mean of a component's line strengths is held at 0."""
    offset = lay.intensity_correction - lay.extra
    for p in range(lay.components):
        row = np.where(lines.phase == p, np.exp(lines.log_base), 0.0)
        block = slice(offset, offset + lay.lines)
        information[block, block] += np.outer(row, row) / MEAN_INTENSITY_CORRECTION_FIRST**2
