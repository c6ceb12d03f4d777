"""Which of two components is in the beam: by its share, and by whether the data tell that share from nothing."""

import numpy as np
import pytest

from latticewatch.processing.refinement.first_fit.first_prior import first_prior
from latticewatch.processing.refinement.first_fit.search import Candidate
from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS, layout
from latticewatch.processing.refinement.model.pattern_model import calculate
from latticewatch.processing.refinement.solver.grid import chebyshev
from latticewatch.processing.refinement.solver.solve import Data, Limits, solve
from latticewatch.processing.refinement.tracking.presence import There, passed, who_is_there
from latticewatch.processing.refinement.tracking.state import Seen, State
from tests.refinement.made_up import CELLS_A, LINES

GRID = np.linspace(5.0, 27.0, 700)
LAY = layout(2, len(LINES.phase))
BASIS = chebyshev(GRID, GRID[0], GRID[-1])
COUNTED = np.ones(LAY.lines, dtype=np.bool_)
PIXELS = 3e5


def seen_with(share_of_second: float, absent_before: int) -> There:
    """A fit of a pattern in which the second component has this share, and what is made of it."""
    start, prior = first_prior(Candidate(CELLS_A, 0.12, (20.0, 20.0), 1.0), LINES, LAY)
    truth = start.copy()
    truth[LAY.background] = 20.0
    truth[LAY.ratio] = np.log(max(share_of_second, 1e-12) / (1.0 - share_of_second))
    expected, jacobian = np.empty(len(GRID)), np.empty((LAY.length, len(GRID)))
    calculate(truth, GRID, BASIS, LINES, LAY, expected, jacobian)
    counts = np.random.default_rng(7).poisson(expected * PIXELS)
    y, gain = counts / PIXELS, np.full(len(GRID), 1.0 / PIXELS)
    data = Data(GRID, BASIS, y, y * gain, gain, np.full(len(GRID), 0.05 * np.median(y) / PIXELS))
    limits = Limits(0.05, False, 100, 1e-3)
    solution = solve(truth, data, prior, LINES, LAY, limits)
    tracked = LAY.length - LAY.extra
    covariance = np.linalg.pinv(prior.information, hermitian=True)
    nothing, still = np.zeros(tracked), np.zeros(2)
    seen = Seen(GRID, y, y)
    state = State(truth, prior.mean, covariance, 0, 0.0, 100.0, 9, absent_before, seen, nothing, still)
    held = limits._replace(hold_distance=True)
    return who_is_there(There(solution, prior, absent_before), state, 1, data, LINES, LAY, COUNTED, held)


def test_the_layout_is_the_one_of_the_background() -> None:
    assert LAY.extra - LAY.background == BACKGROUND_TERMS


@pytest.mark.parametrize(("share", "before", "absent"), [(0.3, -1, -1), (0.03, -1, -1), (0.03, 1, -1)])
def test_what_is_clearly_there_is_there(share: float, before: int, absent: int) -> None:
    assert seen_with(share, before).absent == absent


def test_what_fades_is_held_where_it_was_while_its_amount_is_told_from_nothing() -> None:
    there = seen_with(0.012, -1)
    assert there.absent == 1
    # It is not taken out yet: what it scatters is not the other's.
    assert there.solution.x[LAY.ratio] == pytest.approx(np.log(0.012), abs=0.4)


@pytest.mark.parametrize("before", [-1, 1])
def test_what_is_not_there_is_taken_out(before: int) -> None:
    there = seen_with(0.0, before)
    assert there.absent == 1
    assert there.solution.x[LAY.ratio] < -15.0
    assert there.solution.x[0] == pytest.approx(CELLS_A[0], abs=2e-4)


def test_what_was_away_is_back_at_a_share_that_would_have_let_it_stay_before() -> None:
    assert seen_with(0.0175, -1).absent == -1
    assert seen_with(0.0175, 1).absent == 1


@pytest.mark.parametrize(
    ("cells", "sign", "absent", "answer"),
    [
        ((5.6, 5.84), -1.0, -1, True),
        ((5.84, 5.6), -1.0, -1, False),
        # Merged lines have no order, and a component that is not there has no place.
        ((5.70, 5.71), -1.0, -1, False),
        ((5.6, 5.84), -1.0, 0, False),
    ],
)
def test_two_lattices_do_not_pass_each_other(
    cells: tuple[float, float], sign: float, absent: int, answer: bool
) -> None:
    assert passed(np.array(cells), sign, 0.18, absent, LAY) is answer
