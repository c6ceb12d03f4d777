"""A run file as a source of frames."""

import threading
from pathlib import Path

import numpy as np

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.sources.run_rows import RunFileSource
from tests.record import runs


def test_frames_hold_the_patterns_that_were_fitted_and_the_gaps_that_were(tmp_path: Path) -> None:
    written = runs.write_run(tmp_path / "run.h5", 40)
    with read_run(tmp_path / "run.h5") as run:
        source = RunFileSource(run)
        assert (source.progress().found, source.progress().waiting) == (40, 40)
        frames = list(source.frames(threading.Event()))
        assert (source.progress().found, source.progress().waiting) == (40, 0)
    for frame, row in zip(frames, written, strict=True):
        assert (frame.index, frame.name, frame.time_s, frame.mtime_s) == (row.index, row.name, row.time_s, row.mtime_s)
        if row.pattern is None:
            assert frame.content == NoResult("unreadable: cut short")
        else:
            assert isinstance(frame.content, Pattern)
            np.testing.assert_array_equal(frame.content.intensity, row.pattern.intensity)
            np.testing.assert_array_equal(frame.content.sigma, row.pattern.sigma)
    assert isinstance(frames[4].content, Pattern)  # "no beam" was found by the fit: it is asked again


def test_a_source_stops_when_told(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", 40)
    stop = threading.Event()
    with read_run(tmp_path / "run.h5") as run:
        source = RunFileSource(run)
        frames = source.frames(stop)
        next(frames)
        stop.set()
        assert list(frames) == []
        assert source.progress().waiting == 39
