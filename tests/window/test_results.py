"""What stands at a pause is what the summary says of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.window.results import Results, rests_of
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.rest_level import rest_level
from latticewatch.processing.flow.series import Series
from latticewatch.processing.flow.verdict import State
from latticewatch.widgets.history import Episode, History
from tests.window.synthetic import make_series, make_setup

PAUSED = Episode(State.PAUSED, 120.0, 125.0, 162.5)


def history_of(rows: int) -> tuple[History, ShownRun]:
    made, refinement = make_series(rows, bins=50)
    setup, series = make_setup(), Series(made.two_theta, ("Br", "I"))
    for row in made.snapshot().rows():
        # What moves after the pause does so since then.
        moves_again = row.time_s >= 165.0 and row.verdict.state is State.REACTING
        series.append(replace(row, verdict=replace(row.verdict, since_s=160.0)) if moves_again else row)
    history = History(series.two_theta, setup.window_deg, setup.frame_period_s)
    history.take(series.snapshot(), budget_s=float("inf"))
    return history, ShownRun(setup, series, refinement, Path("run.h5"))


def test_a_pause_that_is_over_has_limits_and_level_of_the_summary() -> None:
    history, run = history_of(120)
    results = Results(run)
    results.work_out(run.series.snapshot(), "test")
    summary = results.summary
    assert summary is not None
    assert json.dumps(summary)
    (pause,), (rest,) = summary["pauses"], rests_of(history.pauses(), run.series.snapshot(), summary)
    assert rest.text == f"Br {quoted(pause['lp_A'], pause['lp_esd_A'])}"
    assert (rest.start_s, rest.end_s) == (pause["start_s"], pause["end_s"])


def test_a_pause_that_lasts_has_the_mean_of_its_frames() -> None:
    history, run = history_of(60)
    snapshot = run.series.snapshot()
    (rest,) = rests_of(history.pauses(), snapshot, None)
    lp, esd = rest_level(snapshot, 120.0, 147.5)
    inside = (snapshot.times_s >= 120.0) & np.isfinite(snapshot.lp_A[:, 0])
    assert lp == pytest.approx(float(snapshot.lp_A[inside, 0].mean()), abs=1e-9)
    assert esd == pytest.approx(4e-4 / np.sqrt(np.count_nonzero(inside)))
    assert rest.text == f"Br {quoted(lp, esd)}"


def test_where_no_frame_of_a_pause_has_a_number_nothing_is_written() -> None:
    snapshot = make_series(3, bins=50)[0].snapshot()
    (rest,) = rests_of([PAUSED], snapshot, None)
    assert rest.text == ""


def test_it_is_worked_out_again_with_each_occasion_and_not_in_between() -> None:
    _, run = history_of(120)
    results, snapshot = Results(run), run.series.snapshot()
    assert not results.follow(snapshot, 1)
    while not results.follow(snapshot, 1):
        pass
    first = results.summary
    assert first is not None
    assert not results.follow(snapshot, 1)
    while not results.follow(snapshot, 2):
        pass
    assert results.summary is not first
