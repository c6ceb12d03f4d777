"""The spread of merged lattices' cells: which law it follows, what stays of it, and what no sample does."""

import numpy as np
import pytest

from latticewatch.processing.refinement.model.lines import layout
from latticewatch.processing.refinement.model.pattern_model import UNIT_SPREAD, spread_of
from latticewatch.processing.refinement.solver.model_error import doubt_of_merged
from latticewatch.processing.refinement.solver.solve import Data, Prior, Solution
from latticewatch.processing.refinement.tracking.spread import (
    as_seen,
    follows_law,
    less_than_nothing,
    unseen_variance,
)
from tests.refinement.made_up import LINES, parameters

LAY = layout(2, len(LINES.phase))
TRACKED = LAY.length - LAY.extra
# A spread of 5e-3 Å.
SPREAD_A2 = 25e-6


def known(*names: int, esd: float) -> np.ndarray:
    """Covariance of the tracked parameters: 1, but for these."""
    covariance = np.eye(TRACKED)
    for name in names:
        covariance[name - LAY.extra, name - LAY.extra] = esd**2
    return covariance


def lawless() -> np.ndarray:
    x = parameters(LAY, (5.95, 6.05))
    x[LAY.free_variance] = SPREAD_A2 / UNIT_SPREAD
    return x


def test_the_law_of_unlike_rates_needs_neither_a_share_nor_a_free_spread() -> None:
    x = parameters(LAY)
    x[LAY.cell_variance_growth] = 0.05
    assert follows_law(x, known(LAY.free_variance, LAY.cell_variance, esd=1e-3), LAY)
    assert not follows_law(lawless(), known(LAY.free_variance, esd=3.0), LAY)
    # 25 of 25 e-6 Å² are one deviation: nothing speaks against the law.
    assert follows_law(lawless(), known(LAY.free_variance, esd=25.0), LAY)


def test_as_seen_leaves_the_width_as_it_is_now_and_half_of_it_when_the_cells_have_met() -> None:
    x = lawless()
    new, mean, covariance = as_seen(x, x[LAY.extra :], known(LAY.free_variance, esd=3.0), 1e-3, LINES, LAY)
    now = spread_of(new, 0, LINES, LAY)[0]
    assert now == pytest.approx(SPREAD_A2)
    np.testing.assert_allclose(mean, new[LAY.extra :])
    met = new.copy()
    met[:2] = 6.0, 6.0 + 1e-7
    assert spread_of(met, 0, LINES, LAY)[0] == pytest.approx(0.5 * SPREAD_A2, rel=1e-3)
    assert np.linalg.eigvalsh(covariance).min() >= 0.0
    # Nothing else is touched.
    others = np.delete(np.arange(TRACKED), np.arange(LAY.cell_variance - LAY.extra, LAY.split - LAY.extra))
    np.testing.assert_allclose(new[LAY.extra :][others], x[LAY.extra :][others])


def test_what_is_not_seen_of_a_spread_is_in_the_variance_of_a_cell() -> None:
    x = lawless()
    prior = Prior(x[LAY.extra :].copy(), np.eye(TRACKED))
    rows = np.zeros((1, LAY.length))
    rows[0, LAY.free_variance] = 2e-5
    # Half of the spread may have gone: 12.5 e-6 Å², each of which moves the cell by 2e-5 Å.
    assert unseen_variance(rows, x, prior, LAY)[0] == pytest.approx((2e-5 * 12.5) ** 2)
    # Of what goes with the distance already nothing is unknown.
    x[LAY.free_variance], x[LAY.cell_variance] = 0.0, 0.1
    assert unseen_variance(rows, x, prior, LAY)[0] == 0.0


@pytest.mark.parametrize(
    ("variance", "esd", "impossible"), [(-30.0, 5.0, True), (-30.0, 15.0, False), (30.0, 5.0, False)]
)
@pytest.mark.parametrize("phase", [0, 1])
def test_no_sample_spreads_by_less_than_nothing(variance: float, esd: float, impossible: bool, phase: int) -> None:
    x, covariance = parameters(LAY, (5.98, 6.02)), np.zeros((LAY.length, LAY.length))
    x[LAY.free_variance + phase] = variance
    covariance[LAY.free_variance + phase, LAY.free_variance + phase] = esd**2
    nothing = np.zeros(0)
    solution = Solution(x, 0.5, covariance, 1.0, 5, True, 1.0, nothing, nothing, np.zeros((0, 0)))
    assert less_than_nothing(solution, LINES, LAY) == impossible


@pytest.mark.parametrize(
    ("chi2", "factor"), [(1.0, 1.0), (1.2, 1.0), (2.0, 1.75 + 39.0 * 0.75), (5.0, 4.75 + 39.0 * 3.75)]
)
def test_what_hides_under_merged_lines_is_alike_over_four_of_their_widths(chi2: float, factor: float) -> None:
    """800 bins of a hundredth of a degree, and lines of a tenth: five deviations of χ² are .25."""
    bins, empty = 800, np.zeros(0)
    grid = 10.0 + 0.01 * np.arange(bins)
    data = Data(grid, np.zeros((0, bins)), grid, grid, grid, grid)
    solution = Solution(empty, 0.5, np.zeros((0, 0)), chi2 * bins, 3, True, 1.0, grid, grid, np.zeros((0, bins)))
    assert doubt_of_merged(solution, data, 0.1) == pytest.approx(factor)
