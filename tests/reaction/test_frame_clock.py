"""The judge's clock advances by what frames tell, and by no less, whatever comes late."""

import math

import pytest

from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.live.frame_clock import Clock, ticked
from latticewatch.processing.reaction.live.judge import Judge
from tests.reaction.runs import exchange, setup_of


def after(times_s: list[float]) -> Clock:
    clock = Clock()
    for time_s in times_s:
        clock = ticked(clock, time_s)
    return clock


def test_late_frames_do_not_shrink_the_period() -> None:
    # Every other frame comes late.
    times = [2.5 * number if number % 2 else 2.5 * number - 50.0 for number in range(50, 350)]
    clock = after([2.5 * number for number in range(50)] + times)
    assert clock.period_s == pytest.approx(5.0, rel=0.05)
    assert clock.time_s == pytest.approx(2.5 * 349, rel=0.01)


def test_a_clock_that_is_set_back_goes_on() -> None:
    clock = after([10.0 * number for number in range(12)] + [10.0 * number - 3600.0 for number in range(12, 24)])
    assert clock.period_s == pytest.approx(10.0)
    # What passed between the two frames about it is not known.
    assert clock.time_s == pytest.approx(220.0, abs=10.1)


def test_a_clock_that_stands_still_passes_by_the_period() -> None:
    assert after([0.0, 2.5, 5.0, 5.0, 5.0, 5.0]).time_s == pytest.approx(12.5)
    assert after([7.0] * 5).time_s == pytest.approx(11.0)
    # Whole seconds, at five frames a second: evenly, whatever the unit.
    stamps = [float(number // 5) for number in range(40)]
    steps = [after(stamps[: number + 1]).time_s - after(stamps[:number]).time_s for number in range(5, 40)]
    assert max(steps) < 1.5


def test_times_that_are_not_known_pass_by_the_period() -> None:
    clock = after([0.0, 2.5, 5.0, math.nan, math.nan, math.inf])
    assert clock.time_s == pytest.approx(12.5)
    assert clock.period_s == pytest.approx(2.5)


def test_a_period_of_nothing_is_none() -> None:
    assert math.isnan(after([0.0, 0.0, 1e-216]).period_s)
    assert after([0.0, 0.0, 1e-216, 2.5]).time_s < 5.0


@pytest.mark.parametrize("first", [math.nan, math.inf, -math.inf])
def test_a_first_frame_without_a_time_does_not_stop_the_clock(first: float) -> None:
    times = [first, math.nan, 0.0, 2.5, 5.0]
    passed = [after(times[: number + 1]).time_s for number in range(len(times))]
    assert all(math.isfinite(time_s) for time_s in passed)
    assert passed == sorted(set(passed))


@pytest.mark.parametrize("back_s", [0.0, 150.0, 3600.0])
def test_the_verdict_survives_a_clock_that_is_set_back(back_s: float) -> None:
    judge = Judge(setup_of())
    states = []
    for number in range(140):
        time_s = 2.5 * number - (back_s if number > 40 else 0.0)
        states.append(judge.judge(time_s, exchange(math.exp(-max(2.5 * number - 10.0, 0.0) / 60.0))).state)
    assert list(dict.fromkeys(states)) == [State.WAITING, State.REACTING, State.COMPLETE]
    assert 86 < states.index(State.COMPLETE) < 95


def test_hundreds_of_frames_that_come_late_are_judged() -> None:
    judge = Judge(setup_of(mixing_s=10.0))
    for number in range(600):
        late = number % 3 == 2
        verdict = judge.judge(2.5 * number - 100.0 * late, exchange(math.exp(-number / 400.0)))
        assert number < 40 or verdict.state is State.REACTING


def test_a_time_far_ahead_is_believed_when_the_next_frame_says_so_too() -> None:
    before = after([0.0, 2.5, 5.0])
    doubted = ticked(before, 7200.0)
    assert doubted.time_s == pytest.approx(7.5)
    assert ticked(doubted, 10.0).time_s == 10.0
    assert ticked(doubted, 7202.5).time_s == 7202.5
    assert math.isnan(ticked(doubted, 7202.5).doubted_s)


def test_a_period_that_is_known_late_is_the_period() -> None:
    """Whole seconds at five frames a second: the times of the first ones are not known."""
    times = [0.0, *[math.nan] * 4, *(0.2 * number for number in range(5, 40))]
    clock = after(times)
    assert clock.period_s == pytest.approx(0.2)
    assert clock.time_s - after(times[:-10]).time_s == pytest.approx(2.0)
