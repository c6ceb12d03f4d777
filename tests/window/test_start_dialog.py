"""The start dialog, by a user's hand."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QPushButton
from pytestqt.qtbot import QtBot

from latticewatch.app.run.given import Given
from latticewatch.app.run.images_again import picture_of
from latticewatch.app.run.request import Request
from latticewatch.app.start import dialog as dialog_module
from latticewatch.app.start import profiles, recent
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.first_look import FirstLook, Seen
from latticewatch.app.start.judging import NO_FRAME, Judgement, Level
from latticewatch.app.start.run_place import EarlierRun, RunPlace
from latticewatch.app.start.setup_editor import SetupEditor
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.record.run_file.header import Decision
from latticewatch.widgets.image_view import rings
from latticewatch.widgets.pattern_view import Ticks
from latticewatch.widgets.theme import LIGHT, apply_theme
from tests.record.runs import write_run
from tests.window.synthetic import grid, make_setup

GOOD = Judgement(Level.GOOD, "Fits.")
Look = Callable[[Path, Given, threading.Event], FirstLook]


def seen_of(name: str) -> Seen:
    """A frame that was looked at."""
    flat = np.ones(200, np.float32)
    angles = np.linspace(4.0, 25.0, 40 * 30, dtype=np.float32).reshape(40, 30)
    picture = picture_of(np.ones((40, 30), np.float32), angles)
    return Seen(name, picture, Pattern(grid(200), flat, flat), None, (), make_setup())


def look_of(name: str, judgement: Judgement = GOOD, new: str = "/runs/scan.h5") -> FirstLook:
    """A look at the only frame of a scan."""
    used = (Decision("geometry", "/scan/lab6.poni", "chosen"),)
    return FirstLook(judgement, 1, seen_of(name), used, RunPlace(Path(new)))


def opened(qtbot: QtBot, look: Look) -> StartDialog:
    dialog = StartDialog(LIGHT, look)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def said(dialog: StartDialog) -> str:
    return dialog.verdict.text()


def ok(dialog: StartDialog) -> QPushButton:
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    assert button is not None
    return button


def looked(qtbot: QtBot, dialog: StartDialog, words: str) -> None:
    """Wait until this is said."""
    qtbot.waitUntil(lambda: words in said(dialog), timeout=10_000)


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

    def look(folder: Path, given: Given, stop: threading.Event) -> FirstLook:
        del stop
        asked.append((folder, given))
        return look_of("a.cbf")

    dialog = opened(qtbot, look)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(scan))])
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    dialog.dropEvent(QDropEvent(QPointF(5, 5), copy, data, button, Qt.KeyboardModifier.NoModifier))
    looked(qtbot, dialog, "a.cbf of 1 frame. Fits.")
    assert asked == [(scan, Given(geometry=scan / "lab6.poni", experiment=scan.parent / "experiment.toml"))]
    assert dialog.used.toPlainText() == "geometry: /scan/lab6.poni (chosen)"
    qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)
    assert dialog.start is not None
    assert (dialog.start.scan, dialog.start.live) == (scan, True)
    assert (dialog.start.out, dialog.start.resume) == (Path("/runs/scan.h5"), False)


def test_an_empty_folder_can_be_watched(qtbot: QtBot, scan: Path) -> None:
    """The first frame comes when the shutter opens; the window waits for it."""
    empty = FirstLook(NO_FRAME, 0, None, (), RunPlace(Path("/runs/scan.h5")))
    dialog = opened(qtbot, lambda *_: empty)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "No frame is there yet")
    qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)
    assert dialog.start is not None


def test_new_frames_are_looked_at_until_one_is_judged_well(
    qtbot: QtBot, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialog_module, "GLANCE_MS", 20)
    there = [0]
    looks: list[int] = []
    glances: list[int] = []

    def glance(*_: object) -> tuple[int, str]:
        glances.append(there[0])
        return glances[-1], f"{glances[-1]}.cbf"

    monkeypatch.setattr(dialog_module, "glance", glance)

    def look(*_: object) -> FirstLook:
        frames = there[0]
        looks.append(frames)
        judgement = GOOD if frames > 2 else Judgement(Level.UNKNOWN, "Cannot be judged from this frame.")
        return replace(look_of(f"{frames}.cbf", judgement), frames=frames, newest=f"{frames}.cbf")

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Cannot be judged")
    glanced = len(glances)
    qtbot.waitUntil(lambda: len(glances) > glanced + 2)
    assert looks == [0], "what was looked at is not looked at once more"
    for number in (1, 2, 3):
        there[0] = number
        qtbot.waitUntil(lambda number=number: number in looks)
    looked(qtbot, dialog, "3.cbf of 3 frames. Fits.")
    before = len(looks)
    there[0] = 4
    looked(qtbot, dialog, "3.cbf of 4 frames. Fits.")
    assert len(looks) == before, "what is judged well is not looked at again"
    dialog.reject()


def test_nothing_of_another_folder_stays(qtbot: QtBot, scan: Path) -> None:
    other = scan.parent.parent / "elsewhere" / "bare"
    other.mkdir(parents=True)
    asked: list[Given] = []

    def look(folder: Path, given: Given, stop: threading.Event) -> FirstLook:
        del folder, stop
        asked.append(given)
        return look_of("a.cbf")

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    dialog.form.orientation.setCurrentIndex(2)
    dialog.form.orientation.activated.emit(2)
    qtbot.waitUntil(lambda: bool(asked) and asked[-1].orientation == 2)
    looked(qtbot, dialog, "Fits.")
    dialog.take_folder(other)
    looked(qtbot, dialog, "Still missing: a .poni file, a set-up.")
    assert dialog.image._counts.image is None
    assert dialog._pattern is None
    assert dialog.used.toPlainText() == ""
    assert dialog.run_box.count() == 0
    assert dialog.form.orientation.currentData() is None
    assert not ok(dialog).isEnabled()
    dialog.reject()


def test_a_geometry_that_was_chosen_before_the_folder_stays(qtbot: QtBot, scan: Path, tmp_path: Path) -> None:
    calibration = tmp_path / "beamtime.poni"
    calibration.touch()
    dialog = opened(qtbot, lambda *_: look_of("a.cbf"))
    dialog.take_file(calibration)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    chosen = dialog.chosen()
    assert chosen is not None
    assert chosen[1].geometry == calibration
    dialog.reject()


def test_of_several_geometries_none_is_chosen(qtbot: QtBot, scan: Path) -> None:
    (scan / "other.poni").touch()
    dialog = opened(qtbot, lambda *_: look_of("a.cbf"))
    dialog.take_folder(scan)
    qtbot.waitUntil(lambda: not dialog.busy())
    chosen = dialog.chosen()
    assert chosen is not None
    assert chosen[1].geometry is None
    assert dialog.form.geometry_box.count() == 2
    dialog.reject()


def test_the_better_orientation_is_one_click_away(qtbot: QtBot, scan: Path) -> None:
    def look(folder: Path, given: Given, stop: threading.Event) -> FirstLook:
        del folder, stop
        right = given.orientation == 3
        return look_of("a.cbf", GOOD if right else Judgement(Level.WRONG, "Orientation 4 is not the best.", 3))

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "not the best")
    assert dialog.use_better.isVisible()
    qtbot.mouseClick(dialog.use_better, Qt.MouseButton.LeftButton)
    looked(qtbot, dialog, "Fits.")
    assert dialog.form.orientation.currentData() == 3
    assert not dialog.use_better.isVisible()
    dialog.reject()


def test_the_earlier_run_of_the_folder_is_offered_and_one_that_cannot_be_continued_is_said(
    qtbot: QtBot, scan: Path
) -> None:
    earlier = EarlierRun(Path("/runs/scan.h5"), 120, time.mktime((2020, 11, 28, 3, 12, 0, 0, 0, -1)))
    place = RunPlace(Path("/runs/scan_2.h5"), earlier)
    dialog = opened(qtbot, lambda *_: replace(look_of("a.cbf"), place=place))
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    texts = [dialog.run_box.itemText(number) for number in range(dialog.run_box.count())]
    assert texts == ["continue scan.h5 (120 frames, until 28 Nov 03:12)", "new: /runs/scan_2.h5"]
    today = time.time()
    place = RunPlace(Path("/runs/scan_2.h5"), replace(earlier, ended_s=today))
    dialog.check()
    until = time.strftime("%H:%M", time.localtime(today))
    qtbot.waitUntil(lambda: dialog.run_box.itemText(0) == f"continue scan.h5 (120 frames, until {until})")
    place = RunPlace(Path("/runs/scan_2.h5"), replace(earlier, ended_s=math.nan))
    dialog.check()
    qtbot.waitUntil(lambda: dialog.run_box.itemText(0) == "continue scan.h5 (120 frames)")
    place = RunPlace(Path("/runs/scan_2.h5"), replace(earlier, why_not="it was made with another geometry or set-up"))
    dialog.check()
    looked(qtbot, dialog, "Fits.")
    qtbot.waitUntil(lambda: dialog.run_box.count() == 1)
    assert dialog.run_box.currentText() == "new: /runs/scan_2.h5"
    assert "scan.h5 is there and cannot be continued: it was made with another geometry" in dialog.run_box.toolTip()
    place = RunPlace(Path("/runs/scan_2.h5"), earlier)
    dialog.check()
    qtbot.waitUntil(lambda: dialog.run_box.count() == 2 and ok(dialog).isEnabled())
    dialog.accept()
    assert dialog.start is not None
    assert (dialog.start.out, dialog.start.resume) == (Path("/runs/scan.h5"), True)


def test_a_run_file_that_was_chosen_stays_while_frames_come(qtbot: QtBot, scan: Path, tmp_path: Path) -> None:
    dialog = opened(qtbot, lambda *_: look_of("a.cbf"))
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    dialog.run_box.take(tmp_path / "mine.h5")
    dialog.check(quietly=True)
    qtbot.waitUntil(lambda: not dialog.busy())
    assert dialog.run_box.choice() == (tmp_path / "mine.h5", False)
    dialog.reject()


def test_a_series_of_images_of_several_in_a_file_is_chosen(qtbot: QtBot, scan: Path) -> None:
    asked: list[str | None] = []

    def look(folder: Path, given: Given, stop: threading.Event) -> FirstLook:
        del stop
        asked.append(given.dataset)
        others = () if given.dataset else ("/2.1/measurement/eiger (3 images)",)
        return replace(look_of(folder.name), others=others)

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    qtbot.waitUntil(lambda: dialog.form.series.count() == 2)
    assert dialog.form.series.isVisible()
    dialog.form.series.setCurrentIndex(1)
    dialog.form.series.activated.emit(1)
    qtbot.waitUntil(lambda: asked[-1] == "/2.1/measurement/eiger" and not dialog.busy())
    dialog.accept()
    assert dialog.start is not None
    assert dialog.start.given.dataset == "/2.1/measurement/eiger"


def test_what_was_chosen_before_is_offered_and_nothing_is_chosen(qtbot: QtBot, scan: Path) -> None:
    (scan.parent / "other").mkdir()
    recent.remember(scan, Given(geometry=scan / "lab6.poni", experiment=scan.parent / "experiment.toml"))
    recent.remember(scan.parent / "other", Given(geometry=scan / "gone.poni"))
    dialog = opened(qtbot, lambda folder, *_: look_of(folder.name))
    assert dialog.chosen() is None
    offered = [dialog.form.folder.itemData(number) for number in range(dialog.form.folder.count())]
    assert offered == [scan.parent / "other", scan]
    assert dialog.form.geometry_box.count() == 1
    dialog.form.folder.setCurrentIndex(1)
    dialog.form.folder.activated.emit(1)
    looked(qtbot, dialog, "scan of 1 frame. Fits.")
    dialog.accept()
    assert recent.recent()["folder"] == [scan, scan.parent / "other"]


def test_all_that_was_chosen_for_a_folder_is_recalled_with_it(qtbot: QtBot, scan: Path, tmp_path: Path) -> None:
    names = {name: tmp_path / f"{name}.edf" for name in ("mask", "dark", "flat", "background")}
    for path in (*names.values(), tmp_path / "mine.toml", tmp_path / "mine.poni"):
        path.touch()
    given = Given(
        tmp_path / "mine.poni", tmp_path / "mine.toml", orientation=2, recursive=True, include="br_*.cbf", **names
    )
    recent.remember(scan, given, tmp_path / "runs" / "scan.h5")
    dialog = opened(qtbot, lambda *_: look_of("a.cbf"))
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    assert dialog.chosen() == (scan, given)
    assert dialog.form.include.isVisible()
    dialog.reject()


def test_what_was_kept_of_before_and_is_damaged_counts_for_nothing(scan: Path) -> None:
    for text in ("", "[]", '{"scans": 3}', '{"scans": [1, {"folder": "/a", "given": {"orientation": "x"}}]}'):
        recent.recent_path().write_text(text)
        assert recent.scans() == []
        assert recent.recalled(scan) is None
        recent.remember(scan, Given())
        assert [each.folder for each in recent.scans()] == [scan]


def test_a_run_file_that_is_dropped_is_to_be_shown_again(qtbot: QtBot, scan: Path) -> None:
    write_run(scan.parent / "old.h5", 5)
    dialog = opened(qtbot, lambda folder, *_: look_of(folder.name))
    dialog.take_file(scan.parent / "old.h5")
    qtbot.waitUntil(lambda: ok(dialog).text() == "&Replay")
    assert ok(dialog).isEnabled()
    dialog.accept()
    assert dialog.start is not None
    assert dialog.start.scan == scan.parent / "old.h5"
    assert dialog.start.transport is not None


def test_a_stack_is_judged_and_replayed(qtbot: QtBot, scan: Path) -> None:
    """It is no folder that can be watched."""
    stack = scan / "stack.NXS"
    with h5py.File(stack, "w") as file:
        file["entry/data/data"] = np.ones((2, 3, 4), np.uint16)
    dialog = opened(qtbot, lambda folder, *_: look_of(folder.name))
    dialog.take_file(stack)
    looked(qtbot, dialog, "stack.NXS of 1 frame. Fits.")
    assert ok(dialog).text() == "&Replay"
    assert not dialog.run_box.isVisible()
    dialog.take_folder(scan)
    looked(qtbot, dialog, "scan of 1 frame. Fits.")
    assert ok(dialog).text() == "&Watch"
    assert dialog.run_box.isVisible()
    dialog.take_file(stack)
    looked(qtbot, dialog, "stack.NXS of 1 frame. Fits.")
    dialog.accept()
    given = Given(geometry=scan / "lab6.poni", experiment=scan.parent / "experiment.toml")
    assert dialog.start is not None
    assert replace(dialog.start, transport=None) == Request(stack, given)
    assert dialog.start.transport is not None


def test_hidden_files_are_not_offered(qtbot: QtBot, scan: Path) -> None:
    """As macOS puts them beside each file on a foreign disk."""
    (scan / "._lab6.poni").touch()
    dialog = opened(qtbot, lambda folder, *_: look_of(folder.name))
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    assert dialog.form.given().geometry == scan / "lab6.poni"
    dialog.reject()


def test_only_the_newest_question_is_answered(qtbot: QtBot, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def look(folder: Path, given: Given, stop: threading.Event) -> FirstLook:
        del folder, stop
        if given.orientation is None:
            gate.wait(10.0)
            raise UserError("stale")
        return look_of(f"turned {given.orientation}")

    monkeypatch.setattr(dialog_module, "is_cold", lambda: False)
    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Looking at the frames")
    dialog.form.orientation.setCurrentIndex(2)
    dialog.check()
    gate.set()
    looked(qtbot, dialog, "turned 2 of 1 frame. Fits.")
    dialog.reject()


def test_a_fresh_installation_says_what_it_waits_for(qtbot: QtBot, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def look(*_: object) -> FirstLook:
        gate.wait(10.0)
        return look_of("one")

    monkeypatch.setattr(dialog_module, "is_cold", lambda: True)
    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Compiling the fit, once after an installation")
    gate.set()
    looked(qtbot, dialog, "one of 1 frame. Fits.")
    dialog.reject()


def test_an_error_nobody_expected_is_said_once(
    qtbot: QtBot, scan: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dialog_module, "GLANCE_MS", 20)
    calls: list[int] = []

    def look(*_: object) -> FirstLook:
        calls.append(1)
        raise RuntimeError("no such luck")

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "internal error (RuntimeError: no such luck)")
    glances = dialog._glanced_s
    qtbot.waitUntil(lambda: dialog._glanced_s > glances + 0.1)
    assert len(calls) == 1
    assert caplog.text.count("the first look failed") == 1
    dialog.reject()


def test_messages_have_no_options_of_the_command_line(qtbot: QtBot, scan: Path) -> None:
    def look(*_: object) -> FirstLook:
        raise UserError(
            f"{scan}: no frames in it; give the folder that holds them; --recursive looks into its sub-folders"
        )

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "or tick “sub-folders too”")
    assert "--" not in said(dialog)
    dialog.reject()


def test_what_is_missing_is_said_and_a_new_setup_is_made_and_kept(
    qtbot: QtBot, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scan.parent / "experiment.toml").unlink()
    dialog = opened(qtbot, lambda _, given, __: look_of(str(given.experiment)))
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Still missing: a set-up.")

    def fill(editor: SetupEditor) -> int:
        editor.add("CsPbI3")
        editor.accept()
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(SetupEditor, "exec", fill)
    dialog.new_setup()
    kept = profiles.profiles()
    assert [path.name for path in kept] == ["CsPbBr3_CsPbI3.toml"]
    looked(qtbot, dialog, f"{kept[0]} of 1 frame. Fits.")
    dialog.reject()


def test_rings_lie_at_their_angle_in_the_lower_half() -> None:
    y, x = np.mgrid[0:101, 0:101].astype(np.float32)
    angles = np.hypot(x - 50.0, y - 50.0) / 10.0
    overlay = rings(angles, (Ticks("a", np.array([3.0, np.nan]), ("100", "110")),))
    marked = overlay[..., 3] > 0
    assert not marked[:50].any()
    assert np.abs(angles[marked] - 3.0).max() < 0.1
    assert marked[50:].sum() > 60


def test_no_box_is_cut_off_on_a_small_screen(qtbot: QtBot, scan: Path) -> None:
    """1920 x 1080 at twice the scale leaves 960 x 540."""
    del scan
    dialog = opened(qtbot, lambda *_: look_of("a.cbf"))
    dialog.resize(940, 500)
    QApplication.processEvents()
    for box in (dialog.form.folder, dialog.form.geometry_box, dialog.form.setup_box, dialog.run_box):
        row = box.parentWidget()
        assert row is not None
        for each in (box, *row.findChildren(QPushButton)):
            assert each.visibleRegion().boundingRect().width() == each.width(), each.accessibleName()
    assert dialog.minimumSizeHint().width() <= 940
    assert dialog.minimumSizeHint().height() <= 500
    dialog.reject()
