"""Numbers and states as the operator reads them."""

import math
import time

import pytest

from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row, Series, Snapshot
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.flow.wording import StandingAlarm, alarms_told, duration, ended, headline, waiting_for
from tests.window.synthetic import grid


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.43, "0.4 s"), (12.0, "12 s"), (89.6, "90 s"), (95.0, "2 min"), (361.0, "6 min"), (5500.0, "1 h 32 min")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert duration(math.nan) == ""


@pytest.mark.parametrize(
    ("value", "esd", "words"),
    [
        (5.86712, 0.00042, "5.8671 ± 0.0004 Å"),
        (5.86712, 0.00014, "5.86712 ± 0.00014 Å"),
        (5.86712, 0.0096, "5.867 ± 0.010 Å"),
        (5.86712, math.nan, "5.8671 Å"),
        (math.nan, 0.1, "—"),
    ],
)
def test_digits_follow_the_esd(value: float, esd: float, words: str) -> None:
    assert quoted(value, esd) == words


def run_of(*rows: tuple[float, float, Fit | NoResult, Verdict]) -> Snapshot:
    """A run of rows of a time in the scan, one of the clock, a fit and a verdict."""
    series = Series(grid(10), ("Br",))
    for number, (time_s, mtime_s, fit, verdict) in enumerate(rows):
        series.append(Row(number, f"{number}.cbf", time_s, mtime_s, None, fit, verdict))
    return series.snapshot()


def snapshot_of(verdict: Verdict, fit: Fit | NoResult, time_s: float = 300.0) -> Snapshot:
    names = ("Br",) if isinstance(fit, NoResult) else ("Br", "I")[: len(fit.lattices)]
    series = Series(grid(10), names)
    series.append(Row(0, "a.cbf", time_s, 1_700_000_000.0, None, fit, verdict))
    return series.snapshot()


FIT = Fit((Lattice(5.867, 0.0004, 1.0, 0.0),), 1, 5.867, 0.0004, 5.0, 1.0, 3, True, grid(2))


@pytest.mark.parametrize(
    ("verdict", "fit", "words", "detail"),
    [
        (
            Verdict(State.REACTING, progress=0.42, forecast=Forecast(660.0, 600.0, 840.0)),
            FIT,
            "REACTING 42 %",
            "complete in 6 min (5–9)",
        ),
        (Verdict(State.PAUSED, since_s=288.0, progress=0.3), FIT, "PAUSED at 5.867 Å for 12 s", "reaction is not over"),
        (
            Verdict(State.NO_BEAM, since_s=280.0),
            NoResult("no beam"),
            "NO BEAM for 20 s",
            "nothing is measured; the run continues when there is beam",
        ),
        (Verdict(State.WAITING), NoResult("no peaks"), "WAITING", "no peaks"),
        (Verdict(State.WAITING, why="Lattices are seen."), FIT, "WAITING", "Lattices are seen."),
        (Verdict(State.WAITING), FIT, "WAITING", "nothing to see yet"),
    ],
)
def test_headlines(verdict: Verdict, fit: Fit | NoResult, words: str, detail: str) -> None:
    shown = headline(snapshot_of(verdict, fit))
    assert shown.words == words
    assert shown.detail.startswith(detail)


def test_a_files_time_that_no_calendar_has_is_no_error() -> None:
    """Whoever may write a file may set its time; the loop and the window ended by it."""
    snapshot = run_of((300.0, 1e18, FIT, Verdict(State.COMPLETE, since_s=240.0)))
    assert headline(snapshot).words.startswith("COMPLETE since ?")


def test_complete_says_since_when_by_the_clock() -> None:
    assert headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), FIT)).words.startswith("COMPLETE since ")


def test_two_lattices_that_stayed_apart_have_no_mean() -> None:
    lattices = (Lattice(2.8920, 0.0001, 0.5, 0.01), Lattice(3.6231, 0.0001, 0.5, 0.01))
    both = Fit(lattices, 2, 3.2565, 0.0004, 5.0, 1.0, 3, True, grid(2))
    done = headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), both))
    assert done.detail == "Br 2.89200 ± 0.00010 Å, I 3.62310 ± 0.00010 Å"
    alone = Fit((Lattice(), lattices[1]), 1, 3.6231, 0.0001, 5.0, 1.0, 3, True, grid(2))
    assert headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), alone)).detail == "I 3.62310 ± 0.00010 Å"
    merged = Fit((Lattice(), Lattice()), 1, 3.2565, 0.0004, 5.0, 1.0, 3, True, grid(2))
    assert headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), merged)).detail == "mean 3.2565 ± 0.0004 Å"


def fit_at(*lattices: tuple[float, float]) -> Fit:
    """A fit of these cells and esds, and their mean without weights."""
    mean = sum(lp for lp, _ in lattices) / len(lattices)
    told = tuple(Lattice(lp, esd, 1.0 / len(lattices), 0.01) for lp, esd in lattices)
    return Fit(told, len(lattices), mean, 0.0004, 5.0, 1.0, 3, True, grid(2))


def test_a_pause_is_quoted_by_the_mean_of_its_frames_and_not_by_the_last_that_moves_already() -> None:
    paused = Verdict(State.PAUSED, since_s=20.0, progress=0.3)
    cells = [(10.0, 5.600), (20.0, 5.7670), (30.0, 5.7690), (40.0, 5.7680), (50.0, 5.7720)]
    esds = (4e-4, 1e-4, 1e-4, 1e-4, 1e-3)
    rows = [(at, NOON + at, fit_at((lp, esd)), paused) for (at, lp), esd in zip(cells, esds, strict=True)]
    assert headline(run_of(*rows)).words == "PAUSED at 5.768 Å for 30 s"


def test_with_two_components_a_pause_names_the_one_that_is_quoted() -> None:
    paused = Verdict(State.PAUSED, since_s=280.0)
    said = headline(snapshot_of(paused, fit_at((5.867, 1e-4), (6.142, 1e-4))))
    assert said.words == "PAUSED at Br 5.867 Å for 20 s"


def test_a_silent_detector_overrides_the_state_and_says_what_it_was() -> None:
    shown = headline(snapshot_of(Verdict(State.REACTING, progress=0.27), FIT), silent_s=35.0)
    assert (shown.kind, shown.words) == ("silent", "DETECTOR SILENT 35 s")
    assert shown.detail == "no new frame; the last one: REACTING 27 %"


GONE_S = time.mktime((2026, 3, 1, 12, 4, 0, 0, 0, -1))


@pytest.mark.parametrize(
    ("verdict", "silent_s", "kind", "words", "detail"),
    [
        (
            Verdict(State.REACTING, progress=0.27),
            35.0,
            "silent",
            "FOLDER GONE since 2026-03-01 12:04",
            "frames are taken when it is back; the last one: REACTING 27 %",
        ),
        (
            Verdict(State.COMPLETE, since_s=240.0),
            35.0,
            "complete",
            "COMPLETE since ",
            "folder gone since 2026-03-01 12:04 · Br 5.8670 ± 0.0004 Å",
        ),
    ],
)
def test_a_folder_that_is_gone_is_not_called_a_silent_detector(
    verdict: Verdict, silent_s: float, kind: str, words: str, detail: str
) -> None:
    said = headline(snapshot_of(verdict, FIT), silent_s, GONE_S)
    assert (said.kind, said.words[: len(words)], said.detail) == (kind, words, detail)


def test_before_the_first_row_too_a_folder_may_be_gone() -> None:
    assert headline(run_of(), 0.0, GONE_S).words == "FOLDER GONE since 2026-03-01 12:04"
    assert headline(run_of()).words == "WAITING"


def test_silence_does_not_hide_that_the_reaction_is_over() -> None:
    shown = headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), FIT), silent_s=35.0)
    assert shown.kind == "complete"
    assert shown.words.startswith("COMPLETE since ")
    assert shown.detail.startswith("no new frame for 35 s · Br ")


def test_before_the_first_image_it_says_of_what() -> None:
    assert waiting_for("scan\n7").detail == "for the first image of scan%0A7"


REACTING = Verdict(State.REACTING, since_s=10.0, progress=0.57, forecast=Forecast(660.0, 600.0, 840.0))
COMPLETE = Verdict(State.COMPLETE, since_s=100.0)
CUT = NoResult("unreadable: cut short")
NOON = time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))


def test_a_newest_frame_without_a_time_forecasts_from_the_frame_before() -> None:
    said = headline(run_of((300.0, NOON, FIT, REACTING), (math.nan, NOON + 2.0, CUT, REACTING)))
    assert (said.words, said.detail) == ("REACTING 57 %", "complete in 6 min (5–9)")


def test_without_any_time_the_end_is_said_from_the_first_frame() -> None:
    assert headline(run_of((math.nan, NOON, CUT, REACTING))).detail == "complete 11:00 min after the first frame"


def test_a_newest_frame_without_numbers_leaves_those_before_it() -> None:
    paused = Verdict(State.PAUSED, since_s=288.0, progress=0.3)
    assert headline(run_of((300.0, NOON, FIT, paused), (302.0, NOON, CUT, paused))).words.startswith(
        "PAUSED at 5.867 Å"
    )
    done = headline(run_of((100.0, NOON, FIT, COMPLETE), (102.0, NOON + 2.0, CUT, COMPLETE)))
    assert done.detail == "Br 5.8670 ± 0.0004 Å"


def test_since_when_a_state_holds_does_not_drift_with_the_delay_of_files() -> None:
    rows = [(100.0 + 10.0 * k, NOON + 10.0 * k + 600.0 * (k > 1), FIT, COMPLETE) for k in range(5)]
    said = [headline(run_of(*rows[: count + 1])).words for count in range(5)]
    assert set(said) == {"COMPLETE since 2026-03-01 12:00"}


def test_of_today_the_time_is_enough() -> None:
    now = time.time()
    said = headline(run_of((100.0, now, FIT, COMPLETE)))
    assert said.words == f"COMPLETE since {time.strftime('%H:%M', time.localtime(now))}"


@pytest.mark.parametrize(
    ("verdict", "kind", "words", "detail"),
    [
        (REACTING, "waiting", "REACTING 57 %", "not recording"),
        (COMPLETE, "complete", "COMPLETE since 2026-03-01 12:00", "not recording · Br 5.8670 ± 0.0004 Å"),
        (Verdict(State.NO_BEAM, since_s=280.0), "waiting", "NO BEAM for 20 s", "not recording"),
    ],
)
def test_a_run_that_has_ended_says_so_with_its_state_and_forecasts_nothing(
    verdict: Verdict, kind: str, words: str, detail: str
) -> None:
    time_s = 100.0 if verdict is COMPLETE else 300.0
    said = ended(headline(run_of((time_s, NOON, FIT, verdict))), NOON + 3600.0)
    assert (said.kind, said.words, said.detail) == (kind, f"RUN ENDED 2026-03-01 13:00 · {words}", detail)


@pytest.mark.parametrize(("count", "told"), [(1, "NOT RECORDING 1 new frame"), (37, "NOT RECORDING 37 new frames")])
def test_new_frames_after_the_end_are_said_and_are_a_reason_to_act(count: int, told: str) -> None:
    said = ended(headline(run_of((100.0, NOON, FIT, COMPLETE))), NOON + 3600.0, count)
    assert (said.kind, said.detail) == ("silent", f"{told} in the folder · Br 5.8670 ± 0.0004 Å")
    assert said.words.startswith("RUN ENDED 2026-03-01 13:00")


def test_alarms_are_told_with_their_time_and_whether_their_cause_is_over() -> None:
    standing = [StandingAlarm("detector silent", NOON), StandingAlarm("pause", NOON - 600.0, over=True)]
    assert alarms_told(standing) == "detector silent, rang 2026-03-01 12:00 · pause, rang 2026-03-01 11:50, over"
    assert alarms_told([]) == ""


@pytest.mark.parametrize(
    ("now_s", "detail"),
    [
        (300.0, "complete in 6 min (5–9)"),
        (650.0, "complete in 10 s (0–190)"),
        (660.0, "complete within 3 min"),
        (835.0, "complete within 5 s"),
        (840.0, "end not yet foreseeable"),
        (2000.0, "end not yet foreseeable"),
    ],
)
def test_a_forecast_whose_time_has_passed_is_never_a_countdown_at_zero(now_s: float, detail: str) -> None:
    """Best estimate 660 s, 90 % interval 600 to 840 s."""
    assert headline(run_of((now_s, NOON, FIT, REACTING))).detail == detail


def test_a_disk_that_does_not_answer_is_neither_silence_nor_gone() -> None:
    said = headline(snapshot_of(Verdict(State.REACTING, progress=0.27), FIT), 35.0, GONE_S, stuck=True)
    assert said.words == "FOLDER DOES NOT ANSWER since 2026-03-01 12:04"
    done = headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), FIT), 35.0, GONE_S, stuck=True)
    assert done.detail.startswith("folder does not answer since 2026-03-01 12:04 · ")
