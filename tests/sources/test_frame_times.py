"""The times of frames by clocks as they are: set, standing still, coarse, missing, wrong for one frame."""

import logging
import math

import numpy as np
import pytest

from latticewatch.processing.files.frame_names import frame_name
from latticewatch.processing.sources.frame_times import Moment, ScanClock

NAN = math.nan


def moments(
    stamps: list[float], mtimes: list[float] | None = None, period_s: float = NAN, numbers: list[int] | None = None
) -> list[Moment]:
    files = mtimes or [NAN] * len(stamps)
    return [
        Moment(place, frame_name(f"a_{(numbers or range(len(stamps)))[place]:05d}.tif"), stamp, mtime, period_s)
        for place, (stamp, mtime) in enumerate(zip(stamps, files, strict=True))
    ]


def times(frames: list[Moment], period_s: float | None = None, *, recorded: bool = False) -> list[float]:
    clock = ScanClock(period_s, (lambda: frames[-1]) if recorded else lambda: None)
    return [clock.time_s(moment, readable=True) for moment in frames]


TRUE = [10.0 * number for number in range(24)]


@pytest.mark.parametrize("by_s", [-3600.0, 3600.0, -2.0e9, 4e8, -37.0])
@pytest.mark.parametrize("period_s", [None, 10.0])
def test_a_clock_that_is_set(by_s: float, period_s: float | None, caplog: pytest.LogCaptureFixture) -> None:
    stamps = [5e8 + true + (by_s if true >= 120.0 else 0.0) for true in TRUE]
    assert times(moments(stamps), period_s) == pytest.approx(TRUE)
    assert caplog.text.count("clock of the time stamps was set by") == 1
    assert f"by {by_s:+.0f} s" in caplog.text


@pytest.mark.parametrize("pause_s", [3600.0, 900.0, 2e5])
def test_a_pause_that_the_files_confirm_is_one(pause_s: float, caplog: pytest.LogCaptureFixture) -> None:
    true = [each + (pause_s if each >= 120.0 else 0.0) for each in TRUE]
    found = times(moments([5e8 + each for each in true], [9e8 + 1.001 * each for each in true]))
    assert found == pytest.approx(true)
    assert "was set" not in caplog.text


@pytest.mark.parametrize("by_s", [300.0, 3600.0, -3600.0])
def test_a_jump_that_the_files_deny_is_none(by_s: float, caplog: pytest.LogCaptureFixture) -> None:
    """The files keep the time that passed meanwhile: 40 s."""
    true = [each + (30.0 if each >= 120.0 else 0.0) for each in TRUE]
    stamps = [5e8 + each + (by_s if each >= 120.0 else 0.0) for each in true]
    assert times(moments(stamps, [9e8 + each for each in true])) == pytest.approx(true)
    assert "the files' times are used" in caplog.text


def test_a_jump_of_which_nothing_else_tells_is_said(caplog: pytest.LogCaptureFixture) -> None:
    true = [each + (600.0 if each >= 120.0 else 0.0) for each in TRUE]
    assert times(moments([5e8 + each for each in true])) == pytest.approx(true)
    assert caplog.text.count("610 s after the frame before: taken for a pause of the scan") == 1


@pytest.mark.parametrize("wrong", [0.0, 4e9])
def test_one_wrong_stamp_costs_nothing(wrong: float) -> None:
    stamps = [5e8 + each for each in TRUE]
    stamps[7] = wrong
    assert times(moments(stamps)) == pytest.approx(TRUE)


@pytest.mark.parametrize(("given", "recorded", "pace"), [(2.5, False, 2.5), (2.5, True, 2.5), (None, True, 1.0)])
def test_stamps_that_never_move(given: float | None, recorded: bool, pace: float) -> None:
    found = times(moments([5e8] * 24, [9e8 + 1e-4 * number for number in range(24)]), given, recorded=recorded)
    assert found == pytest.approx([pace * number for number in range(24)])


def test_stamps_that_never_move_and_files_that_do() -> None:
    assert times(moments([5e8] * 24, [9e8 + each for each in TRUE])) == pytest.approx(TRUE)


def test_stamps_that_never_move_tell_nothing_of_a_scan_that_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    found = times(moments([5e8] * 5))
    assert found[0] == 0.0
    assert all(math.isnan(each) for each in found[1:])
    assert caplog.text.count("the time is not known, set frame_period_s") == 1


def test_stamps_that_stand_still_for_a_while() -> None:
    """The clock goes on where it would be, or where it stood."""
    stamps = [5e8 + each for each in TRUE]
    assert times(moments(stamps[:8] + stamps[7:8] * 4 + stamps[12:])) == pytest.approx(TRUE)
    lost = [5e8 + each - (40.0 if each >= 120.0 else 0.0) for each in TRUE]
    assert times(moments(stamps[:8] + stamps[7:8] * 4 + lost[12:])) == pytest.approx(TRUE)


@pytest.mark.parametrize("rate", [1.7, 3.0, 5.0, 9.3])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("begin", [0.0, 0.37, 0.95])
def test_whole_seconds_are_within_one_second_and_ascend(rate: float, given: bool, begin: float) -> None:
    """Within two at first: neither the period nor where in its second the scan began is known."""
    true = np.arange(600) / rate
    stamps = [float(math.floor(5e8 + begin + each)) for each in true]
    found = np.array(times(moments(stamps), 1.0 / rate if given else None, recorded=True))
    assert np.abs(found - true).max() < 2.0
    assert np.abs(found - true)[true > 10.0].max() < 1.0
    assert (np.diff(found) > 0.0).all()


def test_whole_seconds_keep_the_pauses_of_the_scan() -> None:
    true = [0.2 * number + (30.0 if number >= 50 else 0.0) for number in range(100)]
    found = times(moments([math.floor(5e8 + each) for each in true], period_s=0.2))
    assert found == pytest.approx(true, abs=1.0)


def test_a_frame_that_comes_late_has_its_own_time_though_the_clock_was_set_meanwhile() -> None:
    numbers = [0, 1, 2, 4, 5, 6, 3]
    stamps = [5e8 + 10.0 * number - (3600.0 if number >= 5 else 0.0) for number in numbers]
    assert times(moments(stamps, numbers=numbers)) == pytest.approx([10.0 * number for number in numbers])


def test_files_written_again_late_do_not_spoil_the_times_of_files() -> None:
    numbers = [0, 1, 2, 4, 5, 6, 3]
    mtimes = [9e8 + 10.0 * number for number in (0, 1, 2, 4, 5, 6, 60)]
    assert times(moments([NAN] * 7, mtimes, numbers=numbers)) == pytest.approx([10.0 * number for number in numbers])


def test_the_wrong_clock_of_a_server_for_one_file() -> None:
    mtimes = [9e8 + each for each in TRUE]
    mtimes[5], mtimes[11] = 1.0, 4e9
    assert times(moments([NAN] * 24, mtimes)) == pytest.approx(TRUE)


def test_what_is_used_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        times(moments([5e8, 5e8 + 10.0]))
        times(moments([NAN, NAN]), 2.5)
    assert "times of the frames come from time stamps in the headers" in caplog.text
    assert "times of the frames come from the frame period" in caplog.text


def test_an_old_frame_under_a_new_name_has_its_old_time(caplog: pytest.LogCaptureFixture) -> None:
    frames = moments([5e8 + each for each in TRUE], [9e8 + each for each in TRUE])
    renamed = Moment(24, frame_name("b_00003.tif"), 5e8 + 30.0, 9e8 + 30.0)
    assert times([*frames, renamed, Moment(25, frame_name("a_00024.tif"), 5e8 + 240.0, 9e8 + 240.0)]) == pytest.approx(
        [*TRUE, 30.0, 240.0]
    )
    assert "was set" not in caplog.text


@pytest.mark.parametrize("odd_s", [4.0, 50.0])
def test_one_long_step_is_not_the_pace_of_the_scan(odd_s: float) -> None:
    """What holds up other frames does so for two periods: not for two pauses."""
    clock = ScanClock(None)
    for moment in moments([NAN] * 12, [9e8 + 0.25 + number + (odd_s if number == 11 else 0.0) for number in range(12)]):
        clock.time_s(moment, readable=True)
    assert clock.period_s == 1.0 + odd_s
    assert clock.usual_period_s == 1.0
