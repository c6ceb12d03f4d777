"""Which of two components is in the beam."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.first_fit.first_fit import APART_OF_WIDTH
from latticewatch.processing.refinement.first_fit.first_prior import without_component
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.solver.report import present, seen, shares_of
from latticewatch.processing.refinement.solver.solve import Data, Limits, Prior, Solution, solve
from latticewatch.processing.refinement.tracking.state import State

Floats = NDArray[np.float64]
# Share of the scattering from which on a component that was faint is there again, and ln of the ratio of two amounts
# beyond which the smaller one is taken out.
RETURNED = 0.02
NEXT_TO_NOTHING = 20.0


class There(NamedTuple):
    """The solution with its prior, and the one of two components that is not clearly there (-1 for none)."""

    solution: Solution
    prior: Prior
    absent: int


def passed(x: Floats, sign: float, width_A: float, absent: int, lay: Layout) -> bool:
    """Whether two lattices have passed each other: more was added to merged ones, and each took the other's name.

    sign: of the second cell less the first one so far. width_A: of a line. absent: -1 where both are there.
    """
    return bool(lay.components == 2 and absent < 0 and sign * (x[1] - x[0]) < -APART_OF_WIDTH * width_A)


def who_is_there(
    now: There,
    state: State,
    frames: int,
    data: Data,
    lines: Lines,
    lay: Layout,
    counted: NDArray[np.bool_],
    limits: Limits,
) -> There:
    """now: with the component that was absent so far. state: so many frames before this pattern. counted: (lines,)
    that shares are taken over. limits: with the distance held.

    One that fades is fitted with its cell held where it was while the data tell its amount from nothing, so that it
    takes nothing from the other; then it is taken out.
    """
    solution, x = now.solution, now.solution.x
    shares = shares_of(x, lines, lay, counted)
    if now.absent >= 0:
        faint = -1 if present(shares, solution, now.absent, RETURNED) else now.absent
    else:
        weakest = int(np.argmin(shares.values))
        faint = -1 if present(shares, solution, weakest) else weakest
    if faint < 0 or seen(shares, solution, faint) or abs(x[lay.ratio]) > NEXT_TO_NOTHING:
        return now._replace(absent=faint)
    start, prior = without_component(x, state.prior(lines, lay, frames)[0], faint, lay)
    alone = solve(start, data, prior, lines, lay, limits)
    return There(alone, prior, faint) if alone.converged else now._replace(absent=faint)
