"""Stopping a run without closing its window, and going on to the next scan: by keys and clicks."""

import os
import signal
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from latticewatch.app.run.decisions import RunPlan, decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.run.signals import stopped_by_signals
from latticewatch.app.start import next_scan as next_scan_module
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.next_scan import named_inputs, newest_beside, next_scan
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.next_run import Chooser, NextRun
from latticewatch.app.window.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.widgets.theme import LIGHT
from tests.app.conftest import scan as scan
from tests.window.test_start_dialog import look_of, looked
from tests.window.windows import run_of

CTRL = Qt.KeyboardModifier.ControlModifier
PLAN = cast("RunPlan", object())


def live(qtbot: QtBot, gate: threading.Event, choose: Chooser | None = None, *, yes: bool = True) -> MainWindow:
    """A window on a run that lasts, whose user says yes to everything or no."""
    worker = Worker(run_of(20, gate))
    choosers = {("Next scan …", "Ctrl+N"): choose} if choose else {}
    next_run = NextRun(choosers, lambda *_: yes)
    window = MainWindow("live", worker=worker, may_close=lambda _: yes, next_run=next_run)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    worker.start()
    qtbot.waitUntil(lambda: window.page is not None and window.page.history.count == 20)
    return window


def test_a_run_that_is_stopped_stays_on_the_screen(qtbot: QtBot, gate: threading.Event) -> None:
    window = live(qtbot, gate)
    with qtbot.waitSignal(window.run_ended):
        qtbot.keyClick(window, Qt.Key.Key_E, CTRL)
    qtbot.waitUntil(lambda: "RUN ENDED" in window.banner.words())
    window.tick()
    assert window.isVisible()
    window.close()
    assert not window.interrupted


def test_one_signal_closes_the_window_of_a_run_that_was_stopped(qtbot: QtBot, gate: threading.Event) -> None:
    window = live(qtbot, gate)
    worker = window._worker
    assert worker is not None
    with stopped_by_signals(worker.stop, worker.interrupted):
        with qtbot.waitSignal(window.run_ended):
            qtbot.keyClick(window, Qt.Key.Key_E, CTRL)
        signal.raise_signal(signal.SIGINT)
        qtbot.waitUntil(lambda: not window.isVisible())
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert window.interrupted


def test_a_run_whose_user_says_no_is_not_stopped(qtbot: QtBot, gate: threading.Event) -> None:
    window = live(qtbot, gate, yes=False)
    qtbot.keyClick(window, Qt.Key.Key_E, CTRL)
    assert window._worker is not None
    assert not window._worker.stop.is_set()
    gate.set()
    window.close()


@pytest.mark.parametrize("by", ["button", "key"])
def test_the_window_closes_for_the_next_scan_without_another_question(
    qtbot: QtBot, gate: threading.Event, by: str
) -> None:
    window = live(qtbot, gate, lambda: PLAN, yes=False)
    if by == "key":
        qtbot.keyClick(window, Qt.Key.Key_N, CTRL)
    else:
        (button,) = [each for each in window.findChildren(QToolButton) if each.text() == "Next scan …"]
        assert button.isVisible()
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not window.isVisible()
    assert window._next.plan is PLAN
    assert not window.interrupted
    assert window._worker is not None
    assert window._worker.finished


def test_where_nothing_is_chosen_or_what_is_chosen_cannot_be_opened_the_run_continues(
    qtbot: QtBot, gate: threading.Event
) -> None:
    answers: list[Any] = [None, UserError("/scan: no such folder")]

    def choose() -> RunPlan | None:
        answer = answers.pop(0)
        if isinstance(answer, UserError):
            raise answer
        return None

    window = live(qtbot, gate, choose)
    qtbot.keyClick(window, Qt.Key.Key_N, CTRL)
    assert window.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_N, CTRL)
    assert window.status.text("place") == "/scan: no such folder"
    assert window._worker is not None
    assert not window._worker.finished
    gate.set()
    window.close()


@pytest.mark.parametrize(
    ("folders", "own", "newest"),
    [
        (["br_001", "br_002", "br_003"], "br_002", "br_003"),
        (["br_9", "br_10"], "br_9", "br_10"),
        (["br_001", "br_002"], "br_002", None),
        (["br_001", "zz"], "br_001", "zz"),
        (["br_001"], "br_001", None),
        (["br_001", ".hidden", "br_002.tmp"], "br_001", None),
    ],
)
def test_the_newest_folder_beside_the_scan(tmp_path: Path, folders: list[str], own: str, newest: str | None) -> None:
    for number, name in enumerate(folders):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000.0 + number, 1000.0 + number))
    (tmp_path / "br_009.h5").touch()
    found = newest_beside(tmp_path / own)
    assert (found.name if found else None) == newest


def test_a_folder_that_came_later_under_a_name_before_is_the_newest(tmp_path: Path) -> None:
    for name, moment_s in (("m", 1000.0), ("a", 2000.0), ("b", 1500.0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (moment_s, moment_s))
    assert newest_beside(tmp_path / "m") == tmp_path / "a"
    assert newest_beside(tmp_path / "gone") is not None
    assert newest_beside(tmp_path / "nowhere" / "gone") is None


def test_the_inputs_that_were_found_are_named_for_the_next_scan(scan: Path) -> None:
    given = named_inputs(decide(Request(scan, Given(orientation=2), live=True, out=scan.parent / "a.h5")))
    assert given.geometry is not None
    assert given.geometry.name.endswith(".poni")
    assert given.experiment is not None
    assert given.experiment.name == "experiment.toml"
    assert given.orientation == 2


def test_the_next_folder_is_offered_with_the_inputs_of_the_scan_before(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "br_002").mkdir()
    (tmp_path / "lab6.poni").touch()
    (tmp_path / "mine.toml").touch()
    dialog = StartDialog(LIGHT, lambda *_: look_of("a.cbf"))
    qtbot.addWidget(dialog)
    inputs = Given(tmp_path / "lab6.poni", tmp_path / "mine.toml", orientation=2)
    dialog.begin_after(inputs, trusted=True, find=lambda: tmp_path / "br_002")
    looked(qtbot, dialog, "Fits.")
    assert dialog.chosen() == (tmp_path / "br_002", inputs)
    assert dialog.form.may_command()
    dialog.accept()
    assert dialog.start is not None
    assert dialog.start.may_command
    other = StartDialog(LIGHT, lambda *_: look_of("a.cbf"))
    qtbot.addWidget(other)
    other.begin_after(inputs, trusted=False, find=lambda: None)
    looked(qtbot, other, "No newer folder")
    other.reject()


def test_what_is_accepted_becomes_the_plan_of_the_next_run(
    qtbot: QtBot, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del qtbot
    plan = decide(Request(scan, live=True, out=tmp_path / "a.h5", fallback=tmp_path / "fallback"))
    request = Request(scan, live=True, out=tmp_path / "b.h5")

    class Accepted(StartDialog):
        def exec(self) -> int:
            self.reject()
            self.start = request
            return 1

    monkeypatch.setattr(next_scan_module, "StartDialog", Accepted)
    chosen = next_scan(plan)
    assert chosen is not None
    assert (chosen.out, chosen.fallback) == (tmp_path / "b.h5", tmp_path / "fallback")


def test_a_signal_closes_the_window_also_while_a_dialog_is_open(qtbot: QtBot, gate: threading.Event) -> None:
    """The dialog has an event loop of its own: left open it would keep the program alive for ever."""
    dialog = StartDialog(LIGHT, lambda *_: look_of("a.cbf"))
    qtbot.addWidget(dialog)

    def choose() -> RunPlan | None:
        assert window._worker is not None
        for event in (window._worker.stop, window._worker.interrupted):  # as the signal's handler does
            event.set()
        dialog.exec()
        return None

    window = live(qtbot, gate, choose)
    qtbot.keyClick(window, Qt.Key.Key_N, CTRL)
    assert not dialog.isVisible()
    assert not window.isVisible()
    assert window.interrupted
