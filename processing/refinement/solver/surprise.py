"""What the data say against a prior: held tight where nothing speaks against it, let go where something does.

Some parameters are next to nothing in most samples and cost precision where they are free: a second Lorentzian share,
a spread of cells that follows no law, lines that split. Others (amounts) hardly move but sometimes go at once. For each
the data's own estimate follows from how far it moved its prior (Kalman's gain), y = Δ P / (P - P') with the variance
P² / (P - P'), P and P' being the variances before and after. Where y is more than the root of GATE deviations away,
its square is added to the prior's variance, and the pattern is fitted once more.

Where the spread of cells leaves its law, the law is left as it is and what follows no law is let go by as much.
"""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import UNIT_SPREAD, least_free_variance
from latticewatch.processing.refinement.solver.solve import Prior, Solution

Floats = NDArray[np.float64]
GATE = 16.0
# χ² per bin of a pattern that is explained.
EXPLAINED = 2.0
# Lines split by less than nothing only by chance.
LEAST_SPLIT = 1.0
# The data must know at least this share of what the prior does not.
LEAST_GAIN = 1e-4


def let_go(
    solution: Solution, prior: Prior, variance: Floats, lines: Lines, lay: Layout
) -> tuple[Prior, Floats] | None:
    """The prior with those parameters let go that the data pull at, and how far (tracked parameters,); None for none.

    variance: of each tracked parameter before the pattern.
    """
    after = np.diag(solution.covariance)[lay.extra :]
    gained = np.where(watched(lay), variance - after, 0.0)
    known = gained > LEAST_GAIN * variance
    gain = np.where(known, gained / variance, 1.0)
    pull = np.where(known, (solution.x[lay.extra :] - prior.mean) / gain, 0.0)
    misfit = max(1.0, solution.chi2 / len(solution.residual))
    pull = np.where(pull**2 > GATE * misfit * variance / gain, pull, 0.0)
    if not pull.any():
        return None
    pull = np.where(prior.mean + pull < _least(solution.x, lines, lay), 0.0, pull)
    moved = _beside_the_law(pull, solution.x, lay)
    if not moved.any():
        return None
    information = prior.information.copy()
    for i in np.flatnonzero(moved):
        row = information[i].copy()
        information -= np.outer(row, row) * (moved[i] ** 2 / (1.0 + moved[i] ** 2 * row[i]))
    return Prior(prior.mean, information), moved


def explains(freer: Solution, solution: Solution) -> bool:
    """Whether letting go explains the pattern, or half of what is left of it. What does less hides something that
    the model has no place for."""
    bins = len(solution.residual)
    return bool(freer.chi2 < max(EXPLAINED * bins, 0.5 * (bins + solution.chi2)))


def _least(x: Floats, lines: Lines, lay: Layout) -> Floats:
    """The least that each tracked parameter can be, (tracked parameters,): no lattice spreads by less than nothing."""
    least = np.full(lay.length, -np.inf)
    if lay.components == 2:
        least[lay.free_variance : lay.split] = [least_free_variance(x, phase, lines, lay) for phase in range(2)]
    least[lay.split : lay.vegard_intensity_fraction] = -LEAST_SPLIT
    return least[lay.extra :]


def _beside_the_law(pull: Floats, x: Floats, lay: Layout) -> Floats:
    moved = pull.copy()
    if lay.components == 2:
        law = slice(lay.cell_variance - lay.extra, lay.cell_variance_growth - lay.extra)
        free = slice(lay.free_variance - lay.extra, lay.split - lay.extra)
        moved[free] = np.hypot(moved[free], moved[law] * (x[1] - x[0]) ** 2 / UNIT_SPREAD)
        moved[law] = 0.0
    return moved


def watched(lay: Layout) -> NDArray[np.bool_]:
    """Which of the tracked parameters may be let go, (tracked parameters,)."""
    which = np.zeros(lay.length, dtype=np.bool_)
    which[lay.ratio : lay.intensity_correction] = True
    which[lay.shape_difference : lay.cell_variance] = True
    if lay.components == 2:
        which[lay.cell_variance : lay.cell_variance_growth] = True
        which[lay.free_variance : lay.split] = True
    which[lay.split : lay.vegard_intensity_fraction] = True
    return which[lay.extra :]
