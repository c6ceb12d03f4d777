"""Alarms sound once and stand in the banner until a key acknowledges them."""

import logging
import threading

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.main_window import MainWindow
from latticewatch.app.worker import Worker
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
    assert "ALARM: no beam, over (press A once seen)" in window.banner.accessibleName()
    qtbot.keyClick(window, Qt.Key.Key_A)
    assert "ALARM" not in window.banner.accessibleName()
    window.tick()
    assert window.alarms.words() == ""
    assert [record.message for record in caplog.records if "alarm" in record.message] == ["alarm: no beam"]
    gate.set()
    with qtbot.waitSignal(window.run_ended):
        pass
