"""Which alarms a stream of rows raises, and that each is raised once."""

import math

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.reaction.live.alarms import Alarm, Watch, acknowledged, after_row, at_time, is_over
from tests.reaction.runs import fit_of

REFUSED = NoResult("fit refused: lost")


def row_of(state: State, fit: object = None) -> Row:
    return Row(0, "0.cbf", 0.0, math.nan, None, fit or fit_of(5.9), Verdict(state))  # type: ignore[arg-type]


def raised(rows: list[Row], watch: Watch = Watch()) -> tuple[Watch, list[set[Alarm]]]:  # noqa: B008
    alarms = []
    for number, row in enumerate(rows):
        watch, new = after_row(watch, row, float(number))
        alarms.append(set(new))
    return watch, alarms


def test_each_state_rings_once() -> None:
    states = [State.REACTING, State.PAUSED, State.PAUSED, State.REACTING, State.NO_BEAM, State.COMPLETE, State.COMPLETE]
    _, alarms = raised([row_of(state) for state in states])
    assert alarms == [set(), {Alarm.PAUSE}, set(), set(), {Alarm.NO_BEAM}, {Alarm.COMPLETE}, set()]


def test_an_alarm_stands_until_it_is_acknowledged() -> None:
    watch, _ = raised([row_of(State.PAUSED), row_of(State.REACTING)])
    assert watch.standing == {Alarm.PAUSE}
    assert acknowledged(watch).standing == frozenset()


def test_acknowledged_it_is_silent_while_its_cause_lasts_and_rings_anew_after() -> None:
    watch, _ = raised([row_of(State.PAUSED)])
    _, alarms = raised(
        [row_of(State.PAUSED), row_of(State.REACTING), row_of(State.PAUSED)],
        acknowledged(watch),
    )
    assert alarms == [set(), set(), {Alarm.PAUSE}]


def test_what_nobody_has_seen_rings_anew_when_its_cause_comes_again() -> None:
    watch, alarms = raised([row_of(state) for state in (State.PAUSED, State.REACTING, State.PAUSED)])
    assert alarms == [{Alarm.PAUSE}, set(), {Alarm.PAUSE}]
    assert watch.standing == {Alarm.PAUSE}


def test_a_pause_rings_once_though_the_beam_is_away_meanwhile() -> None:
    states = (State.PAUSED, State.NO_BEAM, State.PAUSED, State.NO_BEAM, State.PAUSED)
    _, alarms = raised([row_of(state) for state in states])
    assert alarms == [{Alarm.PAUSE}, {Alarm.NO_BEAM}, set(), {Alarm.NO_BEAM}, set()]


def test_five_refused_fits_in_a_row() -> None:
    good, bad = row_of(State.REACTING), row_of(State.REACTING, REFUSED)
    _, alarms = raised([bad] * 4 + [good] + [bad] * 6)
    assert [Alarm.FITS_FAILING in new for new in alarms] == [False] * 9 + [True, False]


def test_frames_without_beam_or_peaks_are_no_failing_fits() -> None:
    _, alarms = raised([row_of(State.WAITING, NoResult("no peaks"))] * 20)
    assert not any(alarms)


def test_silence_for_three_periods() -> None:
    watch, _ = raised([row_of(State.REACTING)] * 5)
    watch, early = at_time(watch, 4.0 + 2.9)
    assert not early
    watch, late = at_time(watch, 4.0 + 3.1)
    assert late == {Alarm.SILENT}
    watch, again = at_time(watch, 60.0)
    assert not again
    assert watch.standing == {Alarm.SILENT}


def test_silence_is_over_with_the_next_row() -> None:
    watch, _ = raised([row_of(State.REACTING)] * 5)
    watch, _ = at_time(watch, 20.0)
    watch, _ = after_row(acknowledged(watch), row_of(State.REACTING), 21.0)
    _, new = at_time(watch, 90.0)
    assert new == {Alarm.SILENT}


def test_a_second_silence_rings_though_nobody_has_seen_the_first() -> None:
    watch, _ = raised([row_of(State.REACTING)] * 5)
    watch, _ = at_time(watch, 20.0)
    watch, _ = after_row(watch, row_of(State.REACTING), 21.0)
    assert at_time(watch, 90.0)[1] == {Alarm.SILENT}


def test_no_silence_before_the_period_is_known_nor_after_the_end() -> None:
    watch, _ = after_row(Watch(), row_of(State.REACTING), 0.0)
    assert at_time(watch, 1e6)[1] == frozenset()
    watch, _ = raised([row_of(State.COMPLETE)] * 5)
    assert at_time(watch, 1e6)[1] == frozenset()


def test_causes_that_are_over() -> None:
    good, bad = row_of(State.REACTING), row_of(State.REACTING, REFUSED)
    failing, _ = raised([good, *[bad] * 5])
    mended, _ = raised([good, *[bad] * 5, good])
    assert [is_over(watch, Alarm.FITS_FAILING, 6.0) for watch in (failing, mended)] == [False, True]
    quiet, _ = raised([good] * 5)
    quiet, _ = at_time(quiet, 20.0)
    heard, _ = after_row(quiet, good, 21.0)
    assert [is_over(watch, Alarm.SILENT, 21.5) for watch in (quiet, heard)] == [False, True]
    moving, _ = raised([row_of(State.COMPLETE), good])
    again, _ = raised([row_of(State.COMPLETE), good, row_of(State.COMPLETE)])
    assert [is_over(watch, Alarm.MOVING_AGAIN, 3.0) for watch in (moving, again)] == [False, True]
    assert [is_over(moving, alarm, 3.0) for alarm in (Alarm.COMPLETE, Alarm.UNKNOWN_LINE)] == [True, False]


def test_a_folder_that_is_gone_rings_by_its_name_and_is_over_when_it_is_back() -> None:
    watch, _ = raised([row_of(State.REACTING)] * 5)
    watch, first = at_time(watch, 20.0, gone=True)
    assert first == {Alarm.FOLDER_GONE}
    assert not is_over(watch, Alarm.FOLDER_GONE, 20.0)
    watch, again = at_time(acknowledged(watch), 40.0, gone=True)
    # Frames that were read before it went may still come.
    watch, _ = after_row(watch, row_of(State.REACTING), 41.0)
    watch, later = at_time(watch, 60.0, gone=True)
    assert again == later == frozenset()
    watch, _ = at_time(watch, 42.0)
    assert is_over(watch, Alarm.FOLDER_GONE, 42.0)
    assert at_time(watch, 43.0, gone=True)[1] == {Alarm.FOLDER_GONE}


def test_frames_that_wait_are_no_silence_and_a_gone_folder_is_no_alarm_after_the_end() -> None:
    watch, _ = raised([row_of(State.REACTING)] * 5)
    assert at_time(watch, 60.0, waits=True)[1] == frozenset()
    assert at_time(watch, 60.0, waits=True, gone=True)[1] == {Alarm.FOLDER_GONE}
    complete, _ = raised([row_of(State.COMPLETE)] * 5)
    assert at_time(complete, 60.0, gone=True)[1] == frozenset()


def test_a_fast_detector_is_not_silent_within_two_seconds() -> None:
    watch, _ = after_row(Watch(), row_of(State.REACTING), 0.0, period_s=0.1)
    assert at_time(watch, 1.9)[1] == frozenset()
    assert at_time(watch, 2.1)[1] == {Alarm.SILENT}


def test_the_usual_period_follows_slowly_and_one_long_pause_counts_as_three_periods() -> None:
    watch = Watch()
    for clock_s in (0.0, 2.0, 4.0, 6.0):
        watch, _ = after_row(watch, row_of(State.REACTING), clock_s)
    assert watch.period_s == 2.0
    watch, _ = after_row(watch, row_of(State.REACTING), 9.0)
    assert math.isclose(watch.period_s, 2.1)
    watch, _ = after_row(watch, row_of(State.REACTING), 1000.0)
    assert math.isclose(watch.period_s, 2.1 + 0.1 * 4.2)
