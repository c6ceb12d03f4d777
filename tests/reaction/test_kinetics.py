"""The kinetics told after the fact, against the truth."""

import math

import numpy as np
import pytest

from latticewatch.processing.frame import Gap
from latticewatch.processing.reaction.kinetics import Kinetics, describe
from latticewatch.processing.refinement.fit import Fit
from tests.reaction.runs import NO_BEAM, NO_PEAKS, exchange, fit_of, rows_of, setup_of

TIMES = np.arange(0.0, 300.0, 2.5)
MIXING_S = 10.0


def told(q: np.ndarray, esd_A: float = 5e-4, mixing_s: float | None = MIXING_S, times: np.ndarray = TIMES) -> Kinetics:
    """Kinetics of an exchange that has q left at these times; before mixing there are no peaks."""
    rng = np.random.default_rng(7)
    fits = [exchange(x, esd_A, rng) if t >= MIXING_S else NO_PEAKS for t, x in zip(times, q, strict=True)]
    setup = setup_of(mixing_s=mixing_s)
    return describe(setup, rows_of(setup, list(times), fits))


def decay(times: np.ndarray, tau_s: float, beta: float = 1.0) -> np.ndarray:
    return np.exp(-((np.maximum(times - MIXING_S, 0.0) / tau_s) ** beta))


def within(value: float, truth: float, esd: float, least: float = 0.0) -> bool:
    return abs(value - truth) <= max(4.0 * esd, least)


def test_an_exponential_exchange() -> None:
    kinetics = told(decay(TIMES, 25.0))
    (rate,) = kinetics.rates
    assert rate.model == "exponential"
    assert within(rate.rate_constant_per_s, 1.0 / 25.0, rate.esd)
    assert 0.0 < rate.esd < 1e-3
    assert within(kinetics.half_time_s, 25.0 * math.log(2.0), kinetics.half_time_esd_s)
    assert kinetics.complete is not None
    assert kinetics.complete.reached_s == pytest.approx(MIXING_S + 25.0 * math.log(1.0 / 0.03), abs=1.5)
    assert within(kinetics.lp_start_A, 5.842, kinetics.lp_start_esd_A)
    assert within(kinetics.lp_end_A, 6.031, kinetics.lp_end_esd_A, 3e-4)
    assert kinetics.pauses == ()


def test_a_pause_and_the_rates_on_either_side() -> None:
    times = np.arange(0.0, 500.0, 2.5)
    moved = np.where(times < 30.0, times, np.where(times < 80.0, 30.0, times - 50.0))
    slow = np.where(times > 80.0, 30.0 + (times - 80.0) / 2.0, moved)
    kinetics = told(decay(slow, 30.0), times=times)
    (pause,) = kinetics.pauses
    level = 6.031 - 0.189 * math.exp(-20.0 / 30.0)
    assert within(pause.lp_A, level, pause.lp_esd_A, 3e-4)
    assert pause.start_s == pytest.approx(30.0, abs=2.5)
    assert pause.end_s == pytest.approx(80.0, abs=2.5)
    assert 30.0 < pause.declared_s <= 30.0 + 6 * 2.5
    before, after = kinetics.rates
    assert within(before.rate_constant_per_s, 1.0 / 30.0, before.esd)
    assert within(after.rate_constant_per_s, 1.0 / 60.0, after.esd)


def test_a_pause_that_lasts_has_no_end_and_nothing_is_complete() -> None:
    kinetics = told(decay(np.minimum(TIMES, 40.0), 30.0))
    assert len(kinetics.pauses) == 1
    assert math.isnan(kinetics.pauses[0].end_s)
    assert kinetics.complete is None
    assert kinetics.lp_end_A == kinetics.pauses[0].lp_A


@pytest.mark.parametrize(("beta", "model"), [(1.0, "exponential"), (0.6, "stretched exponential")])
def test_the_stretched_exponential_is_said_on_evidence_only(beta: float, model: str) -> None:
    times = np.arange(0.0, 600.0, 2.5)
    kinetics = told(decay(times, 40.0, beta), times=times)
    assert kinetics.rates[0].model == model
    assert within(kinetics.rates[0].rate_constant_per_s, 1.0 / 40.0, kinetics.rates[0].esd, 1e-3)


def test_one_lattice_alone() -> None:
    rng = np.random.default_rng(8)
    setup = setup_of(1, MIXING_S)
    fits = [fit_of(5.9 + 0.1 * (1.0 - x) + rng.normal(0.0, 5e-4), esd_A=5e-4, single=True) for x in decay(TIMES, 30.0)]
    kinetics = describe(setup, rows_of(setup, list(TIMES), fits))
    (rate,) = kinetics.rates
    assert within(rate.rate_constant_per_s, 1.0 / 30.0, rate.esd)
    assert within(kinetics.lp_start_A, 5.9, kinetics.lp_start_esd_A)
    assert kinetics.complete is not None


def test_nothing_fitted_tells_nothing() -> None:
    kinetics = told(np.ones(3), times=np.arange(3.0))
    assert kinetics.pauses == () == kinetics.rates
    assert kinetics.complete is None
    assert math.isnan(kinetics.lp_start_A)
    assert describe(setup_of(), []).rates == ()


def test_lost_beam_within_a_pause_does_not_end_it() -> None:
    rng = np.random.default_rng(9)
    fits: list[Fit | Gap] = [exchange(x, 5e-4, rng) for x in decay(np.minimum(TIMES, 40.0), 30.0)]
    fits[60:70] = [NO_BEAM] * 10
    setup = setup_of(mixing_s=MIXING_S)
    kinetics = describe(setup, rows_of(setup, list(TIMES), fits))
    assert len(kinetics.pauses) == 1
