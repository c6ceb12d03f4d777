"""What the user prefers is asked for in a dialog, kept, and holds in the window at once and in those to come."""

import os
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QApplication, QDialogButtonBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.start.run_place import run_folder
from latticewatch.app.window import application
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.preferences import (
    Preferences,
    Preferred,
    command_of,
    preferences_path,
    read_preferences,
)
from latticewatch.app.window.preferences_dialog import PreferencesDialog
from latticewatch.processing.errors import UserError
from latticewatch.widgets.theme import DARK, applied_theme
from tests.window.windows import shown_window

ALL = Preferences(
    dark=True,
    size=1.5,
    angles="Q",
    clock=True,
    runs=Path("/runs"),
    sound=False,
    repeat=False,
    notice=False,
    command=("mail", "-s", "two words"),
)


def test_what_is_preferred_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "own" / "preferences.json"
    assert Preferred(path).now == Preferences()
    Preferred(path).take(ALL)
    assert Preferred(path).now == ALL
    Preferred(path).change(angles="d")
    assert read_preferences(path).angles == "d"
    assert read_preferences(path).command == ALL.command


@pytest.mark.parametrize(
    "nonsense",
    [
        "[]",
        "{",
        '{"sound": "no", "more": 1}',
        '{"angles": "furlong", "runs": "relative", "dark": 1, "command": "rm -r"}',
        '{"size": 40, "clock": 0}',
        '{"size": [], "angles": [], "runs": {}, "command": [1]}',
        '{"runs": "/a\\u0000b", "command": ["a\\u0000b"]}',
    ],
)
def test_nonsense_turns_no_alarm_off(tmp_path: Path, nonsense: str) -> None:
    path = tmp_path / "preferences.json"
    path.write_text(nonsense)
    assert read_preferences(path) == Preferences()


def test_a_window_that_is_given_none_keeps_none(tmp_path: Path) -> None:
    Preferred().change(sound=False)
    assert not preferences_path().exists()


@pytest.mark.parametrize(("text", "said"), [("sh 'open", "close the quotation"), ("no-such-program -x", "no program")])
def test_a_command_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        command_of(text)


def test_the_dialog_shows_what_holds_and_says_what_cannot_be(qtbot: QtBot, tmp_path: Path) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    before = Preferences(size=1.25, angles="d", runs=tmp_path, command=("sh", "-c", "exit 0"), repeat=False)
    tried: list[Preferences] = []
    dialog = PreferencesDialog(parent, before, tried.append)
    dialog.show()
    assert dialog.preferences() == before
    (button,) = [each for each in dialog.findChildren(QPushButton) if each.text() == "&Try it"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert tried == [before]
    for box, text, words in ((dialog.command, "no-such-program", "no program"), (dialog.runs, "runs", "no whole path")):
        kept = box.text()
        box.setText(text)
        dialog.accept()
        assert words in dialog.said.text()
        assert dialog.isVisible()
        box.setText(kept)
    dialog.command.clear()
    dialog.dark.setChecked(True)
    qtbot.mouseClick(dialog.findChild(QDialogButtonBox).buttons()[0], Qt.MouseButton.LeftButton)
    assert dialog.chosen == Preferences(dark=True, size=1.25, angles="d", runs=tmp_path, repeat=False)


def asked(window: MainWindow, qtbot: QtBot, values: dict[str, object]) -> None:
    """The dialog is opened by its key, filled and accepted."""

    def fill() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, PreferencesDialog)
        for name, value in values.items():
            box = getattr(dialog, name)
            (box.setCurrentText if isinstance(value, str) else box.setChecked)(value)
        dialog.accept()

    QTimer.singleShot(0, fill)
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)


def test_preferences_hold_at_once_and_in_the_next_window(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    window = shown_window(qtbot, preferred=Preferred(path))
    asked(window, qtbot, {"dark": True, "angles": "Q", "clock": True, "sound": False})
    page = window.page
    assert page is not None
    assert applied_theme() is DARK
    assert page.pattern.angles.labelText == "Q / Å⁻¹"
    assert page.clock
    assert not window.alarms.gives("sound")
    anew = shown_window(qtbot, preferred=Preferred(path))
    assert anew.page is not None
    assert anew.page.pattern.angles.labelText == "Q / Å⁻¹"
    assert anew.page.clock
    assert read_preferences(path) == Preferences(dark=True, angles="Q", clock=True, sound=False)


def test_the_theme_by_its_key_is_kept_too(qtbot: QtBot, tmp_path: Path) -> None:
    window = shown_window(qtbot, preferred=Preferred(tmp_path / "preferences.json"))
    window.toggle_dark()
    assert read_preferences(tmp_path / "preferences.json").dark


def test_runs_are_recorded_in_the_folder_that_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    scan, runs = tmp_path / "data" / "br_i", tmp_path / "runs"
    scan.mkdir(parents=True)
    assert run_folder(scan) == scan.parent
    Preferred(preferences_path()).change(runs=runs)
    assert run_folder(scan) == scan.parent  # it is not there
    runs.mkdir()
    assert run_folder(scan) == runs
    if os.geteuid():
        runs.chmod(0o500)
        assert run_folder(scan) == scan.parent


@pytest.mark.parametrize(("platform", "factor"), [("xcb", "1.5"), ("offscreen", None)])
def test_the_size_holds_from_the_next_start_on(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, factor: str | None
) -> None:
    """Qt looks at it once, when the first window is made; pictures that nobody sees stay as they are."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("QT_SCALE_FACTOR", "")  # so that it is as before after this test
    monkeypatch.delenv("QT_SCALE_FACTOR")
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    Preferred(preferences_path()).change(size=1.5)
    assert application._application.__wrapped__() is qapp
    assert os.environ.get("QT_SCALE_FACTOR") == factor
