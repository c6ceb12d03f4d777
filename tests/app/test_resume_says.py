"""What a command says of the run that it resumes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.app.conftest import scan as scan
from tests.record.test_crash import _abandon

Command = Callable[..., Said]


@pytest.fixture
def half(scan: Path, tmp_path: Path, latticewatch: Command) -> Path:
    """The first half of the scan, recorded in run.h5; the rest of its frames has come since."""
    folder = tmp_path / "half"
    shutil.copytree(scan, folder)
    frames = sorted(folder.glob("*.cbf"))
    kept = {frame: frame.read_bytes() for frame in frames[6:]}
    for frame in kept:
        frame.unlink()
    assert latticewatch("process", folder, "--out", "run.h5").status == 0
    for frame, content in kept.items():
        frame.write_bytes(content)
    return folder


def test_of_a_run_that_was_ended_in_order_nothing_is_said(
    half: Path, tmp_path: Path, latticewatch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert latticewatch("process", half, "--out", "run.h5", "--resume").status == 0
    assert "resumed after 6 frames" in caplog.text
    assert "closed" not in caplog.text
    assert "journal" not in caplog.text
    with read_run(tmp_path / "run.h5") as run:
        assert [row.index for row in run.traced] == list(range(12))
        assert not [note.text for note in run.notes if "closed" in note.text]


def test_of_a_run_that_was_killed_it_is_said_once(
    half: Path, tmp_path: Path, latticewatch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    _abandon(RunWriter.resume(tmp_path / "run.h5"))
    assert latticewatch("process", half, "--out", "run.h5", "--resume").status == 0
    assert caplog.text.count("was not closed; 6 rows are there from its journal") == 1
    assert caplog.text.count("closed") == 1


def test_of_frames_of_another_scan_it_is_said(
    half: Path, scan: Path, latticewatch: Command, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder may have been renamed; the frames have not."""
    assert latticewatch("process", half, "--out", "run.h5", "--resume").status == 0
    assert "is it of the same scan" not in caplog.text
    for frame in half.glob("*.cbf"):
        frame.rename(half / f"other_{frame.name}")
    latticewatch("process", half, "--out", "run.h5", "--resume")
    assert caplog.text.count("is it of the same scan? If not, stop and give a new --out") == 1
