"""Laws of amounts: Avrami's, a power law or an exponential, whichever the data tell."""

import math

import numpy as np
import pytest

from latticewatch.processing.reaction.afterwards.decays import BETA, Decay, Span, decay_at, fit_decay
from latticewatch.processing.reaction.afterwards.reached import half_time

TIMES_S = np.arange(0.0, 600.0, 2.5)
ESD = 0.004
BEGIN_S = 50.0


def values_of(end: float, k: float, exponent: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([0.0, math.log(k), end, BEGIN_S, math.inf, exponent])


def fitted(values: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int, *, is_amount: bool = True) -> Decay:
    y = decay_at(values, TIMES_S) + np.random.default_rng(seed).normal(0.0, ESD, len(TIMES_S))
    span = Span(BEGIN_S, begin_free=True, free_end=True, is_amount=is_amount)
    decay = fit_decay(span, TIMES_S, y, np.full(len(TIMES_S), ESD))
    assert decay is not None
    return decay


@pytest.mark.parametrize("exponent", [1.5, 2.5, 4.0])
def test_the_law_of_avrami_is_told_with_its_exponent(exponent: float) -> None:
    pulls = []
    for seed in range(8):
        decay = fitted(values_of(0.9, 0.008, exponent), seed)
        assert decay.model.startswith("Avrami, n = ")
        pulls.append((decay.values[BETA] - exponent) / math.sqrt(decay.covariance[BETA, BETA]))
        half_s, half_esd_s = half_time([decay])
        truth_s = math.log(2.0) ** (1.0 / exponent) / 0.008
        assert half_s + decay.values[3] == pytest.approx(truth_s + BEGIN_S, abs=5.0 * half_esd_s + 1.0)
    assert np.sqrt(np.mean(np.square(pulls))) < 2.0


@pytest.mark.parametrize("exponent", [0.5, 0.35])
def test_an_amount_that_grows_by_a_power_has_no_end(exponent: float) -> None:
    for seed in range(6):
        decay = fitted(values_of(math.inf, 1e-3 if exponent == 0.5 else 2e-4, exponent), seed)
        assert decay.model.startswith("power law, exponent "), decay.model
        assert decay.values[BETA] == pytest.approx(exponent, abs=5.0 * math.sqrt(decay.covariance[BETA, BETA]))
        assert math.isnan(half_time([decay])[0])


def test_an_exponential_stays_one() -> None:
    for seed in range(12):
        assert fitted(values_of(0.9, 0.012, 1.0), seed).model == "exponential"


def test_a_lattice_parameter_follows_no_power_law() -> None:
    assert not fitted(values_of(math.inf, 1e-3, 0.5), 1, is_amount=False).model.startswith("power law")
