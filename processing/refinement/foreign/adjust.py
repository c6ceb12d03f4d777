"""Places and widths of foreign lines, from what the fit leaves at them: one step of Gauss and Newton.

The fit itself knows the areas only. What its parameters would take up of a moved line is projected out. Broad lines
that overlap hardly know which of them moves: where they are known, a step that explains far less is halved.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.foreign.lines import ForeignLine, profiles_of, rows_of
from latticewatch.processing.refinement.solver.solve import Data, Solution

Floats = NDArray[np.float64]
# Standard deviation of a step: of the place in FWHM, of sigma and gamma as a share of sigma.
PLACE_STEP = 0.3
WIDTH_STEP = 0.3
LARGEST_STEP = 0.4
HALVED = 4
MOST_SHAPE = 4.0
NARROWEST_BINS = 0.3


def adjusted(
    foreign: tuple[ForeignLine, ...],
    areas: Floats,
    data: Data,
    solution: Solution,
    residual: Floats | None = None,
    frames: float = 1.0,
    worse: float = math.inf,
) -> tuple[ForeignLine, ...]:
    """The lines where this solution's residual has them.

    areas: (lines,). residual: (bins,) in units of the noise, the mean over so many
    frames; left out: this solution's. worse: what a step may leave unexplained, as a multiple of what was before.
    """
    if not foreign:
        return foreign
    deviation = np.sqrt(np.maximum(data.variance + data.gain * (solution.model - data.y), data.floor))
    rest = (data.y - solution.model) / deviation if residual is None else residual
    profiles = profiles_of(foreign, data.grid)
    scales = np.array(
        [(PLACE_STEP * line.fwhm_deg, WIDTH_STEP * line.sigma, WIDTH_STEP * line.sigma) for line in foreign]
    )
    moved = profiles[:, 1:] * (areas[:, None] * scales * [-1.0, 1.0, 1.0])[:, :, None]
    rows = moved.reshape(-1, len(data.grid)) / deviation
    jacobian = solution.jacobian / deviation
    crossed = rows @ jacobian.T
    information = frames * (rows @ rows.T - crossed @ solution.covariance @ crossed.T)
    try:
        step = np.linalg.solve(information + np.eye(len(rows)), frames * (rows @ rest)).reshape(-1, 3)
    except np.linalg.LinAlgError:
        return foreign  # areas beyond all numbers: nothing is known of these lines
    step = np.clip(step, -LARGEST_STEP / PLACE_STEP, LARGEST_STEP / PLACE_STEP)

    def left_by(changed: Floats) -> float:
        after = rest - changed / deviation
        taken_up = jacobian @ after
        return float(after @ after - taken_up @ solution.covariance @ taken_up)

    before = left_by(np.zeros(len(rest)))
    for _ in range(HALVED):
        moved_lines = tuple(
            _moved(line, place, sigma, gamma, data.grid)
            for line, (place, sigma, gamma) in zip(foreign, (step * scales).tolist(), strict=True)
        )
        if left_by(areas @ (rows_of(moved_lines, data.grid) - profiles[:, 0])) < worse * before:
            return moved_lines
        step = step / 2.0
    return foreign


def _moved(line: ForeignLine, place: float, sigma: float, gamma: float, grid: Floats) -> ForeignLine:
    step = float(grid[1] - grid[0])
    new_sigma = max(line.sigma + sigma, NARROWEST_BINS * step)
    new_gamma = float(np.clip(line.gamma + gamma, 0.0, MOST_SHAPE * new_sigma))
    moved = ForeignLine(float(np.clip(line.two_theta + place, grid[0], grid[-1])), new_sigma, new_gamma)
    # A pixel is in one bin: wings would make lines beside it of what is none.
    return moved if moved.is_ring(step) else replace(moved, gamma=0.0)
