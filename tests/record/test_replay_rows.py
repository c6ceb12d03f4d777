"""Replay of a run file: recorded rows go into the series as they are, each when the transport lets it."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Curves, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Row, Series
from latticewatch.processing.pipeline import replay
from latticewatch.processing.pipeline.replay import Replay
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.sources.pacing import Transport
from tests.record import runs
from tests.record.equality import assert_same_rows

COUNT = 40


class NeverFits:
    """A refinement that must not be asked."""

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        raise AssertionError(f"a replay fits nothing, not {pattern}")

    def fork(self) -> "NeverFits":
        raise AssertionError("a replay fits nothing")

    def curves(self, parameters: NDArray[np.float64]) -> Curves:
        raise AssertionError(f"nothing was to be drawn, not {parameters}")


def test_every_row_is_shown_as_it_was_recorded(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", COUNT)
    told: list[Row] = []
    with read_run(tmp_path / "run.h5") as run:
        series = Series(run.two_theta, runs.NAMES)
        replay.run(Replay(run.rows, Transport(float("inf")), NeverFits(), series), threading.Event(), told.append)
        assert_same_rows(series.snapshot().rows(), run.rows)
    assert_same_rows(told, series.snapshot().rows())
    progress = series.snapshot().progress
    assert (progress.found, progress.waiting, progress.newest_mtime_s) == (COUNT, 0, told[-1].mtime_s)


def test_it_stops_when_told_and_says_what_waits(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", COUNT)
    stop = threading.Event()
    with read_run(tmp_path / "run.h5") as run:
        series = Series(run.two_theta, runs.NAMES)

        def on_row(row: Row) -> None:
            if row.index == 4:
                stop.set()

        replay.run(Replay(run.rows, Transport(float("inf")), NeverFits(), series), stop, on_row)
    assert (series.snapshot().count, series.snapshot().progress.waiting) == (5, COUNT - 5)
