"""What could hurt has an Undo, by key, and it is said."""

import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.results import Results
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.series import Series
from tests.window.synthetic import make_series, make_setup
from tests.window.windows import shown_window

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
Kept = list[tuple[float, str, str]]


def marked_window(qtbot: QtBot, kept: Kept) -> MainWindow:
    """A window with two marks and its list of marks open."""
    window = shown_window(qtbot, add_note=lambda *note: kept.append(note))
    window.marks.add(60.0, "flow stopped")
    window.marks.add(20.0, "injected")
    qtbot.keyClick(window, Qt.Key.Key_K)
    return window


def texts(window: MainWindow) -> list[str]:
    """The marks that stand."""
    return [mark.text for mark in window.marks.marks]


def test_a_deleted_mark_comes_back_and_the_run_file_knows_both(qtbot: QtBot) -> None:
    kept: Kept = []
    window = marked_window(qtbot, kept)
    window.docks.marks.setCurrentCell(1, 1)
    qtbot.keyClick(window.docks.marks, Qt.Key.Key_Delete)
    assert texts(window) == ["injected"]
    assert kept[-1] == (60.0, "flow stopped", "removed")
    assert window.status.text("place").startswith("deleting mark “flow stopped” at 60 s: done")
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert texts(window) == ["injected", "flow stopped"]
    assert kept[-1] == (60.0, "flow stopped", "mark")
    assert window.status.text("place").startswith("undone: deleting mark")
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL | SHIFT)
    assert texts(window) == ["injected"]


def test_a_mark_is_given_another_text_in_the_list(qtbot: QtBot) -> None:
    kept: Kept = []
    window = marked_window(qtbot, kept)
    view = window.docks.marks
    view.setCurrentCell(0, 1)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    editor = view.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    qtbot.keyClicks(editor, "injected slowly")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: texts(window) == ["injected slowly", "flow stopped"])
    assert kept[-2:] == [(20.0, "injected", "removed"), (20.0, "injected slowly", "mark")]
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert texts(window) == ["injected", "flow stopped"]
    assert view.item(0, 1).text() == "injected"


def test_choosing_a_mark_shows_its_frame(qtbot: QtBot) -> None:
    window = marked_window(qtbot, [])
    window.docks.marks.setCurrentCell(1, 1)
    assert window.page is not None
    assert window.page.chosen == 24


def test_unpinned_patterns_come_back(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    assert window.page is not None
    for number in (3, 9):
        window.page.choose(number)
        qtbot.keyClick(window, Qt.Key.Key_P)
    pinned = [name for name, _ in window.page.pattern.pins()]
    qtbot.keyClick(window, Qt.Key.Key_P, SHIFT)
    assert [name for name, _ in window.page.pattern.pins()] == []
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert [name for name, _ in window.page.pattern.pins()] == pinned
    assert len(pinned) == 2


def test_the_beginning_is_pinned_also_where_the_frames_have_no_time(qtbot: QtBot) -> None:
    made, refinement = make_series(80, bins=600)
    series = Series(made.two_theta, ("Br", "I"))
    for row in made.snapshot().rows():
        verdict = replace(row.verdict, mixing_s=math.nan)
        series.append(replace(row, time_s=math.nan, verdict=verdict))
    window = MainWindow("test")
    qtbot.addWidget(window)
    window.show_run(ShownRun(make_setup(), series, refinement, Path("run.h5")))
    window.lay_out_unseen()
    window.catch_up()
    assert window.page is not None
    window.page.pin_beginning()
    # On the axis a frame follows the one before by the period of the set-up, 2.5 s.
    assert [name for name, _ in window.page.pattern.pins()] == ["frame 0", "frame 24"]


def test_with_nothing_to_undo_that_is_said(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)
    assert window.status.text("place") == "nothing to undo"


def test_the_other_theme_keeps_pins_and_choices(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    assert window.page is not None
    qtbot.keyClick(window, Qt.Key.Key_P)
    qtbot.keyClick(window, Qt.Key.Key_W)
    qtbot.keyClick(window, Qt.Key.Key_U)
    before = window.page
    window.toggle_dark()
    assert window.page is not before
    assert [name for name, _ in window.page.pattern.pins()] == [name for name, _ in before.pattern.pins()] != []
    assert window.page.map.bar.range.currentIndex() == 1
    assert window.page.pattern.angles.labelText == "Q / Å⁻¹"


def test_the_other_theme_keeps_what_is_zoomed_to(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    before = window.page
    assert before is not None
    qtbot.keyClick(window, Qt.Key.Key_X)
    before.map.plot.getPlotItem().getViewBox().setRange(xRange=(14.6, 15.2), yRange=(50.0, 90.0), padding=0.0)
    before.map.sheet.moved_by_hand.emit()
    before.trace.plot.setYRange(5.9, 5.95, padding=0.0)
    before.pattern.plot.setXRange(10.0, 12.0, padding=0.0)
    window.toggle_dark()
    page = window.page
    assert page is not None
    assert page is not before
    assert not page.follows
    assert page.map.sheet.down
    assert page.map.sheet.times() == pytest.approx((50.0, 90.0))
    assert page.map.sheet.angles() == pytest.approx((14.6, 15.2))
    across, up = page.trace.plot.getPlotItem().getViewBox().viewRange()
    assert across == pytest.approx([50.0, 90.0])
    assert up == pytest.approx([5.9, 5.95])
    assert page.pattern.plot.getPlotItem().getViewBox().viewRange()[0] == pytest.approx([10.0, 12.0])


def test_the_other_theme_keeps_how_the_views_are_drawn(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    before = window.page
    assert before is not None
    before.choose(12)
    for key in (Qt.Key.Key_P, Qt.Key.Key_E, Qt.Key.Key_Y, Qt.Key.Key_R):
        qtbot.keyClick(window, key)
    before.map.bar.low.setText("")
    qtbot.keyClicks(before.map.bar.low, "7")
    window.toggle_dark()
    page = window.page
    assert page is not None
    assert page is not before
    assert page.follows
    assert not page.map.with_lines
    assert not page.map.sheet.down
    assert page.pattern.logarithmic
    assert page.strip.isVisible()
    assert page.map._frames == (12, 12)
    assert (page.map.bar.low.given, page.map.bar.high.given) == (7.0, None)
    assert page.map.bar.low.font().bold()


def test_the_other_theme_works_no_results_out_in_the_windows_thread(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = shown_window(qtbot)
    qtbot.keyClick(window, Qt.Key.Key_V)
    window.end_run(1.7e9)
    for _ in range(2):
        window.catch_up()
    worked: list[str] = []
    monkeypatch.setattr(Results, "_work", lambda *_: worked.append(threading.current_thread().name))
    window.toggle_dark()
    assert worked == []
    assert window.page is not None
    assert window.page.results.summary is not None
