"""The kinetics told after the fact, against the truth."""

import math

import numpy as np
import pytest

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.reaction.afterwards.correlated_errors import correlated_errors, mean_esd, whitened
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from tests.reaction.runs import NO_BEAM, NO_PEAKS, exchange, fit_of, rows_of, setup_of

TIMES = np.arange(0.0, 300.0, 2.5)
TIMES_LONG = np.arange(0.0, 500.0, 2.5)
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


def shelled(frames: int = 200) -> np.ndarray:
    """Towards a level of its own, a rest from 30 to 80 s, then slower to the end."""
    first = 1.0 - 0.4 * (1.0 - np.exp(-(np.clip(TIMES_LONG, MIXING_S, 30.0) - MIXING_S) / 12.0))
    return np.asarray(first * np.exp(-np.maximum(TIMES_LONG - 80.0, 0.0) / 60.0))[:frames]


def test_motion_that_slows_towards_a_rest_has_a_level_of_its_own() -> None:
    kinetics = told(shelled(), 1e-4, times=TIMES_LONG)
    before, after = kinetics.rates
    assert (before.model, after.model) == ("exponential to a level", "exponential")
    assert within(before.rate_constant_per_s, 1.0 / 12.0, before.esd)
    assert within(after.rate_constant_per_s, 1.0 / 60.0, after.esd)


def test_the_limits_of_a_pause_are_known_better_than_to_a_frame() -> None:
    (pause,) = told(shelled(), 3e-4, times=TIMES_LONG).pauses
    assert 0.0 < pause.start_esd_s < 2.5
    assert 0.0 < pause.end_esd_s < 2.5
    assert within(pause.start_s, 30.0, pause.start_esd_s)
    assert within(pause.end_s, 80.0, pause.end_esd_s)


def test_when_shares_of_the_change_were_reached() -> None:
    kinetics = told(decay(TIMES, 25.0))
    assert [each.share for each in kinetics.reached] == [0.5, 0.9, 0.97]
    for each in kinetics.reached:
        truth = MIXING_S + 25.0 * math.log(1.0 / (1.0 - each.share))
        early, late = each.interval_s
        assert early < each.at_s < late
        assert within(each.at_s, truth, each.esd_s)
        assert each.esd_s < 1.0
    assert kinetics.complete is not None
    assert kinetics.complete.reached_s == kinetics.reached[-1].at_s
    assert kinetics.complete.reached_esd_s == kinetics.reached[-1].esd_s


def test_a_share_not_yet_reached_is_not_told() -> None:
    kinetics = told(decay(np.minimum(TIMES, 40.0), 30.0))
    assert [each.share for each in kinetics.reached] == [0.5]


def test_half_way_near_a_pause_may_lie_on_either_side_of_it() -> None:
    # It rests a hundredth before half way: when it began decides, and is known within one frame alone.
    stop = MIXING_S + 25.0 * math.log(1.0 / 0.51)
    moved = np.minimum(TIMES_LONG, np.maximum(stop, TIMES_LONG - 100.0))
    given, found = (told(decay(moved, 25.0), 3e-4, mixing, TIMES_LONG) for mixing in (MIXING_S, None))
    assert given.half_time_esd_s < 0.5
    assert found.half_time_esd_s > 10.0
    for told_of in (given, found):
        assert within(told_of.half_time_s, 100.0 + 25.0 * math.log(2.0), told_of.half_time_esd_s)


def test_a_mixing_found_within_a_frame_makes_the_start_as_uncertain() -> None:
    given, found = (told(decay(TIMES, 25.0), 1e-4, mixing) for mixing in (MIXING_S, None))
    slope = 0.189 / 25.0
    assert found.lp_start_esd_A == pytest.approx(slope * 2.5 / math.sqrt(12.0), rel=0.2)
    assert given.lp_start_esd_A < 0.1 * found.lp_start_esd_A


def test_errors_that_fits_have_in_common_do_not_average_out() -> None:
    few, many = (mean_esd(np.full(n, 1e-4), 1.0, left=0.5) for n in (10, 10_000))
    assert many == pytest.approx(0.45e-4, rel=0.01)
    assert many < few < 0.6e-4


def test_whitened_residuals_are_independent() -> None:
    rng = np.random.default_rng(4)
    remaining, esd = np.geomspace(0.3, 0.003, 40), np.full(40, 1e-4)
    common = correlated_errors(remaining, esd)
    # The covariance of the common errors, from its own definition.
    whitener = np.stack([whitened(common, row) for row in np.eye(40)])
    covariance = np.linalg.inv(whitener @ whitener)
    drawn = rng.multivariate_normal(np.zeros(40), covariance, 20_000)
    white = drawn @ whitener
    assert np.abs(np.cov(white.T) - np.eye(40)).max() < 0.06
    assert covariance[-1, -1] > 1.4 > 1.1 > covariance[0, 0] > 1.0


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
    fits: list[Fit | NoResult] = [exchange(x, 5e-4, rng) for x in decay(np.minimum(TIMES, 40.0), 30.0)]
    fits[60:70] = [NO_BEAM] * 10
    setup = setup_of(mixing_s=MIXING_S)
    kinetics = describe(setup, rows_of(setup, list(TIMES), fits))
    assert len(kinetics.pauses) == 1
