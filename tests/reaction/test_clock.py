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
    clock = after([2.5 * number for number in range(50)] + [2.5 * (number % 40) for number in range(300)] + [125.0])
    assert clock.period_s == pytest.approx(2.5, rel=0.05)
    assert clock.time_s == pytest.approx(125.0, rel=0.01)


def test_times_that_are_not_known_pass_by_the_period() -> None:
    clock = after([0.0, 2.5, 5.0, math.nan, math.nan, math.inf])
    assert clock.time_s == pytest.approx(12.5)
    assert clock.period_s == pytest.approx(2.5)


def test_hundreds_of_frames_that_come_late_are_judged() -> None:
    judge = Judge(setup_of(mixing_s=10.0))
    for number in range(60):
        judge.judge(2.5 * number, exchange(math.exp(-number / 25.0)))
    for number in range(1000):
        late = judge.judge(2.5 * (number % 60), exchange(math.exp(-(number % 60) / 25.0)))
        assert late.state is State.REACTING
    # What ran backwards bears no forecast.
    assert late.forecast is None


def test_a_time_far_ahead_is_believed_when_the_next_frame_says_so_too() -> None:
    before = after([0.0, 2.5, 5.0])
    doubted = ticked(before, 7200.0)
    assert doubted.time_s == pytest.approx(7.5)
    assert ticked(doubted, 10.0).time_s == 10.0
    assert ticked(doubted, 7202.5).time_s == 7202.5
    assert math.isnan(ticked(doubted, 7202.5).doubted_s)
