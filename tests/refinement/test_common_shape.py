"""One Lorentzian share for all lattices where the data do not tell two."""

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import Layout, layout
from latticewatch.processing.refinement.solver.common_shape import with_common_shape
from latticewatch.processing.refinement.solver.solve import Solution
from tests.refinement.made_up import parameters

Floats = NDArray[np.float64]
WIDTH_A, SHARE = 0.15, 0.3


def solution_of(lay: Layout, difference: float, deviation: float, distance_A: float = 0.3) -> Solution:
    """The two shares differ by so much, with this esd; amounts, mean and distance of the cells go along with it."""
    x = parameters(lay, (5.85, 5.85 + distance_A))
    k = lay.shape_difference
    x[k] = difference
    response = np.zeros(lay.length)
    response[[0, 1, k, lay.ratio]] = 2e-3, 5e-3, 1.0, 0.4
    covariance = 1e-10 * np.eye(lay.length) + deviation**2 * np.outer(response, response)
    nothing, rows = np.zeros(3), np.zeros((lay.length, 3))
    return Solution(x, SHARE, covariance, 3.0, 1, True, 1.0, nothing, nothing, rows)


@pytest.mark.parametrize("difference", [0.0, 0.006, -0.006])
def test_a_difference_that_noise_may_be_is_none(difference: float) -> None:
    """The rest of the parameters goes where it is without one, and is known as well as without one."""
    lay = layout(2, 34)
    before = solution_of(lay, difference, 0.005)
    after = with_common_shape(before, WIDTH_A, lay)
    assert abs(after.x[lay.shape_difference]) < 0.1 * abs(difference) + 1e-12
    assert after.x[lay.ratio] - before.x[lay.ratio] == pytest.approx(-0.4 * difference, rel=0.1, abs=1e-12)
    moved = after.x[:2] - before.x[:2]
    assert (1.0 - SHARE) * moved[0] + SHARE * moved[1] == pytest.approx(-2e-3 * difference, rel=0.1, abs=1e-12)
    assert moved[1] - moved[0] == pytest.approx(-5e-3 * difference, rel=0.1, abs=1e-12)
    assert after.covariance[lay.ratio, lay.ratio] < 0.2 * before.covariance[lay.ratio, lay.ratio]
    assert np.linalg.eigvalsh(after.covariance).min() > 0.0


def test_two_shares_that_the_data_tell_are_left_as_they_are() -> None:
    lay = layout(2, 34)
    before = solution_of(lay, 0.05, 0.005)
    after = with_common_shape(before, WIDTH_A, lay)
    assert after.x == pytest.approx(before.x, abs=1e-7)
    assert after.covariance == pytest.approx(before.covariance, rel=1e-2, abs=1e-12)


def test_between_the_two_the_esd_holds_both() -> None:
    """Where either is as likely, the amounts are half way and their esd is not less than half of what is between."""
    lay = layout(2, 34)
    before = solution_of(lay, 0.018, 0.005)
    after = with_common_shape(before, WIDTH_A, lay)
    share = after.x[lay.shape_difference] / 0.018
    assert 0.2 < share < 0.8
    between = 0.4 * 0.018 * np.sqrt(share * (1.0 - share))
    assert np.sqrt(after.covariance[lay.ratio, lay.ratio]) > between


def test_merged_lattices_and_one_alone_are_left_as_they_are() -> None:
    lay = layout(2, 34)
    merged = solution_of(lay, 0.0, 0.005, distance_A=0.02)
    assert with_common_shape(merged, WIDTH_A, lay) is merged
    alone = layout(1, 20)
    x, nothing = np.ones(alone.length), np.zeros(3)
    one = Solution(x, 0.0, np.eye(alone.length), 3.0, 1, True, 1.0, nothing, nothing, nothing)
    assert np.array_equal(with_common_shape(one, WIDTH_A, alone).x, x)
