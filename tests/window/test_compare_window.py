"""The window of ``compare``: runs dropped onto it, taken away and brought back, a picture of it."""

import csv
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QCoreApplication, QEvent, QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from latticewatch.app.window import compare_window
from latticewatch.app.window.compare_window import CompareWindow, read_compared
from latticewatch.app.window.compared_table import Column
from latticewatch.processing.record.export.compared import ComparedRun
from latticewatch.widgets.results_view import ResultsView
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
    qtbot.waitUntil(lambda: "broken.h5: " in window.view.hint.text())
    return window


def names(window: CompareWindow) -> list[str]:
    return [path.stem for path in window.shown_paths()]


def test_what_is_dropped_is_drawn_and_what_cannot_be_read_is_said(window: CompareWindow) -> None:
    assert names(window) == ["bare", "shell"]
    assert "broken.h5" in window.view.hint.text()


def test_files_are_read_beside_the_window_and_in_their_order(
    qtbot: QtBot, window: CompareWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    def read_slowly(path: Path) -> tuple[ComparedRun, Column]:
        names.append(threading.current_thread().name)
        gate.wait(30.0)
        return read_compared(path)

    names: list[str] = []
    monkeypatch.setattr(compare_window, "read_compared", read_slowly)
    window.add_files([tmp_path / "shell.h5", tmp_path / "bare.h5"])
    assert window.view.hint.text() == "reading bare.h5 …"
    assert len(window.paths) == 2
    gate.set()
    qtbot.waitUntil(lambda: len(window.paths) == 4)
    assert [path.stem for path in window.paths] == ["bare", "shell", "shell", "bare"]
    assert set(names) == {"compared runs_0"}


def test_closing_waits_for_the_file_that_is_read_and_reads_no_more(
    qtbot: QtBot, window: CompareWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    def read(path: Path) -> tuple[ComparedRun, Column]:
        begun.set()
        gate.wait(30.0)
        seen.append(path.stem)
        return read_compared(path)

    begun, seen = threading.Event(), list[str]()
    monkeypatch.setattr(compare_window, "read_compared", read)
    window.add_files([tmp_path / "shell.h5", tmp_path / "bare.h5"])
    assert begun.wait(30.0)
    threading.Timer(0.1, gate.set).start()
    window.close()
    assert seen == ["shell"]


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


def test_what_is_saved_is_what_is_shown(window: CompareWindow, tmp_path: Path) -> None:
    window.view.quantity.setCurrentText("composition")
    window.view.alignment.setCurrentText("first frame")
    item = window.view.list.item(0)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    window.save_to(tmp_path / "shown.csv")
    assert window.view.hint.text() == f"saved {tmp_path / 'shown.csv'}"
    with (tmp_path / "shown.csv").open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
    assert list(table[0]) == ["run", "file", "time_since_first_frame_s", "fraction", "fraction_esd"]
    assert {row["file"] for row in table} == {"shell.h5"}
    (curve,) = [window.view._items[1][0]]
    drawn = [(x, y) for x, y in zip(curve.xData, curve.yData, strict=True) if np.isfinite(y)]
    saved = [(float(row["time_since_first_frame_s"]), float(row["fraction"])) for row in table]
    assert np.allclose(saved, drawn, atol=1e-6)


def test_a_figure_has_the_part_that_is_zoomed_to_and_the_runs_own_symbols(
    window: CompareWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(compare_window, "compare_runs", lambda *_, **more: asked.append(more))
    item = window.view.list.item(0)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    window.save_to(tmp_path / "a.pdf")
    window.view.plot.getPlotItem().getViewBox().setRange(xRange=(1.0, 20.0), yRange=(5.9, 6.0), padding=0.0)
    window.save_to(tmp_path / "a.pdf")
    assert asked == [
        {"numbers": [1], "limits": None, "log_time": False},
        {"numbers": [1], "limits": ((1.0, 20.0), (5.9, 6.0)), "log_time": False},
    ]


def test_the_results_of_the_ticked_runs_stand_side_by_side_and_are_copied(qtbot: QtBot, window: CompareWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert window.results is not None
    assert window.results.isVisible()
    heads = [window.results.table.horizontalHeaderItem(number) for number in range(4)]
    assert [head.text() if head else "" for head in heads] == [
        "quantity",
        "Br/shell2 + I/shell1, bare",
        "Br/shell2 + I/shell1, shell",
        "unit",
    ]
    (button,) = [each for each in window.results.findChildren(QPushButton) if each.text() == "CSV"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().splitlines()[1].startswith("mixing,")
    item = window.view.list.item(0)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    assert window.results.table.columnCount() == 3
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert not window.results.isVisible()


def test_logarithmic_time_is_saved_as_it_is_shown(
    qtbot: QtBot, window: CompareWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(compare_window, "compare_runs", lambda *_, **more: asked.append(more))
    qtbot.keyClick(window, Qt.Key.Key_L)
    window.save_to(tmp_path / "a.pdf")
    assert asked == [{"numbers": [0, 1], "limits": None, "log_time": True}]
    monkeypatch.undo()
    window.save_to(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes()[:4] == b"%PDF"


def test_a_table_that_is_made_anew_replaces_the_old_one(qtbot: QtBot, window: CompareWindow) -> None:
    qtbot.keyClick(window, Qt.Key.Key_R)
    for _ in range(3):
        window.view.draw()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert window.findChildren(ResultsView) == [window.results]


def test_what_cannot_be_done_is_grey_in_the_menu(qtbot: QtBot, window: CompareWindow) -> None:
    def grey() -> list[str]:
        menu = next(action.menu() for action in window.menuBar().actions() if action.text() == "&Runs")
        menu.aboutToShow.emit()
        found = [action.text() for action in menu.actions() if not action.isEnabled()]
        menu.aboutToHide.emit()
        return found

    assert grey() == ["Remove the chosen run", "Undo", "Redo"]
    window.view.list.setCurrentRow(0)
    assert grey() == ["Undo", "Redo"]
    qtbot.keyClick(window.view.list, Qt.Key.Key_Delete)
    assert grey() == ["Remove the chosen run", "Redo"]
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert grey() == ["Undo"]


def test_an_error_nobody_expected_is_said_and_the_window_stays(
    qtbot: QtBot, window: CompareWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> tuple[ComparedRun, Column]:
        raise RuntimeError(f"nobody expected\n{path.stem}")

    monkeypatch.setattr(compare_window, "read_compared", read)
    window.add_files([tmp_path / "shell.h5"])
    said = "shell.h5: internal error (RuntimeError: nobody expected shell); the log has details"
    qtbot.waitUntil(lambda: window.view.hint.text() == said)
    assert len(window.paths) == 2
