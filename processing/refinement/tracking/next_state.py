"""From the fit of a pattern to what is known before the next one."""

import math

import numpy as np

from latticewatch.processing.refinement.first_fit.first_fit import APART_OF_WIDTH, CELL_STEP_A
from latticewatch.processing.refinement.first_fit.selection import cell_width
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.solver.solve import Solution
from latticewatch.processing.refinement.tracking.spread import as_seen, follows_law
from latticewatch.processing.refinement.tracking.state import Assumed, Seen, State, certainty_of, learnt

# Where the distance of two cells is known to fewer of its sigmas, its posterior is summed up.
CERTAIN = 12.0
# Below this distance, in units of a line's width, what is tracked is left as it was.
FROZEN_BELOW = 0.12


def next_state(
    solution: Solution,
    old: State | None,
    since: int,
    assumed: Assumed,
    grounded: int,
    absent: int,
    seen: Seen,
    lines: Lines,
    lay: Layout,
) -> State:
    """old: so many frames before this pattern, None for the first one. grounded, absent: as in ``State``."""
    x, cells, two = solution.x, lay.components, lay.components == 2
    change = np.zeros(cells) if old is None else x[:cells] - old.x[:cells]
    moved = float(np.abs(change).max())
    certainty = certainty_of(solution) if two else math.inf
    step = change if certainty > CERTAIN and since == 1 and moved < CELL_STEP_A else np.zeros_like(change)
    distance = abs(x[1] - x[0]) / cell_width(x, lines, lay) if two else math.inf
    if old is not None and distance < FROZEN_BELOW:
        age, moved = old.age + since, old.moved + moved
        return State(x, old.mean, old.covariance, age, moved, certainty, grounded, absent, seen, old.drift, step)
    mean, covariance = learnt(solution, assumed.prior, lay)
    if two and distance > APART_OF_WIDTH and not follows_law(x, covariance, lay):
        x, mean, covariance = as_seen(x, mean, covariance, moved, lines, lay)
    return State(x, mean, covariance, 0, moved, certainty, grounded, absent, seen, assumed.drift, step)
