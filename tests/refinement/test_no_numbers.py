"""What is no number is no fit: whatever a pattern holds, a result has numbers or says why not. Warnings are errors."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.solver.solve import all_numbers
from latticewatch.processing.refinement.tracking.foreign_followed import areas_in
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.recipes import recipe_named
from latticewatch.processing.simulation.scan import exposed, frame_generator
from tests.benchmarks.fit.scans import refinement_of
from tests.simulated_patterns import binning, noisy_pattern

BINS = binning()
Floats = NDArray[np.float32]


def pattern_of(number: int) -> Pattern:
    truth = exposed(recipe_named("iodide"), number, frame_generator(3, number))
    return noisy_pattern(truth, BINS, frame_generator(4, number))


@cache
def followed(frame: int) -> TrackedRefinement:
    """A refinement that has followed the scan to this frame, every fourth frame of it."""
    refinement = refinement_of(recipe_named("iodide"), BINS.two_theta)
    for number in range(5, frame, 4):
        refinement.refine(pattern_of(number))
    return refinement


def spike(y: Floats) -> Floats:
    y[200] *= 1e9
    return y


def spikes_on_every_line(y: Floats) -> Floats:
    y[::25] = 1e7 * y.max()
    return y


def saw(y: Floats) -> Floats:
    return np.asarray(y * np.where(np.arange(len(y)) % 2, 1e-6, 1e6), np.float32)


def steep(y: Floats) -> Floats:
    return np.asarray(y * np.exp(np.linspace(-30.0, 30.0, len(y))), np.float32)


def below_zero(y: Floats) -> Floats:
    return y - np.float32(1e3) * y.max()


def half_missing(y: Floats) -> Floats:
    y[: len(y) // 2] = np.nan
    return y


CONTENTS: dict[str, Callable[[Floats], Floats]] = {
    "all equal": lambda y: np.full_like(y, 7.0),
    "1e20 times as bright": lambda y: y * np.float32(1e20),
    "1e-20 times as bright": lambda y: y * np.float32(1e-20),
    "backwards": lambda y: np.ascontiguousarray(y[::-1]),
    **{function.__name__: function for function in (spike, spikes_on_every_line, saw, steep, below_zero, half_missing)},
}


@pytest.mark.parametrize(("frame", "sigma"), [(25, 1e-9), (25, 1.0), (205, 1.0)])
@pytest.mark.parametrize("content", CONTENTS)
def test_every_pattern_has_numbers_or_a_reason(frame: int, content: str, sigma: float) -> None:
    """While the lines are apart, and when they have merged; then the scan continues."""
    refinement = followed(frame).fork()
    given = pattern_of(frame)
    absurd = Pattern(given.two_theta, CONTENTS[content](given.intensity.copy()), given.sigma * np.float32(sigma))
    for pattern in (absurd, absurd, pattern_of(frame + 1)):
        result = refinement.refine(pattern)
        if isinstance(result, Fit):
            assert math.isfinite(result.lp_mean_A)
            assert 0.0 < result.lp_mean_esd_A < math.inf
            assert math.isfinite(result.chi2_reduced)
            for lattice in result.lattices:
                assert math.isnan(lattice.lp_A) or 0.0 < lattice.lp_esd_A < math.inf
        else:
            assert result.reason


def test_all_numbers() -> None:
    x, covariance = np.ones(3), np.eye(3)
    assert all_numbers(x, covariance, 1.0)
    assert not all_numbers(x, covariance, math.inf)
    assert not all_numbers(x, covariance, -1.0)
    assert not all_numbers(np.array([1.0, np.nan, 1.0]), covariance, 1.0)
    assert not all_numbers(x, np.diag([1.0, np.inf, 1.0]), 1.0)
    assert not all_numbers(x, np.diag([1.0, -1e-9, 1.0]), 1.0)


def test_a_new_line_in_a_hollow_is_not_known_to_have_no_area() -> None:
    rows = np.zeros((2, 50))
    rows[0, 10:15], rows[1, 30:35] = 1.0, 2.0
    residual = np.where(np.arange(50) < 25, -3.0, 3.0)
    np.testing.assert_allclose(areas_in(residual, rows), [1.0 / math.sqrt(5.0), 1.5])
