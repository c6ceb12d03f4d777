"""A run file shown again: verdicts, marks and log as they were then, under the user's hand."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.run.decisions import decide
from latticewatch.app.run.headless import run_headless
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.request import Request
from latticewatch.app.run.session import Session
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.worker import Worker
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.processing.sources.pacing import Transport

FRAMES, PAUSED_FROM = 40, 15
WHY = "as it was said then"


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose verdicts no judge would give, with a mark, one that was taken back, and a line of the log."""
    folder = tmp_path_factory.mktemp("shown again")
    write_scan("iodide", folder / "scan", frames=FRAMES, seed=1, detector="pilatus300k")
    run_headless(decide(Request(folder / "scan", out=folder / "made.h5")), as_json=False)
    path = folder / "run.h5"
    with read_run(folder / "made.h5") as run, RunWriter(path, run.header, run.two_theta) as writer:
        writer.append_many([replace(row, verdict=_verdict(row.index)) for row in run.rows])
        for time_s, text, kind in (
            (20.0, "injected", "mark"),
            (30.0, "wrong", "mark"),
            (30.0, "wrong", "removed"),
            (50.0, "3 hot pixels", "log"),
        ):
            writer.append_note(time_s, text, kind)
    return path


def _verdict(number: int) -> Verdict:
    return Verdict(State.PAUSED if number >= PAUSED_FROM else State.REACTING, 0.0, why=WHY)


@pytest.fixture
def replayed(qtbot: QtBot, run_file: Path) -> Iterator[MainWindow]:
    """The window on that run, paused before its first frame."""
    transport = Transport(speed=1.0, playing=False)

    def on_row(session: Session, row: Row) -> None:
        del session
        assert window.replay is not None
        window.replay.on_row(row)

    worker = Worker(partial(run_session, decide(Request(run_file, transport=transport))), on_row)
    window = MainWindow("again", worker=worker, transport=transport)
    qtbot.addWidget(window)
    window.resize(1280, 720)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    worker.start()
    qtbot.waitUntil(lambda: worker.session is not None)
    yield window
    window.close()


def played(window: MainWindow) -> int:
    """How many frames the window has taken in."""
    return window.page.history.count if window.page is not None else 0


def test_it_shows_what_was_recorded_when_its_time_comes(qtbot: QtBot, replayed: MainWindow) -> None:
    qtbot.waitUntil(lambda: replayed.page is not None)
    qtbot.keyClick(replayed, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: played(replayed) == 1)
    assert replayed.marks.marks == ()
    assert replayed.replay is not None
    qtbot.keyClick(replayed, Qt.Key.Key_L)
    replayed.replay.go_to(60.0)
    qtbot.waitUntil(lambda: played(replayed) >= 24)
    qtbot.waitUntil(lambda: [mark.text for mark in replayed.marks.marks] == ["injected"])
    qtbot.waitUntil(lambda: "then: 3 hot pixels" in replayed.docks.log.toPlainText())
    assert replayed.page is not None
    row = replayed.page.snapshot().row(20)
    assert (row.verdict.state, row.verdict.why) == (State.PAUSED, WHY)
    replayed.page.choose(3)
    assert replayed.banner.words().startswith("REACTING")
    replayed.page.choose(20)
    assert replayed.banner.words().startswith("PAUSED")


def test_a_key_plays_up_to_the_next_change_of_state(qtbot: QtBot, replayed: MainWindow) -> None:
    qtbot.waitUntil(lambda: replayed.page is not None)
    qtbot.keyClick(replayed, Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: played(replayed) == 1)
    qtbot.keyClick(replayed, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: replayed.page is not None and replayed.page.chosen == PAUSED_FROM)
    assert replayed.replay is not None
    assert not replayed.replay.transport.snapshot().playing
    assert replayed.banner.words().startswith("PAUSED")


def test_keys_set_the_speed(qtbot: QtBot, replayed: MainWindow) -> None:
    assert replayed.replay is not None
    transport = replayed.replay.transport
    for key, speed in ((Qt.Key.Key_Plus, 5.0), (Qt.Key.Key_Plus, 20.0), (Qt.Key.Key_Minus, 5.0)):
        qtbot.keyClick(replayed, key)
        assert transport.snapshot().speed == speed


def test_play_goes_on_from_the_frame_that_is_shown(qtbot: QtBot, replayed: MainWindow) -> None:
    qtbot.waitUntil(lambda: replayed.page is not None)
    assert replayed.replay is not None
    replayed.replay.go_to(50.0)
    qtbot.waitUntil(lambda: played(replayed) == 20)
    assert replayed.page is not None
    replayed.page.choose(4)
    replayed.replay.step()
    assert replayed.page.chosen == 5
    seen: list[int | None] = []
    replayed.page.chosen_changed.connect(lambda: seen.append(replayed.page.chosen if replayed.page else None))
    replayed.replay.set_speed(20.0)
    qtbot.keyClick(replayed, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: None in seen)
    assert sorted(number for number in seen if number is not None)[0] < 12
    qtbot.waitUntil(lambda: played(replayed) > 20)
