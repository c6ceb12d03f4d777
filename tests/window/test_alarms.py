"""Alarms sound, again every minute, and stand in a strip of their own until a key acknowledges them."""

import logging
import re
import sys
import threading
import wave
from importlib import resources
from pathlib import Path
from unittest.mock import Mock

import pytest
from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.window import alarms as window_alarms
from latticewatch.app.window.alarms import WindowAlarms, alarm_sound
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.preferences import Preferences, Preferred
from latticewatch.app.window.worker import Worker
from latticewatch.processing.flow.series import Progress
from tests.window.synthetic import make_series
from tests.window.windows import run_of, shown_window


def said(alarms: WindowAlarms) -> str:
    """The alarms that stand, without their times."""
    return ", ".join(f"{one.words} (over)" if one.over else one.words for one in alarms.standing())


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
    qtbot.waitUntil(lambda: "no beam" in said(window.alarms))
    window.tick()
    strip = window.alarm_strip
    assert strip.isVisible()
    assert re.fullmatch(r"no beam, rang \d\d:\d\d, over", strip.words())
    assert "complete in" in window.banner.accessibleName()  # the forecast keeps its place
    qtbot.mouseClick(strip.button, Qt.MouseButton.LeftButton)
    assert not strip.isVisible()
    window.tick()
    assert said(window.alarms) == ""
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
    assert window.alarm_strip.words().startswith("no beam, rang")
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
    assert said(window.alarms) == ""


def test_a_detector_whose_frames_wait_is_not_silent(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(window_alarms.time, "monotonic", lambda: clock[0])
    parent = QWidget()
    qtbot.addWidget(parent)
    series, _ = make_series(5, bins=50)
    alarms = WindowAlarms(parent, Preferred())
    for waiting, words in ((12, ""), (0, "detector silent")):
        series.report(Progress(found=5 + waiting, waiting=waiting))
        alarms.follow(series.snapshot(), 2.5)
        clock[0] += 60.0
        alarms.follow(series.snapshot(), 2.5)
        assert said(alarms) == words
    alarms.follow(series.snapshot(), 2.5, live=False)
    assert said(alarms) == "detector silent (over)", "nobody waits for a frame of a run that has ended"


def test_a_folder_that_is_gone_rings_although_frames_wait(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: Mock())
    parent = QWidget()
    qtbot.addWidget(parent)
    series, _ = make_series(5, bins=50)
    alarms = WindowAlarms(parent, Preferred())
    series.report(Progress(found=9, waiting=4, gone_since_s=1.7e9))
    alarms.follow(series.snapshot(), 2.5)
    assert said(alarms) == "folder gone"
    series.report(Progress(found=9, waiting=4))
    alarms.follow(series.snapshot(), 2.5)
    assert said(alarms) == "folder gone (over)"


def test_what_rang_before_a_run_was_resumed_does_not_ring_again(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Mock()
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: sound)
    parent = QWidget()
    qtbot.addWidget(parent)
    # Row 40 has no beam, row 50 a pause.
    series, _ = make_series(52, bins=50)
    alarms = WindowAlarms(parent, Preferred())
    alarms.follow(series.snapshot(), 2.5, resumed=52)
    assert said(alarms) == ""
    sound.assert_not_called()
    anew = WindowAlarms(parent, Preferred())
    anew.follow(series.snapshot(), 2.5, resumed=45)
    assert said(anew) == "pause"


@pytest.mark.parametrize(
    ("settings", "sounds"),
    [(Preferences(), 3), (Preferences(repeat=False), 1), (Preferences(sound=False), 0)],
)
def test_it_sounds_again_every_minute_until_it_is_seen(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, settings: Preferences, sounds: int
) -> None:
    clock, sound = [0.0], Mock()
    monkeypatch.setattr(window_alarms.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: sound)
    parent = QWidget()
    qtbot.addWidget(parent)
    series, _ = make_series(41, bins=50)  # the last row has no beam
    preferred = Preferred()
    preferred.take(settings)
    alarms = WindowAlarms(parent, preferred)
    for clock[0] in (0.0, 30.0, 61.0, 90.0, 122.0):
        alarms.follow(series.snapshot(), 1e3)
    alarms.acknowledge()
    for clock[0] in (200.0, 300.0):
        alarms.follow(series.snapshot(), 1e3)
    assert sound.call_count == sounds


def test_the_menu_turns_the_sound_off_and_keeps_that(qtbot: QtBot, tmp_path: Path) -> None:
    window = shown_window(qtbot, preferred=Preferred(tmp_path / "preferences.json"))
    (action,) = [each for each in window.actions() if each.text() == "Sound"]
    action.trigger()
    assert not window.alarms.gives("sound")
    assert Preferred(tmp_path / "preferences.json").now == Preferences(sound=False)
    action.trigger()
    assert window.alarms.gives("sound")


def test_the_users_command_is_run_for_each_alarm(
    qtbot: QtBot, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    script = tmp_path / "hear"
    script.write_text('#!/bin/sh\necho "heard $1, $2: $3"\n')
    script.chmod(0o755)
    preferred = Preferred()
    preferred.take(Preferences(sound=False, notice=False, command=(str(script), "at night")))
    parent = QWidget()
    parent.setWindowTitle("br_i")
    qtbot.addWidget(parent)
    alarms = WindowAlarms(parent, preferred)
    alarms.tell_command()
    assert f"run for each alarm: {script} 'at night'" in caplog.text
    series, _ = make_series(41, bins=50)  # the last row has no beam
    for _ in range(2):
        alarms.follow(series.snapshot(), 1e3)
    alarms.end()
    said = capfd.readouterr()
    assert said.out == ""  # it may hold rows
    assert said.err.splitlines() == ["heard at night, no beam: br_i"]


def test_a_command_that_cannot_be_started_is_said_and_stops_nothing(
    qtbot: QtBot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    preferred = Preferred()
    preferred.take(Preferences(sound=False, notice=False, command=(str(tmp_path / "gone"),)))
    parent = QWidget()
    qtbot.addWidget(parent)
    alarms = WindowAlarms(parent, preferred)
    series, _ = make_series(41, bins=50)
    alarms.follow(series.snapshot(), 1e3)
    assert f"alarm command {tmp_path / 'gone'} cannot be started: No such file" in caplog.text
    assert said(alarms) == "no beam"


def test_without_the_sound_library_it_beeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyQt6.QtMultimedia", None)
    assert alarm_sound(QObject()) == QApplication.beep


def test_the_sound_is_short_and_heard() -> None:
    place = resources.files("latticewatch.resources") / "sounds" / "alarm.wav"
    with place.open("rb") as held, wave.open(held) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert 0.5 < file.getnframes() / file.getframerate() < 2.0
        assert max(file.readframes(file.getnframes())[1::2]) > 0x40


def test_trouble_comes_before_news_and_what_is_over_last(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_alarms, "alarm_sound", lambda _: Mock())
    parent = QWidget()
    qtbot.addWidget(parent)
    # Row 40 has no beam, row 50 a pause, which lasts.
    series, _ = make_series(52, bins=50)
    alarms = WindowAlarms(parent, Preferred())
    series.report(Progress(found=52, gone_since_s=1.7e9))
    alarms.follow(series.snapshot(), 2.5)
    standing = alarms.standing()
    assert [one.words for one in standing] == ["folder gone", "pause", "no beam"]
    assert [one.is_urgent for one in standing] == [True, False, False]
