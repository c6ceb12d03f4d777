"""The fixtures that watch for leaks catch one of each kind, and let a tidy test pass."""

import shutil
import subprocess
import sys
from pathlib import Path

LEAKS = """
import threading
import pytest
from PyQt6.QtCore import QObject, QThread, QTimer
from PyQt6.QtWidgets import QLabel, QWidget

kept = []
ended = threading.Event()

def test_thread():
    kept.append(threading.Thread(target=ended.wait, name="forgotten", daemon=True))
    kept[-1].start()

def test_thread_that_is_just_ending():
    threading.Timer(0.2, lambda: None).start()

def test_qtimer(qapp):
    kept.append(QTimer())
    kept[-1].start(1000)

def test_qtimer_that_fires_once_soon(qapp):
    timer = QTimer(qapp)
    timer.setSingleShot(True)
    timer.start(50)

def test_qthread(qapp):
    kept.append(QThread())
    kept[-1].start()

def test_widget(qtbot):
    kept.append(QLabel("forgotten"))

def test_tidy(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    child = QLabel("child", window)
    timer = QTimer(window)
    timer.start(1000)
    worker = QThread()
    worker.start()
    worker.quit()
    worker.wait()

def teardown_module():
    ended.set()
    for thing in kept:
        if isinstance(thing, QThread):
            thing.quit()
            thing.wait()
"""


def test_each_kind_of_leak_fails_its_test(tmp_path: Path) -> None:
    shutil.copyfile(Path(__file__).with_name("conftest.py"), tmp_path / "conftest.py")
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:warnings",
        "-p",
        "no:pyicat_plus",
        "-rE",
        "-o",
        "qt_api=pyqt6",
        str(tmp_path),
    ]
    ended = subprocess.run([sys.executable, "-m", "pytest", *options], capture_output=True, text=True, cwd=tmp_path)
    words = ended.stdout
    assert "7 passed, 4 errors" in words, words
    for leaking in ("test_thread", "test_qtimer", "test_qthread", "test_widget"):
        assert f"ERROR test_leaks.py::{leaking} -" in words, words
    assert "threads left running: forgotten" in words
    assert "left behind: QLabel 'forgotten'" in words
