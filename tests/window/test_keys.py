"""Views by their keys: wall, themes, marks, lists, map modes and pins."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from latticewatch.processing.sources.pacing import Transport
from latticewatch.widgets.key_list import KeyList
from tests.window.windows import shown_window


def test_wall_leaves_banner_and_trace(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert page.trace.isVisible()
    assert not [view for view in (page.map, page.pattern, window.status) if view.isVisible()]
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert page.map.isVisible()
    assert page.pattern.isVisible()
    assert window.status.isVisible()


def test_the_other_theme_keeps_the_run_and_the_chosen_frame(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    assert window.page is not None
    window.page.choose(20)
    before = window.banner.words()
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert window.page.history.count == 80
    assert window.page.chosen == 20
    assert window.banner.words() == before
    qtbot.waitUntil(lambda: window.palette().window().color().lightness() < 60)
    window.toggle_dark()  # not by key: the offscreen platform deactivates a window whose child is deleted
    qtbot.waitUntil(lambda: window.palette().window().color().lightness() > 200)


def test_a_mark_is_recorded_with_its_time_and_note(qtbot: QtBot) -> None:
    kept: list[tuple[float, str, str]] = []
    window = shown_window(qtbot, add_note=lambda *note: kept.append(note))
    assert window.page is not None
    window.page.choose(12)
    qtbot.keyClick(window, Qt.Key.Key_M)
    qtbot.keyClicks(window.note.text, "second injection")
    qtbot.keyClick(window.note.text, Qt.Key.Key_Return)
    assert kept == [(30.0, "second injection", "mark")]
    assert not window.note.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_M)
    qtbot.keyClicks(window.note.text, "dropped")
    qtbot.keyClick(window.note.text, Qt.Key.Key_Escape)
    assert len(kept) == 1
    assert not window.note.isVisible()


def test_the_frames_list_shows_gaps_with_reasons_and_chooses(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    assert window.page is not None
    qtbot.keyClick(window, Qt.Key.Key_G)
    table, model = window.docks.frames.table, window.docks.frames.model
    assert model.rowCount() == 80
    window.docks.frames.gaps_only.setChecked(True)
    reasons = [model.index(line, 3).data() for line in range(model.rowCount())]
    assert reasons == ["no beam", "fit refused: χ² 31"]
    spot = table.visualRect(model.index(1, 3)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert window.page.chosen == 50


def test_every_key_is_listed_once(qtbot: QtBot) -> None:
    window = shown_window(qtbot, transport=Transport())
    keys = [key.toString() for action in window.actions() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))
    qtbot.keyClick(window, Qt.Key.Key_F1)
    listed = [child for child in window.findChildren(KeyList) if child.isVisible()]
    assert len(listed) == 1
    texts = {label.text() for label in listed[0].findChildren(QLabel)}
    assert {action.text() for action in window.actions() if action.shortcuts()} <= texts
    assert {"Frame", "View", "Run", "Alarms", "Help"} <= texts
    listed[0].close()


def test_map_modes_units_and_pins_by_key(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    seen = set()
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_D)
        page.map.paint_now()
        seen.add(page.map.bar.mode.currentText())
    assert len(seen) == 3
    qtbot.keyClick(window, Qt.Key.Key_U)
    assert page.pattern.angles.labelText == "Q / Å⁻¹"
    qtbot.keyClick(window, Qt.Key.Key_P)
    assert [name for name, _ in page.pattern.pins()] == ["3:08 min after mixing"]
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    assert [name for name, _ in page.pattern.pins()] == []


def test_menus_show_what_is_on_and_what_can_be_done(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    bar = window.menuBar()
    assert bar is not None
    menus = {action.text().replace("&", ""): action.menu() for action in bar.actions()}
    assert list(menus) == ["Frame", "View", "Run", "Alarms", "Help"]

    def states(menu: str) -> dict[str, tuple[bool, bool]]:
        """(checked, enabled) of each action when this menu opens."""
        shown = menus[menu]
        assert shown is not None
        shown.aboutToShow.emit()
        found = {each.text(): (each.isChecked(), each.isEnabled()) for each in shown.actions() if each.text()}
        shown.aboutToHide.emit()
        return found

    assert states("View")["Map: whole pattern"] == (False, True)
    assert states("View")["Strip: next value"] == (False, False)
    assert states("Run")["Undo"] == (False, False)
    qtbot.keyClick(window, Qt.Key.Key_W)
    qtbot.keyClick(window, Qt.Key.Key_R)
    window.marks.add(30.0, "flow stopped")
    assert states("View")["Map: whole pattern"] == (True, True)
    assert states("View")["Strip: next value"] == (False, True)
    assert states("Run")["Undo"] == (False, True)
    assert states("Alarms")["Sound"] == (True, True)
    view = menus["View"]
    assert view is not None
    assert sum(each.isSeparator() for each in view.actions()) == 6
