"""The list of the night's runs: what each came to, shown, compared and continued by clicks."""

import logging
import math
import os
import time
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.run.decisions import is_run
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.run.run_log import log_kept
from latticewatch.app.start import known_runs as known_runs_module
from latticewatch.app.start import recent, runs_dialog
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.first_look import FirstLook
from latticewatch.app.start.known_runs import KnownRun, known_run, known_runs, state_words
from latticewatch.app.start.runs_dialog import RunsDialog, cells_of
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.lock import acquire
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.widgets.theme import LIGHT
from tests.record.runs import header, rows, two_theta, write_run

CTRL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "recent_path", lambda: tmp_path / "state" / "recent.json")


@pytest.mark.parametrize(
    ("count", "is_recording", "said"),
    [
        (0, False, "ended while waiting"),
        (0, True, "recording: waiting"),
        (10, False, "ended while reacting"),
        (25, False, "ended while no beam"),
        (24, True, "recording: paused"),
    ],
)
def test_the_state_of_a_run_in_words(count: int, is_recording: bool, said: str) -> None:
    assert state_words(rows(count), is_recording=is_recording) == said


def test_runs_of_the_night_are_those_watched_and_those_beside_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("far", "near", "old"):
        (tmp_path / name).mkdir()
    watched, beside, old = tmp_path / "far" / "a.h5", tmp_path / "near" / "b.h5", tmp_path / "near" / "old.h5"
    for path, count in ((watched, 12), (beside, 6), (old, 3)):
        write_run(path, count)
    (tmp_path / "near" / "other.h5").write_bytes(b"no run")
    recent.remember(tmp_path / "scan_a", Given(), watched)
    recent.remember(tmp_path / "scan_gone", Given(), tmp_path / "far" / "gone.h5")
    now_s = time.time()
    os.utime(watched, (now_s, now_s - 100.0))
    os.utime(old, (now_s, now_s - 90_000.0))
    found = known_runs(tmp_path / "near" / "current.h5")
    assert [run.path for run in found] == [beside, watched]
    first = found[1]
    assert (first.frames, first.gaps, first.folder) == (12, 4, tmp_path / "scan_a")
    assert found[0].folder is None
    assert known_runs(None) == [first]
    opened: list[str] = []
    monkeypatch.setattr(known_runs_module, "is_run", lambda path: opened.append(path.name) or is_run(path))
    assert known_runs(tmp_path / "near" / "current.h5") == found
    assert sorted(opened) == ["b.h5", "other.h5"], "what is too old is not opened"


def test_a_run_that_is_recorded_now_and_one_that_is_damaged_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_run(path, 12)
    lock = acquire(path)
    try:
        assert known_run(path).state.startswith("recording: ")
    finally:
        lock.release()
    path.write_bytes(b"damaged")
    run = known_run(path)
    assert not run.is_whole
    assert run.state.startswith("cannot be read")
    assert cells_of(run)[2:5] == ("", "", "")


RUNS = [
    KnownRun(Path("/runs/b.h5"), "b", "recording: reacting", 20, 1, folder=Path("/scans/b")),
    KnownRun(Path("/runs/a.h5"), "a", "ended while paused", 10, 2, 1000.0, Path("/scans/a")),
    KnownRun(Path("/runs/c.h5"), "c", "complete", 5),
    KnownRun(Path("/runs/d.h5"), "d", "cannot be read: damaged", is_whole=False, folder=Path("/scans/d")),
]


def opened(qtbot: QtBot, started: list[list[str]]) -> RunsDialog:
    dialog = RunsDialog(None, lambda _: RUNS, lambda arguments: started.append(list(arguments)))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == len(RUNS))
    return dialog


def click_row(qtbot: QtBot, dialog: RunsDialog, row: int, *, ctrl: bool = False) -> None:
    item, place = dialog.table.item(row, 0), dialog.table.viewport()
    assert item is not None
    assert place is not None
    middle = dialog.table.visualItemRect(item).center()
    qtbot.mouseClick(place, LEFT, CTRL if ctrl else Qt.KeyboardModifier.NoModifier, middle)


@pytest.mark.parametrize(
    ("row", "shows", "continues", "compares"),
    [(0, True, False, True), (1, True, True, True), (2, True, False, True), (3, False, False, False)],
)
def test_what_can_be_done_with_a_run(qtbot: QtBot, row: int, shows: bool, continues: bool, compares: bool) -> None:
    dialog = opened(qtbot, [])
    click_row(qtbot, dialog, row)
    buttons = (dialog.show_button, dialog.continue_button, dialog.compare_button)
    assert tuple(button.isEnabled() for button in buttons) == (shows, continues, compares)
    dialog.reject()


def test_runs_are_shown_and_compared_in_processes_of_their_own(qtbot: QtBot) -> None:
    started: list[list[str]] = []
    dialog = opened(qtbot, started)
    assert not dialog.compare_button.isEnabled()
    click_row(qtbot, dialog, 1)
    qtbot.mouseClick(dialog.show_button, LEFT)
    click_row(qtbot, dialog, 2, ctrl=True)
    qtbot.mouseClick(dialog.compare_button, LEFT)
    assert started == [["replay", "/runs/a.h5", "--speed", "max"], ["compare", "/runs/a.h5", "/runs/c.h5"]]
    assert dialog.chosen is None
    dialog.reject()


def test_the_choice_stays_when_the_list_is_read_again(qtbot: QtBot) -> None:
    dialog = opened(qtbot, [])
    click_row(qtbot, dialog, 1)
    dialog._show_runs([RUNS[1], RUNS[0]])
    assert [run.path for run in dialog.selected()] == [Path("/runs/a.h5")]
    dialog._asked_s = -math.inf
    qtbot.waitUntil(lambda: dialog.table.rowCount() == len(RUNS))
    assert [run.path for run in dialog.selected()] == [Path("/runs/a.h5")]
    dialog.reject()


def test_all_chosen_runs_stay_chosen_and_one_that_left_is_no_other(qtbot: QtBot) -> None:
    dialog = opened(qtbot, [])
    click_row(qtbot, dialog, 0)
    click_row(qtbot, dialog, 1, ctrl=True)
    dialog._show_runs([RUNS[2], RUNS[1], RUNS[0]])
    assert dialog.selected() == [RUNS[1], RUNS[0]]
    dialog._show_runs([RUNS[2], RUNS[3], RUNS[0]])
    assert dialog.selected() == [RUNS[0]]
    dialog._show_runs([RUNS[3], RUNS[2], RUNS[1]])
    assert dialog.selected() == []
    assert not dialog.compare_button.isEnabled()
    dialog.reject()


def test_what_is_said_in_the_list_is_plain_text(qtbot: QtBot) -> None:
    def find(_: Path | None) -> list[KnownRun]:
        raise RuntimeError("<b>no</b>")

    dialog = RunsDialog(None, find)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "<b>no</b>" in dialog.said.text())
    assert dialog.said.textFormat() == Qt.TextFormat.PlainText
    assert "choose another scan" not in dialog.said.text()
    dialog.reject()


def test_what_is_found_out_of_other_scans_is_no_note_of_the_run_that_is_recorded(qtbot: QtBot, tmp_path: Path) -> None:
    log = logging.getLogger("latticewatch.elsewhere")

    def find(_: Path | None) -> list[KnownRun]:
        log.warning("said of another run")
        return RUNS

    def look(*_: object) -> FirstLook:
        log.warning("said of another scan")
        raise UserError("looked")

    with RunWriter(tmp_path / "run.h5", header(), two_theta()) as writer, log_kept(writer):
        listed, start = RunsDialog(None, find), StartDialog(LIGHT, look)
        for dialog in (listed, start):
            qtbot.addWidget(dialog)
        qtbot.waitUntil(lambda: listed.table.rowCount() == len(RUNS))
        start._newest.ask(look, lambda _: None, start.verdict.setText)
        qtbot.waitUntil(lambda: start.verdict.text() == "looked")
        log.warning("said of this run")
    listed.reject()
    start.reject()
    with read_run(tmp_path / "run.h5") as run:
        assert [note.text for note in run.notes] == ["said of this run"]


def test_a_run_is_continued_by_the_start_dialog(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    class Accepted(StartDialog):
        def take_folder(self, folder: Path) -> None:
            asked.append(folder)

        def exec(self) -> int:
            self.reject()
            self.start = Request(asked[0], live=True, resume=True)
            return 1

    monkeypatch.setattr(runs_dialog, "StartDialog", Accepted)
    dialog = opened(qtbot, [])
    click_row(qtbot, dialog, 1)
    qtbot.mouseClick(dialog.continue_button, LEFT)
    assert asked == [Path("/scans/a")]
    assert dialog.chosen == Request(Path("/scans/a"), live=True, resume=True)
    assert not dialog.isVisible()
