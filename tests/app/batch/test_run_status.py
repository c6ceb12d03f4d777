"""What counts as done: by the content of frames and settings, not by names and times of run files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.app.batch import run_status
from latticewatch.app.batch.plan import named_scans, plan
from latticewatch.app.batch.run_status import RunStatus
from latticewatch.app.run.given import Given
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.app.batch.conftest import FRAMES
from tests.app.conftest import Said
from tests.sample_data import sample

Command = Callable[..., Said]
NOTHING = Given()


@pytest.fixture
def scan(tree: Path, whole: dict[str, Path], latticewatch: Command) -> Path:
    """A scan whose whole run lies in the present folder."""
    folder = Path(shutil.move(tree / "day1" / "s1", tree.parent / "s1"))
    shutil.copy(whole["day1/s1"], "s1.h5")
    return folder


def planned(scan: Path, given: Given = NOTHING) -> tuple[str, RunStatus, int]:
    (each,) = plan(named_scans([scan], None), given)
    return each.out.name, each.status, each.recorded


def test_a_whole_run_of_the_same_content_is_done(scan: Path) -> None:
    assert planned(scan) == ("s1.h5", RunStatus.DONE, FRAMES)
    moved = Path(shutil.move(scan, scan.parent / "elsewhere" / "s1"))
    assert planned(moved) == ("s1.h5", RunStatus.DONE, FRAMES)


def test_another_setting_is_done_again_beside_the_old_run(scan: Path) -> None:
    assert planned(scan, Given(orientation=2)) == ("s1_2.h5", RunStatus.ABSENT, 0)
    changes = (("experiment.toml", "Br/shell2", "other"), ("geometry.poni", "Distance: 0", "Distance: 0.0"))
    for name, old, new in changes:
        text = (scan / name).read_text()
        assert old in text
        (scan / name).write_text(text.replace(old, new))
        assert planned(scan)[:2] == ("s1_2.h5", RunStatus.ABSENT)
        (scan / name).write_text(text)
    assert planned(scan)[1] == RunStatus.DONE


def test_a_mask_named_on_the_command_line_is_a_setting(scan: Path) -> None:
    np.save("mask.npy", np.zeros((4, 4), np.uint8))
    assert planned(scan, Given(mask=Path("mask.npy")))[1] == RunStatus.ABSENT


def test_a_changed_or_missing_frame_is_done_again(scan: Path) -> None:
    frame = sorted(scan.glob("*.cbf"))[4]
    state = frame.stat()
    os.utime(frame, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert planned(scan)[1] == RunStatus.ABSENT
    frame.unlink()
    assert planned(scan)[1] == RunStatus.ABSENT


def test_more_frames_are_gone_on_with(scan: Path) -> None:
    frames = sorted(scan.glob("*.cbf"))
    shutil.copy(frames[-1], frames[-1].with_name(frames[-1].name.replace(f"{FRAMES:05d}", f"{FRAMES + 1:05d}")))
    assert planned(scan) == ("s1.h5", RunStatus.UNFINISHED, FRAMES)


def test_another_version_of_the_program_does_it_again(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = run_status.software_versions()
    monkeypatch.setattr(run_status, "software_versions", lambda: now | {"latticewatch": "9.9"})
    assert planned(scan)[1] == RunStatus.ABSENT


def test_what_is_no_run_file_is_left_alone(scan: Path) -> None:
    Path("s1.h5").write_bytes(b"mine")
    assert planned(scan) == ("s1_2.h5", RunStatus.ABSENT, 0)
    assert Path("s1.h5").read_bytes() == b"mine"


def test_scans_of_one_name_get_their_own_run_files(scan: Path) -> None:
    twin = Path(shutil.copytree(scan, scan.parent / "twin" / "s1"))
    both = plan(named_scans([scan, twin], None), NOTHING)
    assert [(each.out.name, each.status) for each in both] == [
        ("s1.h5", RunStatus.DONE),
        ("s1_2.h5", RunStatus.ABSENT),
    ]


def test_a_run_of_an_older_version_without_the_frames_is_done_again(scan: Path) -> None:
    with h5py.File("s1.h5", "r+") as file:
        text = file["entry/latticewatch/header"].asstr()[()]
        del file["entry/latticewatch/header"]
        file["entry/latticewatch/header"] = text.replace('"role":"frames"', '"role":"other"')
    assert planned(scan)[1] == RunStatus.ABSENT


def many_in_a_file(folder: Path, kind: str) -> Path:
    """CeO2, in two TIFFs of four images or in HDF5 files of one."""
    case = {"tif": "multipage-tiff", "h5": "hdf5-per-frame"}[kind]
    return Path(shutil.copytree(sample(f"field/{case}"), folder / kind, copy_function=shutil.copyfile))


@pytest.mark.parametrize("kind", ["tif", "h5"])
def test_files_of_several_images_and_hdf5_files_of_one_are_done_with_their_last_image(
    latticewatch: Command, tmp_path: Path, kind: str
) -> None:
    scan = many_in_a_file(tmp_path, kind)
    assert latticewatch("process", scan).status == 0
    (whole,) = plan(named_scans([scan], None), NOTHING)
    assert whole.status == RunStatus.DONE
    with read_run(whole.out) as run:
        names = [row.name for row in run.rows]
    assert latticewatch("process", scan, "--resume", "--out", whole.out).status == 0
    with read_run(whole.out) as run, RunWriter(tmp_path / "cut.h5", run.header, run.two_theta) as cut:
        assert [row.name for row in run.rows] == names
        cut.append_many(list(run.rows)[:-1])
    (tmp_path / "cut.h5").replace(whole.out)
    (cut_short,) = plan(named_scans([scan], None), NOTHING)
    assert cut_short.status == RunStatus.UNFINISHED
    assert latticewatch("process", scan, "--resume", "--out", whole.out).status == 0
    with read_run(whole.out) as run:
        assert [row.name for row in run.rows] == names
