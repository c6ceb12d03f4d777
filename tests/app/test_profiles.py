"""Set-ups that are made in the start window: each is an experiment, none overwrites another."""

from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.start import profiles
from latticewatch.app.start.profiles import Choice, name_of, profile_text, saved_profile
from latticewatch.app.start.setup_editor import PHASE, ROLE, START, SetupEditor
from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.crystal.phase import shipped_phases
from latticewatch.processing.errors import UserError
from tests.sample_data import sample


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(profiles, "profile_folders", lambda: (tmp_path / "own", tmp_path / "site"))
    return tmp_path / "own"


@pytest.mark.parametrize(
    ("choices", "scale"),
    [
        ([Choice("CeO2", "CeO2")], None),
        ([Choice("CsPbBr3", "Br"), Choice("CsPbI3", "I")], None),
        ([Choice("CsPbBr3", "Br", start_A=5.842), Choice("CsPbI3", "I", start_A=6.205)], (5.842, 6.205)),
        ([Choice("CsPbBr3", "Br", start_A=5.842), Choice("CsPbI3", "I")], None),
        ([Choice("CsPbBr3", "Br", start_A=5.842), Choice(Path("/cifs/salt.cif"), "salt", is_spectator=True)], None),
    ],
)
def test_a_profile_is_an_experiment(choices: list[Choice], scale: tuple[float, float] | None) -> None:
    """No composition between the cells of CIFs: pure bromide would read -.08 on it."""
    experiment = parse_experiment(profile_text(choices), "profile")
    assert [component.name for component in experiment.component] == [choice.name for choice in choices]
    assert [component.role == "spectator" for component in experiment.component] == [
        choice.is_spectator for choice in choices
    ]
    found = experiment.composition
    assert (None if found is None else (found.first_A, found.second_A)) == scale


def test_a_profile_that_was_edited_is_never_overwritten(own: Path) -> None:
    first = saved_profile([Choice("CeO2", "CeO2")])
    assert saved_profile([Choice("CeO2", "CeO2")]) == first
    first.write_text("# mine\n" + first.read_text())
    second = saved_profile([Choice("CeO2", "CeO2")])
    assert (first.name, second.name) == ("CeO2.toml", "CeO2_2.toml")
    assert first.read_text().startswith("# mine")
    assert sorted(path.name for path in own.iterdir()) == ["CeO2.toml", "CeO2_2.toml"]


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ([Choice(Path("/nowhere/a.cif"), "a")], "a.cif"),
        ([Choice("CeO2", "a"), Choice("CeO2", "a")], "two components"),
        ([Choice("CeO2", "a b")], "letters, digits"),
        ([Choice("CeO2", "a", is_spectator=True)], "spectator"),
    ],
)
def test_what_is_no_set_up_is_refused_and_not_kept(own: Path, choices: list[Choice], why: str) -> None:
    with pytest.raises(UserError, match=why):
        saved_profile(choices)
    assert not own.exists()


def test_the_name_of_a_file_becomes_one_of_a_column() -> None:
    assert name_of(Path("/cifs/γ-CsPbI3 (cubic).cif")) == "CsPbI3_cubic"
    assert name_of(Path("/cifs/β.cif")) == "phase"
    assert name_of("CsPbBr3") == "CsPbBr3"


def cell(editor: SetupEditor, row: int, column: int) -> QWidget:
    widget = editor.table.cellWidget(row, column)
    assert widget is not None
    return widget


def pressed(qtbot: QtBot, editor: SetupEditor, text: str) -> None:
    (button,) = [each for each in editor.findChildren(QPushButton) if each.text() == text]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_components_are_added_chosen_and_removed_by_clicks(qtbot: QtBot, own: Path) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    editor = SetupEditor(parent)
    editor.show()
    pressed(qtbot, editor, "&Add a phase")
    pressed(qtbot, editor, "&Add a phase")
    pressed(qtbot, editor, "&Remove")
    for row, (phase, start) in enumerate((("CsPbBr3", 5.842), ("CsPbI3", 6.205))):
        box, spin = cell(editor, row, PHASE), cell(editor, row, START)
        assert isinstance(box, QComboBox)
        assert isinstance(spin, QDoubleSpinBox)
        box.setCurrentText(phase)
        spin.setValue(start)
    editor.title.setText("a night")
    save = editor.buttons.buttons()[0]
    qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    assert editor.path == own / "CsPbBr3_CsPbI3.toml"
    experiment = parse_experiment(editor.path.read_text(), "kept")
    assert experiment.experiment.title == "a night"
    assert experiment.composition is not None


def test_a_cif_that_is_dropped_is_a_component_and_what_is_wrong_is_said(qtbot: QtBot, own: Path) -> None:
    cif = sample("structures")
    parent = QWidget()
    qtbot.addWidget(parent)
    editor = SetupEditor(parent)
    pressed(qtbot, editor, "&Remove")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(cif))])
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    editor.dropEvent(QDropEvent(QPointF(5, 5), copy, data, button, Qt.KeyboardModifier.NoModifier))
    dropped = [choice.source for choice in editor.choices()]
    assert dropped == sorted(cif.glob("*.cif"))
    role = cell(editor, 0, ROLE)
    assert isinstance(role, QComboBox)
    while editor.table.rowCount():
        editor.remove()
    editor.accept()
    assert editor.path is None
    assert "at least one phase" in editor.said.text()
    editor.add(shipped_phases()[0])
    editor.add(shipped_phases()[0])
    editor.accept()
    assert editor.path is None
    assert "two components are called" in editor.said.text()
    assert "--" not in editor.said.text()
