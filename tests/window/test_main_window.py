"""The window through a user's eyes and hands, on a run built by hand."""

import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.window import screenshot
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.screenshot import save_picture
from latticewatch.app.window.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.pacing import Transport
from latticewatch.widgets.transport_bar import TransportBar
from tests.window.windows import run_of, shown_window


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


def test_what_is_done_before_the_first_image_is_shown(qtbot: QtBot, gate: threading.Event) -> None:
    """Such as compiling, which takes a minute after an installation."""

    def task(*_: object) -> None:
        logging.getLogger("latticewatch.app").warning("compiling the fit")
        gate.wait()

    worker = Worker(task)
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    window.show()
    worker.start()
    qtbot.waitUntil(lambda: "compiling the fit" in window._waiting.text())
    gate.set()
    window.close()


def test_a_signal_closes_the_window_even_after_the_run_has_ended(qtbot: QtBot, gate: threading.Event) -> None:
    gate.set()
    worker = Worker(run_of(5, gate))
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitSignal(window.run_ended):
        worker.start()
    assert window.isVisible()
    worker.interrupted.set()  # as the signal's handler does
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


def test_the_run_is_ended_before_anything_is_waited_for(
    qtbot: QtBot, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(run_of(5, gate))
    window = MainWindow("live", worker=worker)
    qtbot.addWidget(window)
    worker.start()
    qtbot.waitUntil(lambda: window.page is not None)
    assert window.page is not None
    ended: list[bool] = []
    for waited_for in (window.saver, window.page.results):
        monkeypatch.setattr(waited_for, "end", lambda: ended.append(worker.finished))
    window.close()
    assert ended == [True, True]


def test_the_transport_bar_is_never_a_window_of_its_own(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(bar: TransportBar, shown: bool) -> None:
        alone.append(bar.parentWidget() is None)
        QWidget.setVisible(bar, shown)

    alone: list[bool] = []
    monkeypatch.setattr(TransportBar, "setVisible", note)
    window = MainWindow("replay", transport=Transport())
    qtbot.addWidget(window)
    window.toggle_dark()
    assert alone
    assert not any(alone)
    assert window.bar.isVisibleTo(window)


def test_screenshot_says_what_it_shows(qtbot: QtBot, tmp_path: Path) -> None:
    window = shown_window(qtbot)
    save_picture(window, window.facts(), tmp_path / "shot.png")
    picture = QImage(str(tmp_path / "shot.png"))
    assert picture.width() >= 1000
    assert picture.text("Title") == "Br/shell2 + I/shell1"
    assert "Br " in picture.text("Lattice parameter")
    assert not (tmp_path / "shot.json").exists()  # may be a summary or a trace of that name
    facts = json.loads((tmp_path / "shot.png.json").read_text(encoding="utf-8"))
    assert facts["Software"].startswith("LatticeWatch ")
    assert facts["State"] == window.banner.words()
    with pytest.raises(UserError, match=r"nowhere.*cannot be written"):
        save_picture(window, window.facts(), tmp_path / "nowhere" / "shot.png")


def picture_said(qtbot: QtBot, window: MainWindow) -> str:
    """Press the key for a picture; the words in the foot, whole."""
    qtbot.keyClick(window, Qt.Key.Key_S)
    label = window.status.findChild(QLabel, "place")
    assert label is not None
    return label.toolTip()


def test_a_picture_lies_beside_the_run_file_and_its_whole_path_is_said(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = picture_said(qtbot, shown_window(qtbot))
    (picture,) = tmp_path.glob("run_*.png")
    assert said == f"saved {picture}, and in the clipboard"


def test_a_picture_that_cannot_lie_there_goes_to_the_users_pictures(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the run may have gone away, or nothing is recorded."""
    monkeypatch.setattr(screenshot, "user_pictures_path", lambda: tmp_path / "pictures")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    window = shown_window(qtbot)
    monkeypatch.chdir(tmp_path)
    window.shown_run = replace(window.shown_run, out=tmp_path / "gone" / "run.h5")
    (tmp_path / "gone").rmdir()
    said = picture_said(qtbot, window)
    (picture,) = (tmp_path / "pictures").glob("run_*.png")
    assert said.startswith(f"saved {picture}, and in the clipboard (")
    window.shown_run = replace(window.shown_run, out=None)
    said = picture_said(qtbot, window)
    (picture,) = (tmp_path / "pictures").glob("latticewatch_*.png")
    assert said == f"saved {picture}, and in the clipboard"
