"""The bins that are fitted, and what their variances say."""

import numpy as np
import pytest

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.model.lines import lines_of
from latticewatch.processing.refinement.solver.grid import data_of, window_of

TWO_THETA = np.linspace(4.0, 25.5, 4000)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_the_variance_of_a_bin_is_that_of_the_mean_of_its_known_parts(lost: int) -> None:
    """Of frames with the same counts and other noise, with ``lost`` parts of every bin masked."""
    phase = read_phase("CsPbBr3")
    window = window_of(TWO_THETA, lines_of((Component("Br", phase, 5.842),), 0.64066, 4.0, 25.5))
    assert window.factor >= 4
    rng = np.random.default_rng(3)
    masked = (np.arange(TWO_THETA.size) - window.first) % window.factor < lost
    patterns, said = [], []
    for _ in range(400):
        counts = rng.poisson(900.0, TWO_THETA.size).astype(np.float64)
        sigma = np.sqrt(counts)
        counts[masked] = sigma[masked] = np.nan
        data = data_of(window, counts, sigma, 1.0)
        patterns.append(data.y)
        said.append(data.variance)
    assert np.mean(said) == pytest.approx(np.var(patterns, axis=0).mean(), rel=0.02)
    assert np.mean(said) == pytest.approx(900.0 / (window.factor - lost), rel=0.01)
