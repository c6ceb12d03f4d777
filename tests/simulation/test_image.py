"""Images are what their exposure says, with counting noise."""

import numpy as np
import pytest

from latticewatch.processing.simulation.image import GAP_COUNTS, Exposure, image
from latticewatch.processing.simulation.powder import expected_pattern
from latticewatch.processing.simulation.recipes import recipe_named
from latticewatch.processing.simulation.truth import expected

GRID = np.arange(0.0, 30.0, 0.01)
PROFILE = expected_pattern(expected(recipe_named("iodide"), 0.0), GRID)


def exposure(response: list[float], hot: list[int]) -> Exposure:
    """Rows of pixels at 12.345 deg, a row for each response."""
    cell = np.full((len(response), 40_000), 1234, np.int32)
    part = np.full(cell.shape, 0.5, np.float32)
    rows = np.repeat(np.array(response, np.float32), cell.shape[1]).reshape(cell.shape)
    return Exposure(GRID, cell, part, rows, np.array(hot, np.int64))


def test_means_are_interpolated_and_scaled_and_gaps_kept() -> None:
    mean = 0.5 * (PROFILE[1234] + PROFILE[1235])
    counts = image(PROFILE, exposure([1.0, -1.0, 0.5, 0.0], []), np.random.default_rng(0))
    esd = np.sqrt(mean / counts.shape[1])
    assert counts[0].mean() == pytest.approx(mean, abs=5.0 * esd)
    assert counts[0].var() == pytest.approx(mean, rel=0.05)
    assert (counts[1] == GAP_COUNTS).all()
    assert counts[2].mean() == pytest.approx(0.5 * mean, abs=5.0 * esd)
    assert not counts[3].any()


def test_the_same_generator_gives_the_same_counts_and_hot_pixels_are_hot() -> None:
    first = image(PROFILE, exposure([1.0], [3, 7]), np.random.default_rng(4))
    np.testing.assert_array_equal(first, image(PROFILE, exposure([1.0], [3, 7]), np.random.default_rng(4)))
    assert not np.array_equal(first, image(PROFILE, exposure([1.0], [3, 7]), np.random.default_rng(5)))
    assert (first[0, [3, 7]] > 100 * np.median(first)).all()
