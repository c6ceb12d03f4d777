"""What surrounds the window: its place, errors in a view, letters on a machine without fonts."""

import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow
from pytestqt.qtbot import QtBot

from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.request import Request
from latticewatch.app.window import application
from latticewatch.app.window import placement as window_state
from latticewatch.app.window.application import faults_kept
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.next_run import NextRun
from latticewatch.app.window.preferences import Preferred
from latticewatch.widgets.theme import LETTERS, ensure_font


def test_place_and_docks_come_back(qtbot: QtBot, tmp_path: Path) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(640, 400)
    window_state.keep(window, tmp_path / "state" / "window.json")
    other = QMainWindow()
    qtbot.addWidget(other)
    assert window_state.restore(other, tmp_path / "state" / "window.json")
    assert other.size() == window.size()


@pytest.mark.parametrize("text", ["", "{}", '{"geometry": 3, "docks": ""}', '{"geometry": "xx", "docks": ""}', "[1]"])
def test_a_spoilt_state_file_is_ignored(qtbot: QtBot, tmp_path: Path, text: str) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    (tmp_path / "window.json").write_text(text, encoding="utf-8")
    assert not window_state.restore(window, tmp_path / "window.json")
    assert not window_state.restore(window, tmp_path / "missing.json")


def test_an_error_in_a_view_is_kept_and_said_once(qtbot: QtBot) -> None:
    def fail() -> None:
        raise ZeroDivisionError("no width")

    said: list[str] = []
    with qtbot.captureExceptions(), faults_kept(said.append) as faults:
        for _ in range(2):
            QTimer.singleShot(0, fail)
        qtbot.wait(20)
    assert [type(fault) for fault in faults] == [ZeroDivisionError]
    assert len(said) == 1
    assert "no width" in said[0]


def test_there_are_letters_on_a_machine_without_fonts(tmp_path: Path) -> None:
    nothing = f'<?xml version="1.0"?><fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>'
    (tmp_path / "fonts.conf").write_text(nothing, encoding="utf-8")
    script = (
        "from PyQt6.QtWidgets import QApplication; from PyQt6.QtGui import QFontMetrics\n"
        "from latticewatch.widgets.theme import LETTERS, ensure_font\n"
        "application = QApplication([]); ensure_font(application)\n"
        "metrics = QFontMetrics(application.font())\n"
        "assert all(metrics.inFontUcs4(ord(letter)) for letter in LETTERS)\n"
    )
    environment = {"FONTCONFIG_FILE": str(tmp_path / "fonts.conf"), "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=120)


def test_a_font_that_has_our_letters_stays(qapp: QApplication) -> None:
    before = qapp.font().family()
    ensure_font(qapp)
    assert qapp.font().family() == before
    assert len(LETTERS) > 5


def test_the_application_is_kept_to_the_end_of_the_process() -> None:
    # After a first one is gone, windows of a second one crash: each picture of a run would make one.
    words = (
        "from PyQt6.QtWidgets import QApplication as Application;"
        "from latticewatch.app.window.application import make_application;"
        "make_application(); print(Application.instance() is not None)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("goes_on", [False, True])
def test_an_error_in_a_view_does_not_cost_the_next_scan(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("no width")

    def run(*_: object) -> None:
        """Ends when the view has failed."""
        failed.wait(30.0)

    def make(*given: object, **more: object) -> MainWindow:
        window = MainWindow(*given, **more)
        qtbot.addWidget(window)
        return window

    failed = threading.Event()
    monkeypatch.setattr(application, "_run", run)
    monkeypatch.setattr(application, "MainWindow", make)
    plan = RunPlan(Request(tmp_path), None, None, None, None, False, (), ())
    next_run = NextRun({})
    next_run.plan = plan if goes_on else None
    QTimer.singleShot(0, fail)
    QTimer.singleShot(50, failed.set)
    shown = partial(application._show_run, qapp, plan, next_run, Preferred(), as_json=True, screenshot=None)
    if goes_on:
        assert shown() == 0
    else:
        with pytest.raises(RuntimeError, match="the window had an error: no width"):
            shown()


def test_a_signal_closes_windows_and_their_dialogs(qapp: QApplication, qtbot: QtBot) -> None:
    def interrupt() -> None:
        dialog.open()
        signal.raise_signal(signal.SIGINT)

    window = QMainWindow()
    qtbot.addWidget(window)
    dialog = QDialog(window)
    window.show()
    QTimer.singleShot(0, interrupt)
    with pytest.raises(KeyboardInterrupt), application.closed_by_signals():
        qapp.exec()
    assert not dialog.isVisible()
    assert not window.isVisible()
