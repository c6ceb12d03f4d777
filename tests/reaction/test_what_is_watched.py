"""Traces that were judged wrongly once: exchanged names, lattices that stay apart, what fades, what is added."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from tests.reaction.runs import exchange, fit_of, rows_of, setup_of, two_phases

FE_A, AU_A = 2.8725, 3.5986
TIMES = np.arange(0.0, 600.0, 10.0)
BEGIN_S, TAU_S = 100.0, 80.0
EXCHANGE_S, EXCHANGE_TAU_S = 25.0, 60.0
FRAMES = np.arange(0.0, 500.0, 2.5)


def approach(times: np.ndarray, begin_s: float = BEGIN_S, tau_s: float = TAU_S) -> np.ndarray:
    """From 0 to 1."""
    return np.asarray(-np.expm1(-np.maximum(times - begin_s, 0.0) / tau_s))


def left(times: np.ndarray) -> np.ndarray:
    """From 1 to 0."""
    return 1.0 - approach(times, EXCHANGE_S, EXCHANGE_TAU_S)


def apart(done: Callable[[float], tuple[float, float, float]], times: np.ndarray = TIMES) -> list[Row]:
    """A run of two lattices that stay apart: both cells and the amount of the first at each time."""
    rng = np.random.default_rng(1)
    return rows_of(setup_of(end="apart"), list(times), [two_phases(*done(float(time)), rng) for time in times])


def merging(q: Sequence[float] | np.ndarray, esd_A: float = 3e-4, seed: int = 2) -> list[Fit]:
    """Fits of an exchange with this left of it."""
    rng = np.random.default_rng(seed)
    return [exchange(float(x), esd_A, rng) for x in q]


def judged(fits: Sequence[Fit], mixing_s: float | None = None) -> list[Row]:
    """The rows of a run of two lattices that are to become one."""
    return rows_of(setup_of(mixing_s=mixing_s), list(FRAMES[: len(fits)]), list(fits))


def states(rows: Sequence[Row]) -> list[State]:
    """One after the other, each once."""
    return [row.verdict.state for i, row in enumerate(rows) if not i or row.verdict.state != rows[i - 1].verdict.state]


def called_at(rows: Sequence[Row], state: State) -> float:
    """When it was called first."""
    return next(row.time_s for row in rows if row.verdict.state is state)


def exchanged(fit: Fit) -> Fit:
    """With the names of its lattices exchanged."""
    return replace(fit, lattices=fit.lattices[::-1])


def absent(fit: Fit) -> Fit:
    """Without its second lattice."""
    first = fit.lattices[0]
    return replace(fit, lattices=(first, Lattice(weight=0.0)), components=1, lp_mean_A=first.lp_A)


HEATED = {
    "both lattices grow": lambda t: (
        FE_A * (1 + 0.008 * float(approach(t))),
        AU_A * (1 + 0.008 * float(approach(t))),
        0.5,
    ),
    "one grows": lambda t: (FE_A * (1 + 0.008 * float(approach(t))), AU_A, 0.5),
    "the other one grows": lambda t: (FE_A, AU_A * (1 + 0.008 * float(approach(t))), 0.5),
    "the amounts change": lambda t: (FE_A, AU_A, 0.04 + 0.92 * float(approach(t))),
}


@pytest.mark.parametrize("what", HEATED)
def test_of_lattices_that_stay_apart_each_is_watched_and_the_amounts(what: str) -> None:
    rows = apart(HEATED[what])
    assert states(rows) == [State.WAITING, State.REACTING, State.COMPLETE]
    assert BEGIN_S < called_at(rows, State.REACTING) <= BEGIN_S + 5 * 10.0
    due = BEGIN_S + TAU_S * math.log(1.0 / 0.03)
    assert due - 20.0 < called_at(rows, State.COMPLETE) < due + TAU_S
    assert any(row.verdict.forecast is not None for row in rows)
    kinetics = describe(setup_of(end="apart"), rows)
    (rate,) = kinetics.rates
    assert rate.rate_constant_per_s == pytest.approx(1.0 / TAU_S, abs=4.0 * rate.esd)
    assert kinetics.half_time_s == pytest.approx(TAU_S * math.log(2.0), abs=4.0 * kinetics.half_time_esd_s)
    assert kinetics.pauses == ()


def test_it_is_said_what_the_rate_is_one_of() -> None:
    models = {what: describe(setup_of(end="apart"), apart(HEATED[what])).rates[0].model for what in HEATED}
    assert models == {
        "both lattices grow": "exponential",
        "one grows": "exponential",
        "the other one grows": "exponential (lp_I)",
        "the amounts change": "exponential (weight_Br)",
    }


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_a_transformation_that_starts_slowly_is_a_reaction(power: float) -> None:
    share = lambda t: -math.expm1(-((max(t - BEGIN_S, 0.0) / 150.0) ** power))  # noqa: E731
    times = np.arange(0.0, 900.0, 10.0)
    rows = apart(lambda t: (FE_A, AU_A, 0.96 - 0.92 * share(t)), times)
    assert states(rows) == [State.WAITING, State.REACTING, State.COMPLETE]
    assert share(called_at(rows, State.COMPLETE)) > 0.94


def test_a_transformation_that_pauses() -> None:
    moved = lambda t: min(t, max(180.0, t - 100.0))  # noqa: E731
    rows = apart(lambda t: (FE_A, AU_A, 0.04 + 0.92 * float(approach(np.array(moved(t))))))
    assert states(rows) == [State.WAITING, State.REACTING, State.PAUSED, State.REACTING, State.COMPLETE]
    (pause,) = describe(setup_of(end="apart"), rows).pauses
    assert pause.start_s == pytest.approx(180.0, abs=10.0)
    assert pause.end_s == pytest.approx(280.0, abs=10.0)
    assert "amount of Br stands still" in next(row.verdict.why for row in rows if row.verdict.state is State.PAUSED)


def test_an_amount_that_reaches_nothing_is_complete() -> None:
    rows = apart(lambda t: (FE_A, AU_A, max(0.9 - 0.003 * max(t - BEGIN_S, 0.0), 0.0)))
    assert rows[-1].verdict.state is State.COMPLETE
    assert called_at(rows, State.COMPLETE) > BEGIN_S + 280.0


def test_steady_lattices_that_stay_apart_wait() -> None:
    assert states(apart(lambda _: (FE_A, AU_A, 0.3))) == [State.WAITING]


def test_lattices_that_stay_apart_are_never_complete_by_their_distance() -> None:
    # The second cell comes down to the first one and goes through it.
    rows = apart(lambda t: (6.0, 6.2 - 4e-4 * t, 0.5))
    assert State.COMPLETE not in states(rows)


@pytest.mark.parametrize(
    "which",
    [range(10), range(30, 200), [i for i in range(200) if i % 7 < 3]],
    ids=["at first", "from then on", "often"],
)
def test_exchanged_names_are_no_progress(which: Sequence[int]) -> None:
    q = left(FRAMES)
    rows = judged([exchanged(fit) if i in which else fit for i, fit in enumerate(merging(q))])
    assert states(rows) == [State.WAITING, State.REACTING, State.COMPLETE]
    assert q[list(FRAMES).index(called_at(rows, State.COMPLETE))] < 0.035


def test_nothing_is_complete_while_two_lattices_are_told_apart() -> None:
    rows = judged([exchanged(fit) if i >= 30 else fit for i, fit in enumerate(merging(np.maximum(left(FRAMES), 0.2)))])
    assert states(rows) == [State.WAITING, State.REACTING, State.PAUSED]


def test_a_component_that_fades_moves_nobody() -> None:
    rng = np.random.default_rng(3)
    fits = [
        fit_of(5.842 + rng.normal(0.0, 8e-5), 6.2 + rng.normal(0.0, 8e-5) - 1.3e-3 * (17 <= i <= 21), 8e-5)
        for i in range(80)
    ]
    gone = [absent(fit) if i >= 35 else fit for i, fit in enumerate(fits)]
    assert states(judged(gone)) == [State.WAITING]
    assert describe(setup_of(), judged(gone)).rates == ()


def test_an_absent_component_is_no_merged_one() -> None:
    # Its partner moves on alone, and nobody knows how far it has come.
    fits = merging(np.maximum(left(FRAMES), 0.05))
    rows = judged([absent(fit) if i >= 30 else fit for i, fit in enumerate(fits)])
    assert states(rows) == [State.WAITING, State.REACTING]
    fits = merging(left(FRAMES))
    rows = judged([absent(fit) if 30 <= i < 50 else fit for i, fit in enumerate(fits)])
    assert states(rows) == [State.WAITING, State.REACTING, State.COMPLETE]


def test_a_component_that_is_absent_where_both_were_nearly_one_is_merged() -> None:
    fits = merging(left(FRAMES))
    rows = judged(
        [
            absent(replace(fit, lattices=(Lattice(6.031, 1e-3), Lattice()))) if fit.components == 1 else fit
            for fit in fits
        ]
    )
    assert rows[-1].verdict.state is State.COMPLETE


def added(at_s: float, share: float, tau_s: float = 30.0) -> np.ndarray:
    """An exchange to which more is added."""
    q = left(FRAMES)
    second = (q[np.searchsorted(FRAMES, at_s) - 1] + share) * np.exp(-np.maximum(FRAMES - at_s, 0.0) / tau_s)
    return np.asarray(np.where(at_s > FRAMES, q, second))


@pytest.mark.parametrize(("at_s", "share"), [(75.0, 0.4), (75.0, 0.55), (300.0, 0.6), (300.0, 0.97)])
def test_what_is_added_begins_a_second_reaction(at_s: float, share: float) -> None:
    rows = judged(merging(added(at_s, share)))
    before = [State.COMPLETE] if at_s == 300.0 else []
    again = [State.REACTING] if before else []
    assert states(rows) == [State.WAITING, State.REACTING, *before, *again, State.COMPLETE]
    said = next(row for row in rows if row.time_s > at_s and "reaction 2" in row.verdict.why)
    assert said.time_s <= at_s + 5 * 2.5
    assert said.verdict.mixing_s == said.verdict.since_s == pytest.approx(at_s, abs=2.5)
    assert ("Was called complete" in said.verdict.why) == bool(before)
    kinetics = describe(setup_of(), rows)
    first, second = kinetics.rates
    assert first.rate_constant_per_s == pytest.approx(1.0 / EXCHANGE_TAU_S, abs=5.0 * first.esd)
    assert second.rate_constant_per_s == pytest.approx(1.0 / 30.0, abs=5.0 * second.esd)
    assert second.start_s == pytest.approx(at_s, abs=2.5)
    assert kinetics.mixing_s == pytest.approx(EXCHANGE_S, abs=2.5)
    assert kinetics.complete is not None
    assert kinetics.complete.declared_s > at_s


def test_one_lattice_that_leaves_its_end_begins_a_second_reaction() -> None:
    times = np.arange(0.0, 1200.0, 10.0)
    strain = 0.008 * approach(times, tau_s=60.0) + 0.006 * approach(times, 700.0, 60.0)
    rng = np.random.default_rng(4)
    fits = [fit_of(FE_A * (1.0 + x) + rng.normal(0.0, 1.5e-5), esd_A=1.5e-5, single=True) for x in strain]
    rows = rows_of(setup_of(1), list(times), fits)
    assert states(rows) == [State.WAITING, State.REACTING, State.COMPLETE, State.REACTING, State.COMPLETE]
    kinetics = describe(setup_of(1), rows)
    assert [rate.rate_constant_per_s for rate in kinetics.rates] == pytest.approx([1 / 60.0, 1 / 60.0], rel=0.02)
    assert [rate.start_s for rate in kinetics.rates] == pytest.approx([100.0, 700.0], abs=10.0)


def test_a_completion_is_taken_back_aloud_and_stands_for_the_past() -> None:
    q = np.where(FRAMES < 300.0, left(FRAMES), np.minimum((FRAMES - 300.0) / 300.0, 0.8))
    rows = judged(merging(q))
    assert states(rows) == [State.WAITING, State.REACTING, State.COMPLETE, State.REACTING]
    complete = [row for row in rows if row.verdict.state is State.COMPLETE]
    again = rows[complete[-1].index + 1 :]
    assert q[again[0].index] < 0.1
    assert all(
        row.verdict.why.startswith(f"Was called complete at {complete[0].time_s:.0f} s; moving again") for row in again
    )
    assert describe(setup_of(), rows).complete is None


def wrong(fits: Sequence[Fit], frames: Sequence[int], shift_A: Sequence[float], esd_A: float = 1e-4) -> list[Fit]:
    """With cells that are far off in these frames and say otherwise."""
    bad = list(fits)
    for frame, shift in zip(frames, shift_A, strict=True):
        cells = [lattice.lp_A if math.isfinite(lattice.lp_A) else 6.03 for lattice in fits[frame].lattices]
        bad[frame] = fit_of(cells[0] + shift, cells[1] - 0.6 * shift, esd_A)
    return bad


BAD = {
    "one": ([30], [0.05]),
    "a few": ([30, 31, 33], [0.05, 0.085, 0.12]),
    "a few alike": ([30, 31, 32], [0.05, 0.05, 0.05]),
    "a few outwards": ([30, 31, 32], [-0.05, -0.05, -0.05]),
    "when complete": ([150, 152, 154], [0.05, 0.1, 0.07]),
    "when complete, in a row": ([150, 151, 152], [0.05, 0.085, 0.12]),
    "before": ([3, 5], [0.05, 0.05]),
}


@pytest.mark.parametrize("which", BAD)
def test_a_few_bad_frames_with_small_esds_change_nothing(which: str) -> None:
    clean = judged(merging(left(FRAMES)))
    rows = judged(wrong(merging(left(FRAMES)), *BAD[which]))
    assert states(rows) == states(clean)
    for state in (State.REACTING, State.COMPLETE):
        assert called_at(rows, state) == pytest.approx(called_at(clean, state), abs=7.5)


def test_a_few_bad_frames_of_a_steady_standard_are_no_reaction() -> None:
    rng = np.random.default_rng(5)
    bad = {20: 0.01, 21: 0.01, 24: 0.02, 40: -0.03}
    fits = [fit_of(4.1568 + bad.get(i, 0.0) + rng.normal(0.0, 1e-5), esd_A=1e-5, single=True) for i in range(80)]
    assert states(rows_of(setup_of(1), list(FRAMES[:80]), fits)) == [State.WAITING]


def test_a_first_component_alone_before_the_mixing_is_no_lattice_to_stay_with() -> None:
    # Alone it moves a little; mixed, it exchanges.
    alone = [absent(fit_of(5.842 + 4e-4 * i, 6.2, 1e-4)) for i in range(20)]
    rows = judged([*alone, *merging(left(FRAMES[10:190]))])
    assert rows[-1].verdict.state is State.COMPLETE
    q = [*[1.0] * 20, *left(FRAMES[10:190])]
    assert all(q[row.index] < 0.06 for row in rows if row.verdict.state is State.COMPLETE)


def test_a_pause_that_would_end_before_it_starts_is_no_pause() -> None:
    rows = judged(merging(left(FRAMES)))
    # Verdicts of an older program: since_s of what follows the pause lies before that of the pause.
    paused = replace(rows[60].verdict, state=State.PAUSED, since_s=140.0)
    resumed = replace(rows[65].verdict, state=State.REACTING, since_s=120.0)
    for i in range(60, 65):
        rows[i] = replace(rows[i], verdict=paused)
    for i in range(65, 70):
        rows[i] = replace(rows[i], verdict=resumed)
    kinetics = describe(setup_of(), rows)
    assert kinetics.pauses == ()
    assert any("pause" in reason for reason in kinetics.withheld)
    assert kinetics.rates[0].rate_constant_per_s == pytest.approx(1.0 / EXCHANGE_TAU_S, rel=0.01)


def slow(tau_s: float) -> Kinetics:
    """Of an exchange so slow, without noise."""
    fits = [exchange(math.exp(-time / tau_s), 1e-4) for time in FRAMES]
    return describe(setup_of(mixing_s=0.0), judged(fits, 0.0))


def test_kinetics_far_slower_than_the_scan_are_not_told() -> None:
    told, untold = slow(2e3), slow(3e4)
    assert told.half_time_s == pytest.approx(2e3 * math.log(2.0), rel=0.02)
    assert told.withheld == ()
    assert math.isnan(untold.half_time_s)
    assert all(math.isnan(rate.rate_constant_per_s) for rate in untold.rates)
    assert untold.withheld
