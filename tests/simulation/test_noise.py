"""The fast Poisson numbers against scipy's distribution."""

import numpy as np
import pytest
from scipy import stats

from latticewatch.processing.simulation.noise import GAP_COUNTS, draw, poisson_table

TABLE = poisson_table(300.0)
PIXELS = 400_000


def drawn(mean: float, seed: int = 0) -> np.ndarray:
    profile = np.array([mean, mean])
    return draw(
        profile,
        np.zeros(PIXELS, np.int32),
        np.zeros(PIXELS, np.float32),
        np.ones(PIXELS, np.float32),
        TABLE,
        np.random.default_rng(seed),
    )


@pytest.mark.parametrize("mean", [0.01, 0.24, 0.25, 0.6, 3.4, 27.12, 128.0, 299.9, 750.3])
def test_counts_follow_the_distribution(mean: float) -> None:
    """Chi-squared over all counts expected five times or more; 750 lies beyond the table."""
    counts = drawn(mean)
    values = np.arange(counts.max() + 2)
    wanted = stats.poisson.pmf(values, mean) * PIXELS
    seen = np.bincount(counts, minlength=len(values))
    common = wanted >= 5.0
    rare = seen[~common].sum() - (PIXELS - wanted[common].sum())
    assert abs(rare) < 5.0 * np.sqrt(PIXELS - wanted[common].sum() + 5.0)
    chi_squared = float(((seen - wanted)[common] ** 2 / wanted[common]).sum())
    assert stats.chi2.sf(chi_squared, int(common.sum())) > 1e-4


def test_nothing_comes_of_nothing() -> None:
    assert not drawn(0.0).any()


def test_the_same_generator_gives_the_same_counts() -> None:
    np.testing.assert_array_equal(drawn(20.0, 4), drawn(20.0, 4))
    assert not np.array_equal(drawn(20.0, 4), drawn(20.0, 5))


def test_means_are_interpolated_scaled_and_gaps_kept() -> None:
    cell = np.repeat(np.array([0, 0, 1, 1], np.int32), 100_000).reshape(4, -1)
    part = np.full(cell.shape, 0.25, np.float32)
    response = np.repeat(np.array([1.0, -1.0, 0.5, 0.0], np.float32), 100_000).reshape(4, -1)
    counts = draw(np.array([10.0, 50.0, 210.0]), cell, part, response, TABLE, np.random.default_rng(0))
    assert counts[0].mean() == pytest.approx(20.0, abs=0.1)
    assert (counts[1] == GAP_COUNTS).all()
    assert counts[2].mean() == pytest.approx(45.0, abs=0.15)
    assert not counts[3].any()
