"""Numbers and states as the operator reads them."""

import math

import pytest

from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row, Series, Snapshot
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.flow.wording import duration, headline, waiting_for
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
    ],
)
def test_headlines(verdict: Verdict, fit: Fit | NoResult, words: str, detail: str) -> None:
    shown = headline(snapshot_of(verdict, fit))
    assert shown.words == words
    assert shown.detail.startswith(detail)


def test_complete_says_since_when_by_the_clock() -> None:
    assert headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), FIT)).words.startswith("COMPLETE since ")


def test_two_lattices_that_stayed_apart_have_no_mean() -> None:
    lattices = (Lattice(2.8920, 0.0001, 0.5, 0.01), Lattice(3.6231, 0.0001, 0.5, 0.01))
    both = Fit(lattices, 2, 3.2565, 0.0004, 5.0, 1.0, 3, True, grid(2))
    assert headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), both)).detail == "2.89200 ± 0.00010 Å"
    alone = Fit((Lattice(), lattices[1]), 1, 3.6231, 0.0001, 5.0, 1.0, 3, True, grid(2))
    assert "Å" not in headline(snapshot_of(Verdict(State.PAUSED, since_s=240.0), alone)).words


def test_a_silent_detector_overrides_the_state_and_says_what_it_was() -> None:
    shown = headline(snapshot_of(Verdict(State.REACTING, progress=0.27), FIT), silent_s=35.0)
    assert (shown.kind, shown.words) == ("silent", "DETECTOR SILENT 35 s")
    assert shown.detail == "no new frame; the last one: REACTING 27 %"


def test_silence_does_not_hide_that_the_reaction_is_over() -> None:
    shown = headline(snapshot_of(Verdict(State.COMPLETE, since_s=240.0), FIT), silent_s=35.0)
    assert shown.kind == "complete"
    assert shown.words.startswith("COMPLETE since ")
    assert shown.detail.startswith("no new frame for 35 s · mean ")


def test_before_the_first_image_it_says_of_what() -> None:
    assert waiting_for("scan\n7").detail == "for the first image of scan%0A7"
