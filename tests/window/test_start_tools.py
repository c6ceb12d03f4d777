"""The geometry and the mask are made from the start dialog, and chosen by themselves."""

from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from latticewatch.app.start import profiles, recent
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.first_look import FirstLook
from latticewatch.app.start.judging import NO_FRAME
from latticewatch.app.start.run_place import RunPlace
from latticewatch.app.window.geometry_window import GeometryWindow
from latticewatch.app.window.mask_editor import MaskEditor
from latticewatch.app.window.path_box import path_in
from latticewatch.widgets.theme import LIGHT


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> StartDialog:
    monkeypatch.setattr(profiles, "profile_folders", lambda: (tmp_path / "own", tmp_path / "site"))
    monkeypatch.setattr(recent, "recent_path", lambda: tmp_path / "recent.json")
    shown = StartDialog(LIGHT, lambda *_: FirstLook(NO_FRAME, 0, None, (), RunPlace(tmp_path / "run.h5")))
    qtbot.addWidget(shown)
    shown.show()
    return shown


def press(qtbot: QtBot, dialog: StartDialog, words: str) -> None:
    button = next(each for each in dialog.findChildren(QPushButton) if each.text() == words)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_refined_geometry_is_chosen_in_its_own_orientation(
    qtbot: QtBot, dialog: StartDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[Path | None, int | None]] = []

    def refine(window: GeometryWindow) -> int:
        begun.append((path_in(window.geometry_box), window.orientation.currentData()))
        window.kept.emit(tmp_path / "new.poni")
        window.reject()
        return 0

    monkeypatch.setattr(GeometryWindow, "exec", refine)
    dialog.form.take(dialog.form.geometry_box, tmp_path / "old.poni")
    dialog.form.turn(2)
    press(qtbot, dialog, "&Check …")
    assert begun == [(tmp_path / "old.poni", 2)]
    given = dialog.form.given()
    assert (given.geometry, given.orientation) == (tmp_path / "new.poni", None)
    dialog.reject()


def test_a_mask_that_is_saved_is_chosen(
    qtbot: QtBot, dialog: StartDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(editor: MaskEditor) -> int:
        editor.kept.emit(tmp_path / "mask.edf")
        editor.reject()
        return 0

    monkeypatch.setattr(MaskEditor, "exec", draw)
    dialog.form.more.setChecked(True)
    press(qtbot, dialog, "&Edit …")
    assert dialog.form.given().mask == tmp_path / "mask.edf"
    dialog.reject()
