"""The window through a user's eyes and hands, on a run built by hand."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from latticewatch.app.main_window import MainWindow
from latticewatch.app.shown_run import ShownRun
from latticewatch.app.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.processing.series import Progress, Row, Series
from latticewatch.processing.setup import Setup
from latticewatch.processing.sources.replay import Transport
from latticewatch.widgets.key_list import KeyList
from latticewatch.widgets.theme import LIGHT, apply_theme
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


def shown_window(
    qtbot: QtBot, rows: int = 80, add_note: Callable[[float, str], None] | None = None, **given: object
) -> MainWindow:
    """A window on a finished run."""
    series, refinement = make_series(rows, bins=600)
    window = MainWindow("test", **given)
    qtbot.addWidget(window)
    window.show_run(ShownRun(make_setup(), series, refinement, Path("run.h5"), add_note))
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


def test_a_signal_closes_the_window_even_after_the_run_has_ended(qtbot: QtBot, gate: threading.Event) -> None:
    gate.set()
    worker = Worker(run_of(5, gate))
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitSignal(window.run_ended):
        worker.start()
    assert window.isVisible()
    worker.stop.set()  # what the signal's handler does
    qtbot.waitUntil(lambda: not window.isVisible())
    assert window.interrupted


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


def test_wall_leaves_banner_and_trace(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert page.trace.isVisible()
    assert not [view for view in (page.map, page.pattern, window.status) if view.isVisible()]
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert page.map.isVisible()
    assert page.pattern.isVisible()
    assert window.status.isVisible()


def test_the_other_theme_keeps_the_run_and_the_chosen_frame(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    assert window.page is not None
    window.page.choose(20)
    before = window.banner.words()
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert window.page.history.count == 80
    assert window.page.chosen == 20
    assert window.banner.words() == before
    qtbot.waitUntil(lambda: window.palette().window().color().lightness() < 60)
    window.toggle_dark()  # not by key: the offscreen platform deactivates a window whose child is deleted
    qtbot.waitUntil(lambda: window.palette().window().color().lightness() > 200)


def test_a_mark_is_recorded_with_its_time_and_note(qtbot: QtBot) -> None:
    kept: list[tuple[float, str]] = []
    window = shown_window(qtbot, add_note=lambda time_s, text: kept.append((time_s, text)))
    assert window.page is not None
    window.page.choose(12)
    qtbot.keyClick(window, Qt.Key.Key_M)
    qtbot.keyClicks(window.note.text, "second injection")
    qtbot.keyClick(window.note.text, Qt.Key.Key_Return)
    assert kept == [(30.0, "second injection")]
    assert not window.note.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_M)
    qtbot.keyClicks(window.note.text, "dropped")
    qtbot.keyClick(window.note.text, Qt.Key.Key_Escape)
    assert len(kept) == 1
    assert not window.note.isVisible()


def test_the_frames_list_shows_gaps_with_reasons_and_chooses(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    assert window.page is not None
    qtbot.keyClick(window, Qt.Key.Key_G)
    table, model = window.frames.table, window.frames.model
    assert model.rowCount() == 80
    window.frames.gaps_only.setChecked(True)
    reasons = [model.index(line, 3).data() for line in range(model.rowCount())]
    assert reasons == ["no beam", "fit refused: χ² 31"]
    spot = table.visualRect(model.index(1, 3)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert window.page.chosen == 50


def test_every_key_is_listed_once(qtbot: QtBot) -> None:
    window = shown_window(qtbot, transport=Transport())
    keys = [key.toString() for action in window.actions() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    qtbot.keyClick(window, Qt.Key.Key_F1)
    listed = [child for child in window.findChildren(KeyList) if child.isVisible()]
    assert len(listed) == 1
    texts = {label.text() for label in listed[0].findChildren(QLabel)}
    assert {action.text() for action in window.actions()} <= texts
    listed[0].close()


def test_map_modes_units_and_pins_by_key(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    seen = set()
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_D)
        page.map.paint_now()
        seen.add(page.map.bar.mode.currentText())
    assert len(seen) == 3
    qtbot.keyClick(window, Qt.Key.Key_U)
    assert page.pattern.angles.labelText == "Q / Å⁻¹"
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert page.pattern.pinned_texts() == ["3 min"]
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    assert page.pattern.pinned_texts() == []


@pytest.mark.parametrize("allowed", [True, False])
def test_closing_while_recording_asks(qtbot: QtBot, gate: threading.Event, allowed: bool) -> None:
    asked: list[bool] = []

    def may_close(_: object) -> bool:
        asked.append(True)
        return allowed or len(asked) > 1

    worker = Worker(run_of(5, gate))
    window = MainWindow("live", worker=worker, may_close=may_close)
    qtbot.addWidget(window)
    worker.start()
    qtbot.waitUntil(lambda: window.page is not None)
    assert window.close() is allowed
    assert asked == [True]
    assert worker.finished is allowed
    window.close()


def test_screenshot_says_what_it_shows(qtbot: QtBot, tmp_path: Path) -> None:
    window = shown_window(qtbot)
    window.save_screenshot(tmp_path / "shot.png")
    picture = QImage(str(tmp_path / "shot.png"))
    assert picture.width() >= 1000
    assert picture.text("Title") == "Br/shell2 + I/shell1"
    assert "Br " in picture.text("Lattice parameter")
    facts = json.loads((tmp_path / "shot.json").read_text(encoding="utf-8"))
    assert facts["State"] == window.banner.words()
    with pytest.raises(UserError, match=r"nowhere.*cannot be written"):
        window.save_screenshot(tmp_path / "nowhere" / "shot.png")
