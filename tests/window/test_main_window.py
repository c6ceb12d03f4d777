"""The window through a user's eyes and hands, on a run built by hand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latticewatch.app.main_window import MainWindow
from latticewatch.app.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.processing.series import Progress, Row, Series
from latticewatch.processing.setup import Setup
from latticewatch.processing.sources.replay import Transport
from latticewatch.widgets.theme import LIGHT, apply_theme
from tests.window.synthetic import FakeRefinement, grid, make_row, make_series, make_setup


@dataclass
class FakePipeline:
    """What the window looks at of a pipeline."""

    series: Series
    refinement: FakeRefinement


@dataclass
class FakeSession:
    """A session without a source."""

    setup: Setup
    pipeline: FakePipeline
    out: Path | None = None


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


@pytest.fixture(autouse=True)
def theme(qapp: QApplication) -> None:
    apply_theme(qapp, LIGHT)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def shown_window(qtbot: QtBot, rows: int = 80, **given: object) -> MainWindow:
    """A window on a finished run."""
    series, refinement = make_series(rows, bins=600)
    window = MainWindow("test", **given)
    qtbot.addWidget(window)
    window.show_run(make_setup(), series, refinement, Path("run.h5"))
    window.resize(1280, 720)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.catch_up()
    return window


def test_live_run_reaches_the_last_frame_and_leaves_no_thread(qtbot: QtBot, gate: threading.Event) -> None:
    seen: list[int] = []
    worker = Worker(run_of(60, gate), lambda _, row: seen.append(row.index))
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    window.show()
    assert window.banner.words() == "WAITING"
    worker.start()
    qtbot.waitUntil(lambda: window.page is not None and window.page.history.count == 60)
    assert window.banner.words().startswith("PAUSED at")
    assert seen == list(range(60))
    with qtbot.waitSignal(window.run_ended):
        gate.set()
    window.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "run"]


def test_closing_stops_a_run_that_goes_on(qtbot: QtBot, gate: threading.Event) -> None:
    worker = Worker(run_of(5, gate))
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    worker.start()
    qtbot.waitUntil(lambda: window.page is not None)
    window.close()
    assert worker.finished
    assert not window.interrupted


def test_an_error_is_said_in_the_banner(qtbot: QtBot) -> None:
    def task(*_: object) -> None:
        raise UserError("scan: none of its 3 frames can be read")

    worker = Worker(task)
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.run_ended):
        worker.start()
    assert window.banner.words() == "STOPPED"
    assert isinstance(worker.error, UserError)


def test_keys_choose_the_frame_and_go_back_to_the_newest(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    qtbot.keyClick(window, Qt.Key.Key_Left)
    assert page.chosen == 78
    assert page.pattern.caption().startswith("chosen frame: 78")
    qtbot.keyClick(window, Qt.Key.Key_Right)
    qtbot.keyClick(window, Qt.Key.Key_Right)
    assert page.chosen == 79
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert page.chosen is None
    assert page.pattern.caption().startswith("newest frame: 79")


def test_keys_jump_between_changes_of_state(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    row = page.shown_row()
    assert row is not None
    assert (row.index, row.verdict.state) == (66, "reacting")


def test_a_click_on_the_trace_shows_that_frame(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    plot = page.trace.plot
    box = plot.getPlotItem().getViewBox()
    spot = plot.mapFromScene(box.mapViewToScene(box.viewRect().center()))
    time_s = box.viewRect().center().x()
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert page.chosen == pytest.approx(time_s / 2.5, abs=1.0)


def test_zooming_by_hand_holds_the_view_until_follow(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    box = page.map.plot.getPlotItem().getViewBox()
    box.setXRange(20.0, 40.0, padding=0.0)
    box.sigRangeChangedManually.emit([True, True])
    page.repaint_run()
    assert box.viewRange()[0] == pytest.approx([20.0, 40.0])
    assert page.trace.plot.getPlotItem().getViewBox().viewRange()[0] == pytest.approx([20.0, 40.0])
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert box.viewRange()[0][1] > 190.0


def test_replay_bar_steers_the_transport(qtbot: QtBot) -> None:
    transport = Transport(speed=20.0)
    window = shown_window(qtbot, transport=transport)
    qtbot.mouseClick(window.bar.play_button, Qt.MouseButton.LeftButton)
    assert not transport.snapshot().playing
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert transport.snapshot().playing


def test_screenshot_says_what_it_shows(qtbot: QtBot, tmp_path: Path) -> None:
    window = shown_window(qtbot)
    window.save_screenshot(tmp_path / "shot.png")
    picture = QImage(str(tmp_path / "shot.png"))
    assert picture.width() >= 1000
    assert picture.text("Title") == "Br/shell2 + I/shell1"
    assert "Br " in picture.text("Lattice parameter")
    with pytest.raises(UserError, match=r"nowhere.*cannot be written"):
        window.save_screenshot(tmp_path / "nowhere" / "shot.png")
