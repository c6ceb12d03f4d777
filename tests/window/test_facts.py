"""Counters, lag and silence as the window tells them."""

import datetime
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.window import facts as window_facts
from latticewatch.app.window.facts import (
    Arrivals,
    Lag,
    facts_of,
    first_fitted,
    frame_and_lag,
    frame_caption,
    lag_s,
    lattices_text,
    numbers_of,
    numbers_told,
    status_of,
    ticks_of,
)
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.accuracy import Accuracy, quoted, signs_of
from latticewatch.processing.flow.composition import CompositionScale
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.quantity import quantity_named
from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.flow.wording import headline
from tests.window.synthetic import FakeRefinement, grid, make_row, make_series, make_setup


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, moved by hand."""
    now = [100.0]
    monkeypatch.setattr(window_facts.time, "monotonic", lambda: now[0])
    return now


def test_what_is_watched_by_name_is_told_with_what_the_others_do() -> None:
    lattices = Lattice(5.8671, 4e-4, 0.46, 0.004), Lattice(6.0312, 3e-4, 0.54, 0.004)
    fit = Fit(lattices, 2, 5.95, 2e-4, 5.0, 1.1, 3, converged=True, parameters=np.zeros(2))
    components = make_setup().components
    quantities = tuple(quantity_named(text, components, composition=False) for text in ("weight", "I.volume"))
    verdict = Verdict(State.PAUSED, since_s=0.0, others="volume of I: reacting, 41 %")
    row = Row(0, "a.cbf", 0.0, math.nan, None, fit, verdict)
    assert numbers_of(row, 2, None, quantities) == [
        ("0.460 ± 0.004", ""),
        ("219.39 ± 0.03 Å³", "reacting, 41 %"),
    ]
    series = Series(grid(10), ("Br", "I"), quantities)
    series.append(row)
    assert (
        lattices_text(("Br", "I"), row, None, quantities) == "share of Br 0.460 ± 0.004    volume of I 219.39 ± 0.03 Å³"
    )
    assert headline(series.snapshot()).words.startswith("PAUSED at share of Br 0.460 ± 0.004")
    gap = replace(row, fit=NoResult("no peaks"))
    assert [number for number, _ in numbers_of(gap, 2, None, quantities)] == ["—", "—"]


def test_silence_counts_from_the_last_arrival_and_only_when_nothing_waits(clock: list[float]) -> None:
    arrivals = Arrivals(began_s=0.0, _changed_s=clock[0])
    series, _ = make_series(5, bins=50)
    assert arrivals.silent_s(series.snapshot(), 2.5) == 0.0
    clock[0] += 7.0
    assert arrivals.silent_s(series.snapshot(), 2.5) == 0.0
    clock[0] += 1.0
    assert arrivals.silent_s(series.snapshot(), 2.5) == 8.0
    series.report(Progress(found=6, waiting=1))
    clock[0] += 50.0
    assert arrivals.silent_s(series.snapshot(), 2.5) == 0.0
    clock[0] += 50.0
    assert arrivals.silent_s(series.snapshot(), 2.5) == 0.0
    series.report(Progress(found=6, waiting=0))
    clock[0] += 1.0
    assert arrivals.silent_s(series.snapshot(), 2.5) == 51.0


def test_the_newest_frame_is_the_last_of_all() -> None:
    series, _ = make_series(3, bins=50)
    snapshot, row = series.snapshot(), series.snapshot().row(-1)
    assert frame_and_lag(snapshot, row, Lag(0.4)) == "3 of 3 frames · lag 0.4 s"
    assert frame_and_lag(snapshot, row, Lag(0.4, 35.0)) == "3 of 3 frames · no frame for 35 s"
    assert frame_and_lag(snapshot, row, Lag()) == "3 of 3 frames"


@pytest.mark.parametrize(
    ("waiting", "began_s", "now_s", "lag"),
    [
        (0, -1e9, 90.0, 0.1),  # from the file to its row, however long ago that was
        (0, 0.06, 90.0, 0.04),  # a file older than the session counts from its beginning
        (12, -1e9, 30.0, 27.5),  # the first that waits was due a period after the newest row
        (1, -1e9, 1.0, 0.1),  # it may have come a moment ago
        (3875, 40.0, 52.0, 12.0),  # a whole scan that was there waits since the session began
    ],
)
def test_lag_grows_while_frames_wait(waiting: int, began_s: float, now_s: float, lag: float) -> None:
    series, _ = make_series(3, bins=50)
    file_s = series.snapshot().row(-1).mtime_s
    series.report(Progress(found=3 + waiting, waiting=waiting))
    assert lag_s(series.snapshot(), 2.5, file_s + began_s, file_s + now_s) == pytest.approx(lag)


def test_without_a_row_there_is_no_lag() -> None:
    empty, _ = make_series(0, bins=50)
    assert math.isnan(lag_s(empty.snapshot(), 2.5, 0.0, 0.0))


@pytest.mark.parametrize("unknown", ["mtime_s", "recorded_s"])
def test_a_lag_that_is_not_known_is_not_none_at_all(unknown: str) -> None:
    series, _ = make_series(3, bins=50)
    series.append(replace(series.snapshot().row(-1), index=3, **{unknown: math.nan}))
    assert math.isnan(lag_s(series.snapshot(), 2.5, 0.0, 2e9))


def test_status_counts_what_is_recorded_only_where_there_is_a_file() -> None:
    series, _ = make_series(60, bins=50)
    shown = status_of(series.snapshot(), Lag(0.2), Path("run.h5"), "no beam")
    assert (shown.found, shown.recorded, shown.gaps, shown.last_gap) == (60, 60, 2, "no beam")
    assert (shown.lag, shown.lag_s) == ("lag 0.2 s", 0.2)
    assert status_of(series.snapshot(), Lag(0.2), None, "").recorded is None


@pytest.mark.parametrize(
    ("reason", "failing"),
    [("", False), ("no peaks", False), ("no beam", False), ("fit refused: χ² 31", True), ("unreadable: cut", True)],
)
def test_a_gap_is_a_reason_to_act_while_it_is_the_newest_and_not_for_want_of_beam_or_sample(
    reason: str, failing: bool
) -> None:
    series, _ = make_series(5, bins=50)
    last = series.snapshot().row(-1)
    fit = NoResult(reason) if reason else last.fit
    series.append(replace(last, index=5, fit=fit))
    assert status_of(series.snapshot(), Lag(0.2), Path("run.h5"), reason).failing is failing
    series.append(replace(last, index=6))
    assert not status_of(series.snapshot(), Lag(0.2), Path("run.h5"), reason).failing


def test_one_lattice_is_said_as_one() -> None:
    two_theta = grid(50)
    shape, rng = FakeRefinement(two_theta), np.random.default_rng(0)
    early, late, gap = (make_row(number, two_theta, shape, rng) for number in (4, 400, 40))
    assert lattices_text(("Br", "I"), early).count("±") == 2
    assert lattices_text(("Br", "I"), late).startswith("one lattice 6.03")
    assert lattices_text(("Br", "I"), gap) == "no beam"
    assert frame_caption(gap, newest=False).splitlines() == ["chosen frame: 40 at 1:40 min, br_i_00040.cbf", "no beam"]


def test_the_last_good_numbers_stay_with_their_age() -> None:
    series, _ = make_series(5, bins=50)
    last = series.snapshot().row(-1)
    series.append(replace(last, index=5, time_s=last.time_s + 12.0, fit=NoResult("unreadable: cut short")))
    good = lattices_text(("Br", "I"), last)
    assert numbers_told(("Br", "I"), series.snapshot(), 5) == f"{good}\n12 s ago · unreadable: cut short"
    series.append(replace(last, index=6, time_s=math.nan, fit=NoResult("unreadable: lost")))
    assert numbers_told(("Br", "I"), series.snapshot(), 6) == f"{good}\n2 frames ago · unreadable: lost"
    assert numbers_told(("Br", "I"), series.snapshot(), 4) == good


def test_without_any_number_the_reason_is_all_there_is() -> None:
    series, _ = make_series(1, bins=50)
    alone = Series(grid(50), ("Br", "I"))
    alone.append(replace(series.snapshot().row(0), fit=NoResult("no peaks")))
    assert numbers_told(("Br", "I"), alone.snapshot(), 0) == "no peaks"


def test_the_pattern_says_how_good_its_fit_is() -> None:
    two_theta = grid(50)
    row = make_row(4, two_theta, FakeRefinement(two_theta), np.random.default_rng(0))
    fit = replace(row.fit, iterations=5, converged=True, rwp_percent=3.21, chi2_reduced=1.024)
    merit = frame_caption(replace(row, fit=fit), newest=True).splitlines()[1]
    assert merit == "Rwp 3.2 %  χ² 1.02  5 iterations, converged  accuracy not determined"
    checked = Accuracy(163.4, "CeO2", "ceria.tif", "geometry.poni", "ab" * 32, 2, datetime.date(2026, 11, 24), 8)
    assert frame_caption(row, newest=True, accuracy=checked).endswith("accuracy ± 0.001 Å")
    strayed = frame_caption(replace(row, fit=replace(fit, converged=False)), newest=True)
    assert "not converged" in strayed


def test_a_picture_quotes_esd_and_accuracy() -> None:
    two_theta = grid(50)
    shape = FakeRefinement(two_theta)
    row = make_row(4, two_theta, shape, np.random.default_rng(0))
    checked = Accuracy(163.4, "CeO2", "ceria.tif", "geometry.poni", "ab" * 32, 2, datetime.date(2026, 11, 24), 8)
    for accuracy, signs in ((checked, 4), (None, 2)):
        setup = replace(make_setup(), accuracy=accuracy)
        facts = facts_of("title", "REACTING", ShownRun(setup, Series(two_theta, ("Br", "I")), shape), row)
        assert facts["Lattice parameter"].count("±") == signs
        assert facts["Errors"] == signs_of(accuracy)


def test_ticks_lie_at_the_mean_where_components_are_not_known_apart() -> None:
    two_theta = grid(50)
    shape, rng = FakeRefinement(two_theta), np.random.default_rng(0)
    setup, row = make_setup(), make_row(400, two_theta, shape, rng)
    lines = window_facts.reflection_lists(setup, two_theta)
    first, second = ticks_of(setup, lines, row.fit)
    assert first.hkl[:3] == ("100", "110", "111")
    number = first.hkl.index("211")
    assert first.two_theta[number] == pytest.approx(second.two_theta[second.hkl.index("211")])
    assert first.two_theta[number] == pytest.approx(14.951, abs=0.01)


def test_facts_name_sample_and_state() -> None:
    facts = facts_of("title", "PAUSED", None, None)
    assert facts["State"] == "PAUSED"
    assert "Sample" not in facts


def test_numbers_of_each_component_with_its_share_and_the_composition() -> None:
    two_theta = grid(50)
    row = make_row(4, two_theta, FakeRefinement(two_theta), np.random.default_rng(0))
    scale = CompositionScale(5.842, 6.205)
    row = replace(row, fraction=0.54412, fraction_esd=0.0013)
    br, iodide, mean = numbers_of(row, 2, scale)
    assert br == (quoted(row.fit.lattices[0].lp_A, 4e-4), "share 50.0 ± 1.0 %")
    assert iodide[0].startswith("6.")
    assert mean[1] == "x 0.5441 ± 0.0013"
    assert numbers_of(row, 2)[2][1] == ""
    assert numbers_of(replace(row, fraction=-0.08, fraction_esd=0.01), 2, scale)[2][1] == "(x -0.080 ± 0.010)"
    assert numbers_of(replace(row, fit=NoResult("no peaks")), 2, scale) == [("—", "")] * 3
    alone = replace(row, fit=replace(row.fit, lattices=row.fit.lattices[:1], components=1))
    assert numbers_of(alone, 1, scale) == [(br[0], "x 0.5441 ± 0.0013")]


def test_the_first_frame_with_a_sample_is_not_that_of_the_solvent() -> None:
    series, _ = make_series(50, bins=50)
    solvent = Series(grid(50), ("Br", "I"))
    for row in series.snapshot().rows():
        solvent.append(replace(row, fit=NoResult("no peaks")) if row.index < 6 else row)
    snapshot = solvent.snapshot()
    assert first_fitted(snapshot, snapshot.times_s, 10.0) == 6
    assert first_fitted(snapshot, snapshot.times_s, 70.0) == 28
    assert first_fitted(snapshot, snapshot.times_s, 1e6) is None
    assert first_fitted(snapshot, snapshot.times_s[:20], 10.0) == 6  # rows that are not drawn yet
