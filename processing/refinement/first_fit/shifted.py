"""Whether the lines of a first fit all lie beside where the geometry puts them.

A wrong distance, beam centre or tilt: all angles are off by about the same. Cells bend to it, and what they cannot
follow is fitted as foreign lines beside the sample's own, or not at all. One shift of all angles explains far more.
"""

import numpy as np

from latticewatch.processing.refinement.first_fit.first_fit import CELL_STEP_A, ITERATIONS, TOLERANCE, Start
from latticewatch.processing.refinement.first_fit.selection import full_widths, positions
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.solver.solve import Limits, solve

# Asked only where χ² per bin is above this.
GROSS = 3.0
# Shifts that are tried, to either side, each so many FWHM further. With less than LEAST the geometry is imperfect, and
# the cells are off by as much, but it is not a wrong one.
STEP, STEPS, LEAST = 0.12, 5, 0.3
# χ² without a shift over that with one.
FAR_BETTER = 4.0


def misplaced(start: Start, lines: Lines, lay: Layout) -> str:
    """Why this first fit is not to be believed: its lines are not where the geometry puts them. Empty: they are."""
    shift = _shift_of(start, lines, lay) if start.solution.chi2 > GROSS * len(start.data.y) else 0.0
    return (
        f"all lines lie {shift:+.2f} deg from where the geometry puts them; check it with a standard" if shift else ""
    )


def _shift_of(start: Start, lines: Lines, lay: Layout) -> float:
    """Degrees by which all angles are too large, 0 where no shift explains the pattern far better."""
    data, solution = start.data, start.solution
    limits = Limits(CELL_STEP_A, start.absent >= 0, ITERATIONS, TOLERANCE)
    step = STEP * float(np.median(full_widths(solution.x, lines, lay)))
    # The cells go along with the middle of the pattern.
    along = np.radians(step / 2.0) / np.tan(np.radians(float(np.median(positions(solution.x, lines))) / 2.0))
    best, shift = solution.chi2 / FAR_BETTER, 0.0
    for sign in (-1.0, 1.0):
        x, before = solution.x, np.inf
        for number in range(1, STEPS + 1):
            x = x.copy()
            x[: lay.components] *= 1.0 + sign * along
            found = solve(x, data._replace(grid=data.grid - sign * step * number), start.prior, lines, lay, limits)
            if found.converged and found.chi2 < best and number * STEP > LEAST:
                best, shift = found.chi2, sign * step * number
            if found.chi2 > before:
                break
            x, before = found.x, found.chi2
    return shift
