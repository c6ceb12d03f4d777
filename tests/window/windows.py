"""Windows to test: on a finished run, and a task that a worker runs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from latticewatch.app.run.images_again import Picture
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.record.run_file.notes import Note
from tests.window.synthetic import FakeRefinement, grid, make_row, make_series, make_setup


@dataclass
class FakePipeline:
    """What the window looks at of a pipeline."""

    series: Series
    refinement: FakeRefinement
    recorder: object = None


@dataclass
class FakeSession:
    """A session without a source."""

    setup: Setup
    pipeline: FakePipeline
    out: Path | None = None
    writer: object = None
    inputs: tuple[object, ...] = ()
    decided: tuple[object, ...] = ()
    notes: tuple[Note, ...] = ()
    seen_in: Path | None = None
    look: object = None
    resumed: int = 0
    segments: tuple[object, ...] = ()
    changes: object = None


def run_of(rows: int, gate: threading.Event) -> Callable[..., None]:
    """A task that adds so many rows and then waits until ``gate`` or stop is set."""

    def task(stop: threading.Event, on_open: Callable[..., None], on_row: Callable[[Row], None]) -> None:
        two_theta = grid(600)
        refinement = FakeRefinement(two_theta)
        session = FakeSession(make_setup(), FakePipeline(Series(two_theta, ("Br", "I")), refinement), Path("run.h5"))
        on_open(session)
        rng = np.random.default_rng(1)
        for number in range(rows):
            row = make_row(number, two_theta, refinement, rng)
            session.pipeline.series.append(row)
            session.pipeline.series.report(Progress(rows, rows - number - 1, row.mtime_s))
            on_row(row)
        while not (stop.is_set() or gate.wait(0.01)):
            pass

    return task


def shown_window(
    qtbot: QtBot,
    rows: int = 80,
    add_note: Callable[[float, str, str], None] | None = None,
    look: Callable[[str], Picture] | None = None,
    **given: object,
) -> MainWindow:
    """A window on a finished run."""
    series, refinement = make_series(rows, bins=600)
    window = MainWindow("test", **given)
    qtbot.addWidget(window)
    window.show_run(ShownRun(make_setup(), series, refinement, Path("run.h5"), add_note, look=look))
    window.resize(1280, 720)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.catch_up()
    return window
