"""From a wrong geometry to a right one, by clicks."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from latticewatch.app.run.given import Given
from latticewatch.app.window import geometry_work
from latticewatch.app.window.geometry_window import WELCOME, GeometryWindow
from latticewatch.app.window.geometry_words import Level
from latticewatch.app.window.geometry_work import free_name
from latticewatch.processing.calibration.poni_file import poni_text
from latticewatch.processing.config.accuracy_file import read_accuracy
from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.geometry import read_geometry
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.widgets.theme import LIGHT
from tests.calibration.frames import known, off

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a frame of LaB6, a poni that is 3 mm and 2 % off and one that is right; treat as read-only."""
    folder = tmp_path_factory.mktemp("standard")
    of = known(folder)
    (folder / "lab6.cbf").write_bytes(cbf_bytes(of.frame.counts, "lab6", ()))
    (folder / "wrong.poni").write_text(poni_text(off(of.geometry, 3.0, -3.0, -0.02)))
    return folder


@pytest.fixture
def folder(standard: Path, tmp_path: Path) -> Path:
    """The same, to write into."""
    for path in standard.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[GeometryWindow]:
    shown = GeometryWindow(None, LIGHT)
    qtbot.addWidget(shown)
    shown.show()
    yield shown
    shown.reject()


def drop(window: GeometryWindow, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, button, Qt.KeyboardModifier.NoModifier))


def answered(qtbot: QtBot, window: GeometryWindow) -> str:
    qtbot.waitUntil(lambda: not window.busy(), timeout=PATIENCE_MS)
    return window.verdict.text()


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_from_a_wrong_poni_to_a_right_one(qtbot: QtBot, window: GeometryWindow, folder: Path) -> None:
    kept: list[Path] = []
    window.kept.connect(kept.append)
    assert window.verdict.text() == WELCOME
    assert not window.refine_button.isEnabled()
    drop(window, folder / "lab6.cbf", folder / "wrong.poni")
    assert "whatever the orientation. Refine finds them" in answered(qtbot, window)
    assert window.rings.rowCount() == 0
    assert not window.save_button.isEnabled()
    click(qtbot, window.refine_button)
    assert "Accuracy of a lattice parameter" in answered(qtbot, window)
    assert window.rings.rowCount() >= 5
    click(qtbot, window.undo_button)
    assert "whatever the orientation" in window.verdict.text()
    assert window.rings.rowCount() == 0
    click(qtbot, window.redo_button)
    assert window.rings.rowCount() >= 5
    click(qtbot, window.save_button)
    answered(qtbot, window)
    new = folder / "wrong_refined.poni"
    assert kept == [new]
    assert str(new) in window.foot.text()
    found, truth = read_geometry(new), read_geometry(folder / "right.poni")
    assert found.distance_m == pytest.approx(truth.distance_m, abs=1e-4)
    assert math.dist((found.poni1_m, found.poni2_m), (truth.poni1_m, truth.poni2_m)) < 2e-4
    accuracy = read_accuracy(folder / "wrong_refined.accuracy.toml")
    assert accuracy.holds_for(found.sha256, 3)
    assert accuracy.calibrant == "LaB6"
    report = (folder / "wrong_refined.txt").read_text()
    assert "before:\nthe rings of LaB6 are not where this geometry puts them" in report
    assert f"{accuracy.ppm:.0f} ppm" in report.splitlines()[-1]


def test_a_wrong_flip_is_told_and_taken_with_a_click(qtbot: QtBot, window: GeometryWindow, folder: Path) -> None:
    right = read_geometry(folder / "right.poni")
    flipped = replace(right, orientation=2)
    (folder / "flipped.poni").write_text(poni_text(flipped))
    drop(window, folder / "lab6.cbf", folder / "flipped.poni")
    assert "in orientation 3 (as read), not in 2 (up-down)" in answered(qtbot, window)
    click(qtbot, window.use_better)
    assert answered(qtbot, window).endswith("Å at 6 Å).")
    assert window.orientation.currentData() == 3
    assert LIGHT.states[Level.GOOD][0] in window.verdict.styleSheet()
    # Another geometry says itself how the image lies: what was chosen for the one before is not said of it.
    (folder / "another.poni").write_text(poni_text(flipped))
    drop(window, folder / "another.poni")
    assert "in orientation 3 (as read), not in 2 (up-down)" in answered(qtbot, window)
    assert window.orientation.currentData() is None


def test_what_is_not_ticked_is_not_refined(qtbot: QtBot, window: GeometryWindow, folder: Path) -> None:
    drop(window, folder / "lab6.cbf", folder / "right.poni")
    answered(qtbot, window)
    for box in window.free.values():
        box.setChecked(False)
    click(qtbot, window.refine_button)
    assert "nothing is free" in answered(qtbot, window)
    assert window.rings.rowCount() >= 5
    window.free["centre"].setChecked(True)
    click(qtbot, window.refine_button)
    answered(qtbot, window)
    now = {window.numbers.item(row, 0).text(): window.numbers.item(row, 2).text() for row in range(6)}
    assert now["distance / mm"] == "230.0000"
    assert "±" in now["beam centre, row / pixels"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("frame.cbf", b"nothing", "unreadable"),
        ("wrong.poni", b"Distance: 200\n", "pixel size is missing"),
        ("bad.cif", b"data_x\n", "no cell"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_can_be_done_with_it(
    qtbot: QtBot, window: GeometryWindow, folder: Path, name: str, content: bytes, words: str
) -> None:
    (folder / name).write_bytes(content)
    drop(window, folder / "lab6.cbf", folder / "wrong.poni", folder / name)
    assert words in answered(qtbot, window)
    assert not window.refine_button.isEnabled()
    assert not window.save_button.isEnabled()


def test_a_geometry_that_is_gone_is_said_without_options(qtbot: QtBot, window: GeometryWindow, folder: Path) -> None:
    drop(window, folder / "lab6.cbf", folder / "wrong.poni")
    answered(qtbot, window)
    (folder / "wrong.poni").unlink()
    drop(window, folder / "lab6.cbf", folder / "wrong.poni")
    said = answered(qtbot, window)
    assert "No such file" in said
    assert "--" not in said


def test_noise_is_refused_and_the_geometry_stays(qtbot: QtBot, window: GeometryWindow, folder: Path) -> None:
    of = known(folder)
    noise = np.random.default_rng(0).poisson(20.0, of.frame.shape).astype(np.int32)
    (folder / "noise.cbf").write_bytes(cbf_bytes(noise, "noise", ()))
    drop(window, folder / "noise.cbf", folder / "right.poni")
    assert "check the standard" in answered(qtbot, window)
    click(qtbot, window.refine_button)
    assert "no rings of LaB6 are found" in answered(qtbot, window)
    assert not window.save_button.isEnabled()


def test_closing_while_it_refines_leaves_no_thread(qtbot: QtBot, window: GeometryWindow, folder: Path) -> None:
    drop(window, folder / "lab6.cbf", folder / "wrong.poni")
    answered(qtbot, window)
    click(qtbot, window.refine_button)
    window.reject()
    assert not window.isVisible()


def test_nothing_is_written_over(folder: Path) -> None:
    assert free_name(folder / "wrong.poni").name == "wrong_refined.poni"
    (folder / "wrong_refined.txt").touch()
    assert free_name(folder / "wrong.poni").name == "wrong_refined_2.poni"
    assert free_name(folder / "wrong_refined.poni").name == "wrong_refined_2.poni"


def test_a_place_that_cannot_be_written_is_said(
    qtbot: QtBot, window: GeometryWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(window, folder / "lab6.cbf", folder / "right.poni")
    answered(qtbot, window)
    click(qtbot, window.refine_button)
    answered(qtbot, window)

    def refuse(path: Path, content: bytes) -> None:
        raise UserError(f"{path}: cannot be written (read-only); choose another file")

    monkeypatch.setattr(geometry_work, "write_whole", refuse)
    click(qtbot, window.save_button)
    answered(qtbot, window)
    assert "not saved" in window.foot.text()
    assert not (folder / "right_refined.poni").exists()


def test_it_begins_with_what_it_is_given(qtbot: QtBot, folder: Path) -> None:
    given = Given(geometry=folder / "right.poni", orientation=3)
    shown = GeometryWindow(None, LIGHT, given, folder / "lab6.cbf")
    qtbot.addWidget(shown)
    assert "rings measured" in answered(qtbot, shown)
    shown.reject()
