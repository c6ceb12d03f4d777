"""What the judge says of simulated reactions whose truth is known."""

import math

import numpy as np
import pytest

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.live.judge import Judge
from tests.benchmarks.verdict.score import Score, judged, score
from tests.benchmarks.verdict.traces import ASKED, make, slow
from tests.reaction.runs import NO_BEAM, NO_PEAKS, exchange, fit_of, setup_of, verdicts_of

TRACES = 6


def scores_of(family: str, traces: int = TRACES) -> list[Score]:
    """Scores of a small ensemble, always the same."""
    made = [make(family, np.random.default_rng([3, number])) for number in range(traces)]
    return [score(trace, judged(trace)) for trace in made]


@pytest.mark.parametrize("family", [*ASKED, "stretched", "single"])
def test_complete_is_never_called_early_nor_in_a_pause(family: str) -> None:
    scores = scores_of(family)
    assert not any(s.early or s.in_pause for s in scores)


def test_complete_is_called_soon_on_clean_reactions() -> None:
    delays = [s.delay for s in scores_of("bare", 12) if s.due]
    assert len(delays) >= 10
    assert np.median(delays) <= 0.1
    assert max(delays) <= 0.5


@pytest.mark.parametrize("family", ["paused", "double pause", "unfinished"])
def test_pauses_are_found_and_their_limits(family: str) -> None:
    pauses = [pause for s in scores_of(family, 8) for pause in s.pauses]
    assert sum(pause.found for pause in pauses) >= 0.9 * len(pauses)
    assert sum(pause.found and pause.frames <= pause.needed + 2 for pause in pauses) >= 0.8 * len(pauses)
    assert np.median([pause.start_error for pause in pauses if pause.found]) <= 1.0


@pytest.mark.parametrize("family", ["bare", "slow drift", "beam dumps", "stretched"])
def test_no_pause_where_there_is_none(family: str) -> None:
    assert not any(s.false_pause for s in scores_of(family, 12))


def test_forecasts_hold_the_truth() -> None:
    scores = [s for family in ("bare", "paused", "outliers") for s in scores_of(family, 8)]
    assert sum(s.forecasts for s in scores) > 500
    assert sum(s.held for s in scores) >= 0.8 * sum(s.forecasts for s in scores)


def forecasts_of(q: np.ndarray, times: np.ndarray, esd_A: float) -> list[bool]:
    """Whether there is a forecast at each of these times."""
    rng = np.random.default_rng(11)
    fits = [exchange(x, esd_A, rng) for x in q]
    return [v.forecast is not None for v in verdicts_of(setup_of(mixing_s=0.0), times, fits)]


def test_a_forecast_that_the_data_do_not_bear_is_withdrawn() -> None:
    times = np.arange(0.0, 150.0, 2.5)
    q = np.exp(-times / 100.0)
    clear, vague = (forecasts_of(q, times, esd) for esd in (1e-3, 0.15))
    assert all(clear[20:])
    assert not any(vague)
    # The beginning is too little to go by, however good the fits.
    assert not any(clear[:2])


def test_a_forecast_is_withdrawn_in_a_pause_and_made_anew_after_it() -> None:
    times = np.arange(0.0, 200.0, 2.5)
    moved = np.where(times < 50.0, times, np.maximum(50.0, times - 50.0))
    made = forecasts_of(np.exp(-moved / 60.0), times, 1e-3)
    assert all(made[14:20])
    assert not any(made[25:40])
    assert all(made[48:60])


def test_mixing_is_found_to_within_a_frame() -> None:
    errors = [s.mixing_error for s in scores_of("bare", 12)]
    assert max(errors) <= 1.0


def test_a_steady_standard_waits_and_forecasts_nothing() -> None:
    rng = np.random.default_rng(1)
    fits = [fit_of(4.1568 + rng.normal(0.0, 1e-5), esd_A=1e-5, single=True) for _ in range(200)]
    verdicts = verdicts_of(setup_of(1), np.arange(200) * 2.5, fits)
    assert {v.state for v in verdicts} == {State.WAITING}
    assert all(v.forecast is None and math.isnan(v.mixing_s) for v in verdicts)


def test_one_lattice_that_stops_short_is_paused_not_complete() -> None:
    rng = np.random.default_rng(2)
    times = np.arange(0.0, 400.0, 2.5)
    ramp = 5.842 + 1.5e-3 * np.minimum(times, 60.0)
    fits = [fit_of(lp + rng.normal(0.0, 5e-4), esd_A=5e-4, single=True) for lp in ramp]
    verdicts = verdicts_of(setup_of(1), times, fits)
    states = [v.state for v in verdicts]
    first = states.index(State.PAUSED)
    assert 60.0 < times[first] <= 60.0 + 6 * 2.5
    assert abs(verdicts[first].since_s - 60.0) < 2.5
    assert set(states[first:]) == {State.PAUSED}


def test_one_lattice_completes_on_its_fitted_approach() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(0.0, 400.0, 2.5)
    fits = [fit_of(6.031 - 0.189 * math.exp(-t / 40.0) + rng.normal(0.0, 5e-4), esd_A=5e-4, single=True) for t in times]
    states = [v.state for v in verdicts_of(setup_of(1), times, fits)]
    assert State.PAUSED not in states
    due = 40.0 * math.log(1.0 / 0.03)
    assert 40.0 * math.log(1.0 / 0.06) < times[states.index(State.COMPLETE)] < due + 0.75 * 40.0


def test_no_beam_says_so_and_the_state_comes_back() -> None:
    rng = np.random.default_rng(4)
    times = np.arange(0.0, 200.0, 2.5)
    fits: list[Fit | NoResult] = [exchange(math.exp(-t / 100.0), 1e-3, rng) for t in times]
    fits[40:50] = [NO_BEAM] * 10
    verdicts = verdicts_of(setup_of(), times, fits)
    assert {v.state for v in verdicts[40:50]} == {State.NO_BEAM}
    assert {v.since_s for v in verdicts[40:50]} == {100.0}
    assert all(v.forecast is None for v in verdicts[40:50])
    assert {v.state for v in verdicts[50:]} == {State.REACTING}


def test_beam_lost_before_anything_is_seen() -> None:
    verdicts = verdicts_of(setup_of(), [0.0, 2.5, 5.0], [NO_PEAKS, NO_BEAM, NO_PEAKS])
    assert [v.state for v in verdicts] == [State.WAITING, State.NO_BEAM, State.WAITING]


def test_frames_without_a_fit_keep_the_state() -> None:
    times = np.arange(0.0, 60.0, 2.5)
    fits: list[Fit | NoResult] = [exchange(math.exp(-t / 100.0)) for t in times]
    fits[10:13] = [NoResult("unreadable: torn"), NoResult("fit refused: no lines"), NO_PEAKS]
    times[10] = math.nan
    states = [v.state for v in verdicts_of(setup_of(), times, fits)]
    assert set(states[9:]) == {State.REACTING}


def test_lattices_that_part_again_are_no_longer_complete() -> None:
    rng = np.random.default_rng(5)
    times = np.arange(0.0, 600.0, 2.5)
    q = np.where(times < 300.0, np.exp(-times / 40.0), np.minimum((times - 300.0) / 300.0, 0.8))
    states = [v.state for v in verdicts_of(setup_of(), times, [exchange(x, 1e-3, rng) for x in q])]
    assert states[119] is State.COMPLETE
    assert State.COMPLETE not in states[160:]


def test_lattices_never_told_apart_are_judged_by_their_mean() -> None:
    rng = np.random.default_rng(6)
    times = np.arange(0.0, 300.0, 2.5)
    fits = [fit_of(math.nan, esd_A=5e-4, mean_A=6.0 - 0.1 * math.exp(-t / 30.0) + rng.normal(0.0, 5e-4)) for t in times]
    states = [v.state for v in verdicts_of(setup_of(), times, fits)]
    assert State.REACTING in states
    assert states[-1] is State.COMPLETE


def test_work_per_frame_does_not_grow() -> None:
    trace = slow(600)
    judge = Judge(trace.setup)
    sizes = []
    for time, fit in zip(trace.times_s, trace.fits, strict=True):
        judge.judge(float(time), fit)
        bank = judge._followers[0].bank
        sizes.append(len(bank.weight) if bank else 0)
    assert max(sizes[100:]) <= max(sizes[:100])


@pytest.mark.parametrize("mixing_s", [None, 10.0])
def test_every_verdict_gives_its_reason(mixing_s: float | None) -> None:
    trace = make("paused", np.random.default_rng(8))
    whys = {v.why for v in judged(trace)}
    assert all(why.endswith(".") and "\n" not in why and len(why) < 120 for why in whys)
