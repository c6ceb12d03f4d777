"""A stream is named in the start dialog, alone or with the folder that fills it."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.run.decisions import RunPlan, decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.start import dialog as dialog_module
from latticewatch.app.start import next_scan as next_scan_module
from latticewatch.app.start import recent
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.first_look import FirstLook
from latticewatch.app.start.next_scan import next_scan
from latticewatch.app.start.run_place import EarlierRun, RunPlace
from latticewatch.processing.sources.streams.address import StreamAddress
from tests.app.conftest import scan as simulated
from tests.window.test_start_dialog import look_of, looked, ok, opened
from tests.window.test_start_dialog import scan as scan

__all__ = ["scan", "simulated"]
GREY = "Geometry and orientation are judged by eye"


@pytest.fixture
def detector() -> Iterator[str]:
    """The address at which somebody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def dialog(qtbot: QtBot, scan: Path) -> StartDialog:
    """Of a folder whose frames fit well."""
    del scan
    return opened(qtbot, lambda *_: look_of("a.cbf"))


def write_address(qtbot: QtBot, dialog: StartDialog, text: str) -> None:
    line = dialog.form.stream.lineEdit()
    assert line is not None
    line.clear()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def choose_inputs(dialog: StartDialog, folder: Path) -> None:
    """The set-up and the geometry of a simulated scan."""
    for box, name in ((dialog.form.setup_box, "experiment.toml"), (dialog.form.geometry_box, "geometry.poni")):
        dialog.form.take(box, folder / name)


def test_a_stream_alone_is_watched(qtbot: QtBot, dialog: StartDialog, simulated: Path, detector: str) -> None:
    choose_inputs(dialog, simulated)
    write_address(qtbot, dialog, detector)
    looked(qtbot, dialog, f"{detector} answers. {GREY}")
    assert "geometry:" in dialog.used.toPlainText()
    qtbot.mouseClick(ok(dialog), Qt.MouseButton.LeftButton)
    start = dialog.start
    assert start is not None
    assert (start.scan, str(start.stream), start.live, start.resume) == (None, detector, True, False)
    assert start.out is not None
    assert start.out.name.startswith("127_0_0_1_")
    assert start.out.is_absolute()
    assert recent.streams() == [detector]
    assert decide(start).inputs is not None


def test_the_geometry_beside_the_set_up_is_named(
    qtbot: QtBot, dialog: StartDialog, simulated: Path, detector: str
) -> None:
    """The run would look for it where the program was started."""
    dialog.form.take(dialog.form.setup_box, simulated / "experiment.toml")
    write_address(qtbot, dialog, detector)
    looked(qtbot, dialog, GREY)
    dialog.accept()
    assert dialog.start is not None
    assert dialog.start.given.geometry is not None
    assert dialog.start.given.geometry.parent == simulated


def test_a_detector_that_does_not_answer_is_waited_for(
    qtbot: QtBot, dialog: StartDialog, simulated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialog_module, "GLANCE_MS", 50)
    choose_inputs(dialog, simulated)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    write_address(qtbot, dialog, f"tcp://127.0.0.1:{port}")
    looked(qtbot, dialog, "Nobody answers at")
    assert ok(dialog).isEnabled()
    with socket.create_server(("127.0.0.1", port)):
        looked(qtbot, dialog, f"127.0.0.1:{port} answers.")
    dialog.reject()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("detector:31001", "no address of a stream"),
        ("tcp://127.0.0.1:99999", "no address of a stream"),
        ("tcp://no-such-host.invalid:31001", "no host of that name is known"),
    ],
)
def test_an_address_that_cannot_be_is_refused(
    qtbot: QtBot, dialog: StartDialog, simulated: Path, text: str, words: str
) -> None:
    choose_inputs(dialog, simulated)
    write_address(qtbot, dialog, text)
    looked(qtbot, dialog, words)
    assert not ok(dialog).isEnabled()
    write_address(qtbot, dialog, "")
    looked(qtbot, dialog, "Still missing: a folder or a stream")
    dialog.reject()


def test_the_folder_fills_the_stream_and_is_recalled_with_it(qtbot: QtBot, scan: Path, detector: str) -> None:
    earlier = EarlierRun(Path("/runs/scan.h5"), 12)

    def look(folder: Path, given: Given, stop: threading.Event) -> FirstLook:
        del folder, given, stop
        return replace(look_of("a.cbf"), place=RunPlace(Path("/runs/scan_2.h5"), earlier))

    dialog = opened(qtbot, look)
    dialog.take_folder(scan)
    looked(qtbot, dialog, "a.cbf of 1 frame. Fits.")
    write_address(qtbot, dialog, detector)
    looked(qtbot, dialog, f"a.cbf of 1 frame. {detector} answers. Fits.")
    # A stream does not send again what came before.
    assert [dialog.run_box.itemText(number) for number in range(dialog.run_box.count())] == ["new: /runs/scan_2.h5"]
    dialog.accept()
    assert dialog.start is not None
    assert (dialog.start.scan, str(dialog.start.stream)) == (scan, detector)
    anew = opened(qtbot, look)
    anew.take_folder(scan)
    looked(qtbot, anew, "answers")
    assert anew.form.stream_text() == detector
    (scan.parent / "other").mkdir()
    anew.take_folder(scan.parent / "other")
    qtbot.waitUntil(lambda: not anew.busy())
    assert anew.form.stream_text() == ""
    anew.reject()


def test_the_numbers_of_pva_are_not_those_of_files(qtbot: QtBot, dialog: StartDialog, scan: Path) -> None:
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    write_address(qtbot, dialog, "pva://13SIM1:Pva1:Image")
    looked(qtbot, dialog, "does not number its images as files are")
    assert not ok(dialog).isEnabled()
    dialog.reject()


def test_an_address_that_was_not_looked_at_starts_nothing(qtbot: QtBot, dialog: StartDialog, scan: Path) -> None:
    dialog.take_folder(scan)
    looked(qtbot, dialog, "Fits.")
    line = dialog.form.stream.lineEdit()
    assert line is not None
    line.setText("nonsense")
    dialog.accept()
    assert dialog.isVisible()
    looked(qtbot, dialog, "no address of a stream")
    dialog.reject()


def test_the_next_scan_of_a_stream_begins_with_it(
    qtbot: QtBot, scan: Path, simulated: Path, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[StartDialog] = []

    class Asked(StartDialog):
        def exec(self) -> int:
            made.append(self)
            looked(qtbot, self, f"{detector} answers.")
            self.reject()
            return 0

    monkeypatch.setattr(next_scan_module, "StartDialog", Asked)
    given = Given(geometry=simulated / "geometry.poni", experiment=simulated / "experiment.toml")
    host, _, port = detector.removeprefix("tcp://").rpartition(":")
    plan: RunPlan = decide(Request(None, given, StreamAddress("tcp", f"{host}:{port}"), live=True))
    assert next_scan(plan) is None
    assert made[0].form.stream_text() == detector
    assert made[0].form.given() == given
