"""The settings of a running scan are changed in its window: by clicks, as a list first, and undone."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDoubleSpinBox, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.decisions import decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.request import Request
from latticewatch.app.run.session import Session
from latticewatch.app.start.change_dialog import ChangeDialog
from latticewatch.app.window.made_again import MadeAgain
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.next_run import NextRun
from latticewatch.app.window.settings_change import Wanted
from latticewatch.app.window.worker import Worker
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import scan as scan
from tests.app.test_changing import Live

TIMEOUT_MS = 60_000


class Watched:
    """A window on a live run. answer: what the user wants when asked."""

    def __init__(self, qtbot: QtBot, scan: Path, out: Path) -> None:
        self._qtbot = qtbot
        self.feeder = Live(scan, out.parent / "live")
        plan = decide(Request(self.feeder.folder, Given(), live=True, out=out, fallback=out.parent / "elsewhere"))

        def task(stop: threading.Event, on_open: Callable[[Session], None], on_row: Callable[[Row], None]) -> None:
            run_session(plan, stop, on_open, on_row)

        self.answer: Callable[[QWidget, ScanChanges, str], Wanted | None] = lambda *_: None
        again = MadeAgain(plan)
        self.worker = Worker(task)
        asked = NextRun({}, ask_change=lambda *given: self.answer(*given), again=again)
        self.window = MainWindow("scan", worker=self.worker, next_run=asked)
        qtbot.addWidget(self.window)
        self.window.resize(1280, 720)
        self.window.show()
        self.worker.start()

    def feed(self, count: int) -> None:
        """Frames up to this number are there and shown."""
        self.feeder.put(count)
        self._qtbot.waitUntil(lambda: self._shown() == count, timeout=TIMEOUT_MS)

    def _shown(self) -> int:
        return 0 if self.window.page is None else self.window.page.history.count

    @property
    def segments(self) -> int:
        assert self.window.shown_run is not None
        return len(self.window.shown_run.segments)

    def wait_for(self, segments: int) -> None:
        self._qtbot.waitUntil(lambda: self.segments == segments, timeout=TIMEOUT_MS)
        self._qtbot.waitUntil(lambda: self.window.shown_run.setup == self.window.shown_run.segments[-1].setup)


@pytest.fixture
def watched(qtbot: QtBot, scan: Path, tmp_path: Path) -> Iterator[Watched]:
    there = Watched(qtbot, scan, tmp_path / "run.h5")
    yield there
    there.window.close()


def looked(qtbot: QtBot, dialog: ChangeDialog, text: str) -> None:
    """Wait until the list of changes says this."""
    qtbot.waitUntil(lambda: text in dialog.list.toPlainText() or text in dialog.said.text(), timeout=TIMEOUT_MS)


def test_a_change_is_listed_applied_shown_and_undone(qtbot: QtBot, watched: Watched, tmp_path: Path) -> None:
    window = watched.window
    watched.feed(6)

    def answer(parent: QWidget, changes: ScanChanges, why_not_again: str) -> Wanted | None:
        assert why_not_again == ""
        dialog = ChangeDialog(parent, changes, why_not_again)
        dialog.show()
        looked(qtbot, dialog, "nothing")
        assert not dialog.apply.isEnabled()
        cell = dialog.components.cellWidget(0, 3)
        assert isinstance(cell, QDoubleSpinBox)
        cell.setValue(5.87)
        qtbot.keyClicks(dialog.left_out, "10-11.5")
        qtbot.keyClicks(dialog.why, "a glitch")
        looked(qtbot, dialog, "[[component]] Br lattice_parameter_A: 5.842 → 5.87")
        looked(qtbot, dialog, "[fit] exclude_two_theta_deg: none → ((10.0, 11.5),)")
        qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
        dialog.deleteLater()
        return dialog.wanted

    watched.answer = answer
    window.change.ask()
    watched.wait_for(2)
    assert window.shown_run.setup.components[0].lattice_parameter_A == 5.87
    assert window.shown_run.setup.fit.exclude_two_theta_deg == ((10.0, 11.5),)
    (mark,) = window.marks.marks
    assert mark.text == "changed: a glitch"
    watched.feed(8)
    for number, segment in ((5, 0), (6, 1)):  # rows of either settings are drawn with their own
        window.page.choose(number)
        shown = window.page.pattern.shown
        drawn = window.shown_run.segments[segment].refinement.curves(window.page.shown_row().fit.parameters)
        np.testing.assert_array_equal(shown.curves.calculated, drawn.calculated)
    again = window._next.again
    assert again is not None  # the next scan would be made with the settings of now
    assert again.plan.inputs.experiment.component[0].lattice_parameter_A == 5.87
    assert again.plan.request.given.experiment == Path(again.plan.inputs.decided[0].value)
    window.undo.undo()
    watched.wait_for(3)
    assert window.shown_run.setup.components[0].lattice_parameter_A == 5.842
    watched.feed(10)
    window.undo.redo()
    watched.wait_for(4)
    watched.feed(12)
    window.close()
    with read_run(tmp_path / "run.h5") as run:
        assert [change.is_undo for change in run.changes] == [False, True, False]
        assert {change.why for change in run.changes} == {"a glitch"}
        assert [row.segment for row in run.traced] == [0] * 6 + [1] * 2 + [2] * 2 + [3] * 2
        assert run.changes[0].setup == run.changes[2].setup
        assert run.changes[1].setup == run.header.setup


def test_what_cannot_be_changed_is_one_line_and_nothing_is_applied(qtbot: QtBot, watched: Watched) -> None:
    watched.feed(2)
    said: list[str] = []

    def answer(parent: QWidget, changes: ScanChanges, why_not_again: str) -> Wanted | None:
        assert why_not_again == ""
        dialog = ChangeDialog(parent, changes, why_not_again)
        dialog.show()
        looked(qtbot, dialog, "nothing")
        dialog.left_out.setText("10 to 11")
        looked(qtbot, dialog, "“10 to 11” is no range of angles")
        said.append(dialog.said.text())
        assert not dialog.apply.isEnabled()
        dialog.left_out.setText("0-180")
        looked(qtbot, dialog, "leaves out all of its lines")
        assert not dialog.apply.isEnabled()
        dialog.left_out.clear()
        dialog.orientation.setCurrentIndex(dialog.orientation.findData(2))
        looked(qtbot, dialog, "orientation cannot change within a run file: all frames must be made again")
        assert "orientation: 3, as the poni says → 2" in dialog.list.toPlainText()
        assert not dialog.from_now.isEnabled()
        assert dialog.again.isChecked()
        dialog.again.setChecked(False)
        assert not dialog.apply.isEnabled()
        dialog.accept()
        dialog.reject()
        dialog.deleteLater()
        return dialog.wanted

    watched.answer = answer
    watched.window.change.ask()
    assert len(said) == 1
    assert "\n" not in said[0]
    watched.feed(4)
    assert watched.segments == 1
    assert not watched.window.undo.can_undo()


def test_all_frames_are_made_again_beside_the_run_and_shown_in_its_place(
    qtbot: QtBot, watched: Watched, tmp_path: Path
) -> None:
    window, again = watched.window, watched.window._next.again
    watched.feed(6)

    def answer(parent: QWidget, changes: ScanChanges, why_not_again: str) -> Wanted | None:
        dialog = ChangeDialog(parent, changes, why_not_again)
        dialog.show()
        looked(qtbot, dialog, "nothing")
        dialog.orientation.setCurrentIndex(dialog.orientation.findData(2))
        qtbot.keyClicks(dialog.why, "upside down")
        looked(qtbot, dialog, "orientation cannot change within a run file")
        qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
        dialog.deleteLater()
        return dialog.wanted

    watched.answer = answer
    window.change.ask()
    made = tmp_path / "run_again.h5"
    assert [mark.text for mark in window.marks.marks] == ["all frames again in run_again.h5: upside down"]
    watched.feed(8)  # the recording goes on, and the frames come there as well
    qtbot.waitUntil(lambda: "all frames are made again" in window.status.text("place"), timeout=TIMEOUT_MS)
    assert again is not None
    assert watched.segments == 1
    plan = again.plan_of_it()
    assert plan is not None
    assert (plan.out, plan.resumes) == (made, True)
    assert plan.inputs.geometry.orientation == 2
    with read_run(made) as run:
        assert [row.index for row in run.traced] == list(range(8))
        remark = next(each.value for each in run.header.decided if each.name == "remark")
        assert remark.startswith("all frames again of run.h5, ")
        assert remark.endswith(": orientation: 3, as the poni says → 2 (upside down)")
    window.close()
    with read_run(tmp_path / "run.h5") as run:
        assert len(run.traced) == 8
        assert run.changes == ()


def test_an_ended_run_is_not_changed(watched: Watched) -> None:
    watched.feed(2)
    watched.worker.end()
    watched.window.tick()
    watched.window.tick()
    asked: list[object] = []
    watched.answer = lambda *given: asked.append(given)  # type: ignore[func-returns-value]
    watched.window.change.ask()
    assert not asked
