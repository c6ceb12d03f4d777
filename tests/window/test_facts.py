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
    facts_of,
    frame_and_lag,
    frame_caption,
    lag_s,
    lattices_text,
    numbers_told,
    status_of,
    ticks_of,
)
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.accuracy import Accuracy, signs_of
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Progress, Series
from tests.window.synthetic import FakeRefinement, grid, make_row, make_series, make_setup


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, moved by hand."""
    now = [100.0]
    monkeypatch.setattr(window_facts.time, "monotonic", lambda: now[0])
    return now


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
    assert frame_and_lag(series.snapshot(), series.snapshot().row(-1), 0.4) == "3 of 3 frames · lag 0.4 s"


def test_lag_is_from_file_to_record_or_behind_the_newest_file() -> None:
    series, _ = make_series(3, bins=50)
    newest = series.snapshot().row(-1)
    assert lag_s(series.snapshot(), 0.0) == pytest.approx(0.1)
    assert lag_s(series.snapshot(), newest.mtime_s + 0.06) == pytest.approx(0.04)
    series.report(Progress(found=9, waiting=6, newest_mtime_s=newest.mtime_s + 15.0))
    assert lag_s(series.snapshot(), 0.0) == pytest.approx(15.0)
    empty, _ = make_series(0, bins=50)
    assert math.isnan(lag_s(empty.snapshot(), 0.0))


def test_status_counts_what_is_recorded_only_where_there_is_a_file() -> None:
    series, _ = make_series(60, bins=50)
    shown = status_of(series.snapshot(), 0.2, Path("run.h5"), "no beam")
    assert (shown.found, shown.recorded, shown.gaps, shown.last_gap) == (60, 58, 2, "no beam")
    assert status_of(series.snapshot(), 0.2, None, "").recorded == 0


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
