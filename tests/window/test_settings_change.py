"""The settings of a running scan are changed in its window: by clicks, as a list first, and undone."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDoubleSpinBox, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.run.all_again import AllAgain
from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.decisions import decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.request import Request
from latticewatch.app.run.session import Session
from latticewatch.app.start.change_dialog import ChangeDialog
from latticewatch.app.window.made_again import MadeAgain, Offered
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.next_run import NextRun
from latticewatch.app.window.settings_change import SettingsChange, Wanted
from latticewatch.app.window.undo import Undo
from latticewatch.app.window.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.series import Row
from latticewatch.processing.integration.mask_file import write_mask
from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import scan as scan
from tests.app.test_changing import Live, live, setup_text, until, with_setup

TIMEOUT_MS = 240_000  # the fit may have to be compiled first


class Watched:
    """A window on a live run. answer: what the user wants when asked."""

    def __init__(self, qtbot: QtBot, scan: Path, out: Path) -> None:
        self._qtbot = qtbot
        self.feeder = Live(scan, out.parent / "live")
        plan = decide(Request(self.feeder.folder, Given(), live=True, out=out, fallback=out.parent / "elsewhere"))

        def task(stop: threading.Event, on_open: Callable[[Session], None], on_row: Callable[[Row], None]) -> None:
            run_session(plan, stop, on_open, on_row)

        self.answer: Callable[..., Wanted | None] = lambda *_, **__: None
        again = MadeAgain(plan)
        self.worker = Worker(task)
        asked = NextRun({}, ask_change=lambda *given, **more: self.answer(*given, **more), again=again)
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

    def answer(parent: QWidget, changes: ScanChanges, offered: Offered) -> Wanted | None:
        assert offered == Offered("")
        dialog = ChangeDialog(parent, changes, offered)
        dialog.show()
        looked(qtbot, dialog, "nothing")
        assert not dialog.apply.isEnabled()
        cell = dialog.components.cellWidget(0, 3)
        assert isinstance(cell, QDoubleSpinBox)
        cell.setValue(5.87)
        qtbot.keyClicks(dialog.left_out, "10-11.5")
        qtbot.keyClicks(dialog.why, "a glitch")
        looked(qtbot, dialog, "[[component]] Br lattice_parameter_A: 5.842 → 5.87")
        looked(qtbot, dialog, "[fit] exclude_two_theta_deg: none → [[10.0, 11.5]]")
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

    def answer(parent: QWidget, changes: ScanChanges, offered: Offered) -> Wanted | None:
        assert offered == Offered("")
        dialog = ChangeDialog(parent, changes, offered)
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

    def answer(parent: QWidget, changes: ScanChanges, offered: Offered) -> Wanted | None:
        dialog = ChangeDialog(parent, changes, offered)
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


def test_the_frames_of_a_stream_are_made_again_from_their_patterns(scan: Path, tmp_path: Path) -> None:
    """A stream's images are not kept: what is recorded of them is."""
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    Live(scan, folder)
    plan = decide(Request(folder, Given(), live=True, out=out, fallback=tmp_path / "elsewhere"))
    again = MadeAgain(replace(plan, request=replace(plan.request, scan=None)))
    assert again.offered == Offered("", from_patterns=True)
    with live(scan, folder, out) as run:
        run.feed(8)
        given = with_setup(folder, setup_text(scan) + "\n[fit]\nexclude_two_theta_deg = [[10.0, 11.5]]\n")
        made = again.begin(given, "a line of the window")
        assert not made.exists()  # it waits for the change
        assert again.offered.why_not
        run.change(given)
        again.take(run.changes)
        said: list[str] = []
        until(lambda: said.append(again.follow(8, has_ended=False)) or "frames are made again" in said[-1])
        assert not again.can_show()
        run.feed(10)
    again.end()
    assert said[-1] == f"8 frames are made again from their patterns, in {made}"
    with read_run(made) as found, read_run(out) as recorded:
        assert [row.segment for row in recorded.traced] == [0] * 8 + [1] * 2
        assert [row.segment for row in found.traced] == [0] * 8
        assert found.header.setup == recorded.latest.setup
        remark = next(each.value for each in found.header.decided if each.name == "remark")
        assert remark.endswith(": a line of the window")
        pairs = [(one.fit, other.fit) for one, other in zip(found.traced, list(recorded.traced)[:8], strict=True)]
        fitted = [(one, other) for one, other in pairs if isinstance(one, Fit) and isinstance(other, Fit)]
        assert fitted
        assert all(one.lp_mean_A != other.lp_mean_A for one, other in fitted)


def test_a_change_that_fails_lets_frames_be_made_again_later(scan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    Live(scan, folder)
    plan = decide(Request(folder, Given(), live=True, out=tmp_path / "run.h5", fallback=tmp_path / "elsewhere"))
    again = MadeAgain(replace(plan, request=replace(plan.request, scan=None)))
    again.begin(Given(), "")
    again.give_up_waiting()
    assert again.offered == Offered("", from_patterns=True)


def test_an_ended_run_is_not_changed(watched: Watched) -> None:
    watched.feed(2)
    watched.worker.end()
    watched.window.tick()
    watched.window.tick()
    asked: list[object] = []
    watched.answer = lambda *given, **more: asked.append((*given, *more.values()))  # type: ignore[func-returns-value]
    watched.window.change.ask()
    assert not asked


def test_a_mask_that_was_drawn_is_chosen_at_first(qtbot: QtBot, watched: Watched, tmp_path: Path) -> None:
    watched.feed(3)
    mask = np.zeros((619, 487), bool)
    mask[:20] = True
    write_mask(tmp_path / "mask.edf", mask)

    def answer(parent: QWidget, changes: ScanChanges, offered: Offered, mask: Path | None = None) -> Wanted | None:
        dialog = ChangeDialog(parent, changes, offered, mask)
        dialog.show()
        looked(qtbot, dialog, "mask: none → mask.edf")
        qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
        dialog.deleteLater()
        return dialog.wanted

    watched.answer = answer
    watched.window.change.ask(tmp_path / "mask.edf")
    watched.wait_for(2)


def test_an_error_nobody_expected_is_said(qtbot: QtBot) -> None:
    class Failing:
        settings = None
        segments: tuple[object, ...] = ()

        def read(self, given: Given) -> None:
            raise RuntimeError(f"nobody expected {given.recursive}")

    parent, said = QWidget(), list[str]()
    qtbot.addWidget(parent)

    def ask(*_: object, **__: object) -> Wanted:
        return Wanted(Given(), "", ("bins",))

    undo = Undo(parent, said.append)
    change = SettingsChange(parent, ask, None, undo, said.append, said.append)
    change.begin(Failing())
    change.ask()
    qtbot.waitUntil(lambda: [change.follow(1)] == [[]] and len(said) == 2)
    assert said[1] == "not changed: internal error (RuntimeError: nobody expected None); the log has details"
    change.end()


def test_a_process_that_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def start(_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(SpawnProcess, "start", start)
    with pytest.raises(UserError, match=r"no process can be started \(Resource temporarily unavailable\); end other"):
        AllAgain(Request(tmp_path, Given(), live=True), tmp_path / "again.h5")
