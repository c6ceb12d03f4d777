"""Frames that come when the run has ended are counted, and said."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.request import Request
from latticewatch.app.window import after_end
from latticewatch.app.window.after_end import ScanFolder
from latticewatch.app.window.application import _folder_of
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.worker import Worker
from latticewatch.processing.config.frame_selection import ALL
from latticewatch.processing.sources.streams.address import StreamAddress
from tests.window.windows import run_of


def test_only_frames_that_are_not_recorded_count(tmp_path: Path) -> None:
    for name in ("a_0001.cbf", "a_0002.cbf", ".a_0003.cbf.tmp", "notes.txt", "mask.tif", "b\n0.cbf"):
        (tmp_path / name).touch()
    folder = ScanFolder(tmp_path, ALL)
    assert folder.unrecorded({"a_0001.cbf"}) == 2
    assert folder.unrecorded({"a_0001.cbf", "a_0002.cbf", "b%0A0.cbf"}) == 0
    assert ScanFolder(tmp_path, ALL.given(None, "a_*.cbf")).unrecorded(set()) == 2


def test_the_banner_says_that_frames_come_which_nobody_records(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(after_end, "LOOK_S", 0.02)
    gate = threading.Event()
    gate.set()
    worker = Worker(run_of(5, gate))
    for number in range(5):
        (tmp_path / f"br_i_{number:05d}.cbf").touch()
    window = MainWindow("live", worker=worker, folder=ScanFolder(tmp_path, ALL))
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitSignal(window.run_ended):
        worker.start()
    window.tick()
    assert "not recording" in window.banner.accessibleName()
    (tmp_path / "br_i_00005.cbf").touch()
    qtbot.waitUntil(lambda: "NOT RECORDING 1 new frame in the folder" in window.banner.accessibleName())
    tmp_path.joinpath("br_i_00005.cbf").unlink()
    qtbot.waitUntil(lambda: "NOT RECORDING" not in window.banner.accessibleName())
    window.close()


@pytest.mark.parametrize("stream", [None, StreamAddress("tcp", "dcu:31001")])
def test_the_folder_beside_a_stream_is_not_compared_with_the_streams_names(
    tmp_path: Path, stream: StreamAddress | None
) -> None:
    inputs = SimpleNamespace(experiment=SimpleNamespace(source=ALL))
    plan = RunPlan(Request(tmp_path, stream=stream, live=True), inputs, None, None, None, False, (), ())
    assert (_folder_of(plan) is None) is (stream is not None)
