"""Files that are saved from the window: what becomes of each is said, whatever it is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt6.QtCore import QObject
from pytestqt.qtbot import QtBot

from latticewatch.app.window.saving import Saver
from latticewatch.processing.errors import UserError


def failing(error: Exception) -> Callable[[Path], object]:
    def write(_: Path) -> object:
        raise error

    return write


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (str, "saved trace.csv"),
        (failing(UserError("trace.csv: no run")), "not saved: trace.csv: no run"),
        (failing(ValueError("not\nthis")), "not saved: internal error (ValueError: not this); the log has details"),
    ],
)
def test_what_becomes_of_a_file_is_said(qtbot: QtBot, write: Callable[[Path], object], said: str) -> None:
    parent, lines = QObject(), list[str]()
    saver = Saver(parent)
    saver.said.connect(lines.append)
    saver.save(Path("trace.csv"), write)
    qtbot.waitUntil(lambda: lines == [said])
    saver.end()
