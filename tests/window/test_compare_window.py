"""The window of ``compare``: runs dropped onto it, taken away and brought back, a picture of it."""

import json
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latticewatch.app.window.compare_window import CompareWindow
from latticewatch.widgets.theme import LIGHT
from tests.record.runs import write_run

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> CompareWindow:
    """Three runs, the third of them no run file."""
    paths = [tmp_path / f"{name}.h5" for name in ("bare", "shell", "broken")]
    for path in paths[:2]:
        write_run(path, 30)
    paths[2].write_bytes(b"no run")
    window = CompareWindow(LIGHT)
    qtbot.addWidget(window)
    window.resize(1000, 600)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, button, Qt.KeyboardModifier.NoModifier))
    return window


def names(window: CompareWindow) -> list[str]:
    return [path.stem for path in window.shown_paths()]


def test_what_is_dropped_is_drawn_and_what_cannot_be_read_is_said(window: CompareWindow) -> None:
    assert names(window) == ["bare", "shell"]
    assert "broken.h5" in window.view.hint.text()


def test_a_run_is_taken_away_and_brought_back_by_key(qtbot: QtBot, window: CompareWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Delete)
    assert window.view.hint.text() == "choose a run in the list first"
    window.view.list.setCurrentRow(0)
    qtbot.keyClick(window.view.list, Qt.Key.Key_Delete)
    assert names(window) == ["shell"]
    assert window.view.hint.text().endswith(": done (Undo: Ctrl+Z)")
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert names(window) == ["bare", "shell"]
    assert window.view.hint.text().startswith("undone: removing")


def test_a_key_takes_a_picture_with_its_facts(qtbot: QtBot, window: CompareWindow, tmp_path: Path) -> None:
    qtbot.keyClick(window, Qt.Key.Key_S)
    (beside,) = tmp_path.glob("comparison_*.png.json")
    facts = json.loads(beside.read_text("utf-8"))
    assert facts["Runs"] == "bare.h5, shell.h5"
    assert facts["Compared"] == "lattice parameter, aligned at mixing"
    assert facts["Software"].startswith("LatticeWatch ")
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.image().width() == window.width()
