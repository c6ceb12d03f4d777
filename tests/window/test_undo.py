"""What could hurt has an Undo, by key, and it is said."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from latticewatch.app.window.main_window import MainWindow
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
