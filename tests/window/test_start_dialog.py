"""The start dialog, by a user's hand; and the first look at real and wrong geometry."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication, QDialogButtonBox
from pytestqt.qtbot import QtBot

from latticewatch.app.run.given import Given
from latticewatch.app.run.images_again import picture_of
from latticewatch.app.start import profiles, recent
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.first_look import FirstLook, first_look
from latticewatch.app.start.profiles import profile_text
from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.widgets.image_view import rings
from latticewatch.widgets.pattern_view import Ticks
from latticewatch.widgets.theme import LIGHT, apply_theme
from tests.record.runs import write_run
from tests.sample_data import sample
from tests.window.synthetic import grid, make_setup


def look_of(name: str) -> FirstLook:
    """A look that went well."""
    two_theta = grid(200)
    flat = np.ones(200, np.float32)
    angles = np.linspace(4.0, 25.0, 40 * 30, dtype=np.float32).reshape(40, 30)
    pattern = Pattern(two_theta, flat, flat)
    picture = picture_of(np.ones((40, 30), np.float32), angles)
    return FirstLook(name, picture, pattern, None, (), make_setup(), "fits")


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Path:
    """A folder of a scan with a geometry, below a folder with a set-up."""
    apply_theme(qapp, LIGHT)
    monkeypatch.setattr(profiles, "profile_folders", lambda: (tmp_path / "own", tmp_path / "site"))
    monkeypatch.setattr(recent, "recent_path", lambda: tmp_path / "recent.json")
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "lab6.poni").write_text("")
    (tmp_path / "experiment.toml").write_text("")
    return tmp_path / "scan"


def test_dropping_a_folder_offers_what_is_there_and_checks_it(qtbot: QtBot, scan: Path) -> None:
    asked: list[tuple[Path, Given]] = []

    def look(folder: Path, given: Given) -> FirstLook:
        asked.append((folder, given))
        return look_of("a.cbf")

    dialog = StartDialog(LIGHT, look)
    qtbot.addWidget(dialog)
    dialog.show()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scan))])
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    dialog.dropEvent(QDropEvent(QPointF(5, 5), copy, data, button, Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(lambda: dialog.verdict.text() == "a.cbf: fits")
    assert asked == [(scan, Given(geometry=scan / "lab6.poni", experiment=scan.parent / "experiment.toml"))]
    watch = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert watch is not None
    qtbot.mouseClick(watch, Qt.MouseButton.LeftButton)
    assert dialog.start is not None
    assert dialog.start.scan == scan
    assert dialog.start.live


def test_a_series_of_images_of_several_in_a_file_is_chosen(qtbot: QtBot, scan: Path) -> None:
    asked: list[str | None] = []

    def look(folder: Path, given: Given) -> FirstLook:
        asked.append(given.dataset)
        others = () if given.dataset else ("/2.1/measurement/eiger (3 images)",)
        return replace(look_of(folder.name), others=others)

    dialog = StartDialog(LIGHT, look)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.take_folder(scan)
    qtbot.waitUntil(lambda: dialog.series.count() == 2)
    assert dialog.series.isVisible()
    dialog.series.setCurrentIndex(1)
    dialog.series.activated.emit(1)
    qtbot.waitUntil(lambda: not dialog.busy())
    assert asked == [None, "/2.1/measurement/eiger"]
    dialog.accept()
    assert dialog.start is not None
    assert dialog.start.given.dataset == "/2.1/measurement/eiger"
    dialog.take_folder(scan.parent / "scan")
    assert dialog.series.currentData() is None


def test_the_first_look_names_the_other_series_of_a_file(tmp_path: Path) -> None:
    case = sample("field/bliss-two-scans")
    given = Given(geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert [each.partition(" (")[2] for each in first_look(case / "sample_0001.h5", given).others] == ["3 images)"]


def test_what_was_chosen_before_is_offered_and_nothing_is_chosen(qtbot: QtBot, scan: Path) -> None:
    recent.remember(scan, Given(geometry=scan / "lab6.poni", experiment=scan.parent / "experiment.toml"))
    recent.remember(scan.parent, Given(geometry=scan / "gone.poni", experiment=scan.parent / "experiment.toml"))
    dialog = StartDialog(LIGHT, lambda folder, _: look_of(folder.name))
    qtbot.addWidget(dialog)
    assert dialog.chosen() is None
    offered = [dialog.folder.itemData(number) for number in range(dialog.folder.count())]
    assert offered == [scan.parent, scan]
    assert dialog.geometry_box.count() == 1
    dialog.folder.setCurrentIndex(1)
    dialog.folder.activated.emit(1)
    qtbot.waitUntil(lambda: dialog.verdict.text() == "scan: fits")
    dialog.accept()
    assert recent.recent()["folder"] == [scan, scan.parent]


def test_a_run_file_that_is_dropped_is_to_be_shown_again(qtbot: QtBot, scan: Path) -> None:
    write_run(scan.parent / "old.h5", 5)
    dialog = StartDialog(LIGHT, lambda folder, _: look_of(folder.name))
    qtbot.addWidget(dialog)
    dialog.take_file(scan.parent / "old.h5")
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert button is not None
    assert (button.text(), button.isEnabled()) == ("&Replay", True)
    dialog.accept()
    assert dialog.start is not None
    assert dialog.start.scan == scan.parent / "old.h5"
    assert dialog.start.transport is not None


def test_only_the_newest_question_is_answered(qtbot: QtBot, scan: Path) -> None:
    gate = threading.Event()

    def look(folder: Path, given: Given) -> FirstLook:
        if given.orientation is None:
            gate.wait(10.0)
            raise UserError("stale")
        return look_of(f"turned {given.orientation}")

    dialog = StartDialog(LIGHT, look)
    qtbot.addWidget(dialog)
    dialog.take_folder(scan)
    dialog.orientation.setCurrentIndex(2)
    dialog.check()
    gate.set()
    qtbot.waitUntil(lambda: dialog.verdict.text() == "turned 2: fits")
    dialog.reject()


def test_what_is_missing_is_said_and_a_new_setup_is_kept(qtbot: QtBot, scan: Path) -> None:
    (scan.parent / "experiment.toml").unlink()
    dialog = StartDialog(LIGHT, lambda _, given: look_of(str(given.experiment)))
    qtbot.addWidget(dialog)
    dialog.take_folder(scan)
    assert dialog.verdict.text() == "still missing: a set-up"
    dialog.phases[0].setCurrentText("CsPbBr3")
    dialog.phases[1].setCurrentText("CsPbI3")
    dialog._new_setup()
    kept = scan.parent / "own" / "CsPbBr3_CsPbI3.toml"
    qtbot.waitUntil(lambda: dialog.verdict.text() == f"{kept}: fits")
    assert profiles.profiles() == [kept]
    dialog.reject()


@pytest.mark.parametrize("phases", [["CeO2"], ["CsPbBr3", "CsPbI3"]])
def test_a_profile_is_an_experiment(phases: list[str]) -> None:
    experiment = parse_experiment(profile_text(phases), "profile")
    assert [component.phase for component in experiment.component] == phases
    # Cells of CIFs are not those of the end members: pure bromide would read -.08.
    assert experiment.composition is None


def test_rings_lie_at_their_angle_in_the_lower_half() -> None:
    y, x = np.mgrid[0:101, 0:101].astype(np.float32)
    angles = np.hypot(x - 50.0, y - 50.0) / 10.0
    overlay = rings(angles, (Ticks("a", np.array([3.0, np.nan]), ("100", "110")),))
    marked = overlay[..., 3] > 0
    assert not marked[:50].any()
    assert np.abs(angles[marked] - 3.0).max() < 0.1
    assert marked[50:].sum() > 60


def test_a_wrong_flip_is_seen_at_the_first_frame(tmp_path: Path) -> None:
    shutil.copy(sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"), tmp_path)
    poni = sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni")
    (tmp_path / "experiment.toml").write_text(profile_text(["CeO2"]), encoding="utf-8")
    right = first_look(tmp_path, Given(geometry=poni, orientation=2))
    assert right.curves is not None
    assert "CeO2 5.41" in right.verdict
    wrong = first_look(tmp_path, Given(geometry=poni))
    assert wrong.curves is None
    assert wrong.verdict.startswith("no lattice parameter: fit refused")
    assert wrong.verdict.endswith("It fits with orientation 2: choose that.")
