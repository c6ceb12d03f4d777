"""A mark is set while the disk of the run holds up whoever writes: the window does not wait for it."""

import threading
from pathlib import Path

from pytestqt.qtbot import QtBot

from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.series import Series
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.window.synthetic import FakeRefinement, grid, make_setup
from tests.window.windows import FakePipeline, FakeSession


def test_a_mark_waits_for_no_disk(qtbot: QtBot, tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta())
    two_theta = grid(600)
    pipeline = FakePipeline(Series(two_theta, ("Br", "I")), FakeRefinement(two_theta))
    session = FakeSession(make_setup(), pipeline, writer.path, writer)
    window = MainWindow("test")
    qtbot.addWidget(window)
    window.show_run(ShownRun.of(session))  # type: ignore[arg-type]
    synchronised, held = threading.Event(), threading.Event()

    def slow_disk() -> None:
        with writer._mutex:  # as the run's thread does while the journal is synchronised
            held.set()
            synchronised.wait(60.0)

    disk = threading.Thread(target=slow_disk)
    disk.start()
    held.wait(60.0)
    window.marks.add(3.0, "valve open")
    assert disk.is_alive()
    assert [mark.text for mark in window.marks.marks] == ["valve open"]
    synchronised.set()
    disk.join()
    writer.close()
    with read_run(tmp_path / "run.h5") as run:
        assert [note.text for note in run.notes] == ["valve open"]
