"""Alarms sound once and stand in the banner until a key acknowledges them."""

import logging
import sys
import threading
import wave
from importlib import resources
from unittest.mock import Mock

import pytest
from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.window import alarms as window_alarms
from latticewatch.app.window.alarms import WindowAlarms, alarm_sound
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.worker import Worker
from latticewatch.processing.flow.series import Progress
from tests.window.synthetic import make_series
from tests.window.windows import run_of


def test_an_alarm_stands_until_it_is_acknowledged(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    gate = threading.Event()
    worker = Worker(run_of(45, gate))
    window = MainWindow("test", worker=worker)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    worker.start()
    # Row 40 of the synthetic run has no beam.
    qtbot.waitUntil(lambda: "no beam" in window.alarms.words())
    window.tick()
    assert "ALARM: no beam (over) · " in window.banner.accessibleName()
    assert window.banner.accessibleName().endswith("press A once seen")
    qtbot.keyClick(window, Qt.Key.Key_A)
    assert "ALARM" not in window.banner.accessibleName()
    window.tick()
    assert window.alarms.words() == ""
    assert [record.message for record in caplog.records if "alarm" in record.message] == ["alarm: no beam"]
    gate.set()
    with qtbot.waitSignal(window.run_ended):
        pass


def test_the_last_row_of_a_run_that_ends_rings_too(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Mock()
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: sound)
    gate = threading.Event()
    gate.set()
    # Row 40 of the synthetic run, its last, has no beam.
    worker = Worker(run_of(41, gate))
    worker.start()
    qtbot.waitUntil(lambda: worker.finished)
    window = MainWindow("test", worker=worker)
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.run_ended):
        window.show()
    window.tick()
    assert "ALARM: no beam" in window.banner.accessibleName()
    sound.assert_called_once_with()


def test_a_run_that_has_ended_is_not_silent(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_alarms.time, "monotonic", Mock(side_effect=iter(range(0, 10**6, 60))))
    gate = threading.Event()
    gate.set()
    worker = Worker(run_of(5, gate))
    worker.start()
    qtbot.waitUntil(lambda: worker.finished)
    window = MainWindow("test", worker=worker)
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.run_ended):
        window.show()
    for _ in range(3):
        window.tick()
    assert window.alarms.words() == ""


def test_a_detector_whose_frames_wait_is_not_silent(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(window_alarms.time, "monotonic", lambda: clock[0])
    parent = QWidget()
    qtbot.addWidget(parent)
    series, _ = make_series(5, bins=50)
    alarms = WindowAlarms(parent)
    for waiting, words in ((12, ""), (0, "detector silent")):
        series.report(Progress(found=5 + waiting, waiting=waiting))
        alarms.follow(series.snapshot(), 2.5)
        clock[0] += 60.0
        alarms.follow(series.snapshot(), 2.5)
        assert alarms.words() == words


def test_a_folder_that_is_gone_rings_although_frames_wait(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: Mock())
    parent = QWidget()
    qtbot.addWidget(parent)
    series, _ = make_series(5, bins=50)
    alarms = WindowAlarms(parent)
    series.report(Progress(found=9, waiting=4, gone_since_s=1.7e9))
    alarms.follow(series.snapshot(), 2.5)
    assert alarms.words() == "folder gone"
    series.report(Progress(found=9, waiting=4))
    alarms.follow(series.snapshot(), 2.5)
    assert alarms.words() == "folder gone (over)"


def test_what_rang_before_a_run_was_resumed_does_not_ring_again(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Mock()
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: sound)
    parent = QWidget()
    qtbot.addWidget(parent)
    # Row 40 has no beam, row 50 a pause.
    series, _ = make_series(52, bins=50)
    alarms = WindowAlarms(parent)
    alarms.follow(series.snapshot(), 2.5, resumed=52)
    assert alarms.words() == ""
    sound.assert_not_called()
    anew = WindowAlarms(parent)
    anew.follow(series.snapshot(), 2.5, resumed=45)
    assert anew.words() == "pause"


def test_without_the_sound_library_it_beeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyQt6.QtMultimedia", None)
    assert alarm_sound(QObject()) == QApplication.beep


def test_the_sound_is_short_and_heard() -> None:
    place = resources.files("latticewatch.resources") / "sounds" / "alarm.wav"
    with place.open("rb") as held, wave.open(held) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert 0.5 < file.getnframes() / file.getframerate() < 2.0
        assert max(file.readframes(file.getnframes())[1::2]) > 0x40
