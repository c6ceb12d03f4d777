"""Which scans a tree holds."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.app.batch.command import refuse_collisions
from latticewatch.app.batch.find_scans import Found, Skipped, scans_in
from latticewatch.app.run.given import Given
from latticewatch.processing.config.frame_selection import ALL
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.hdf5.one_a_file import one_a_file
from tests.app.batch.conftest import NAMES
from tests.app.conftest import Said
from tests.record.runs import write_run

Command = Callable[..., Said]


def stack(path: Path, images: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.zeros((images, 8, 8), np.uint16)
    return path


def frame(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"never read")


def found(root: Path, out: Path | None = None) -> dict[str, str]:
    where = out or root
    return {
        each.name: each.out.relative_to(where).as_posix() for each in scans_in(root, out) if isinstance(each, Found)
    }


def skipped(root: Path) -> dict[str, str]:
    return {each.name: each.why for each in scans_in(root, None) if isinstance(each, Skipped)}


def test_folders_of_frames_and_stacks_are_scans_in_natural_order(tmp_path: Path) -> None:
    for name in ("s10/a_1.cbf", "s9/a_1.cbf", "s9/inner/b_1.tif", "notes/readme.txt", "dark/dark_0001.tif"):
        frame(tmp_path / name)
    stack(tmp_path / "many" / "x.h5")
    stack(tmp_path / "many" / "y.nxs")
    assert found(tmp_path) == {
        "many/x.h5": "many/x_run.h5",
        "many/y.nxs": "many/y_run.h5",
        "s9": "s9.h5",
        "s9/inner": "s9/inner.h5",
        "s10": "s10.h5",
    }


def test_hdf5_files_of_one_image_each_are_one_scan(tmp_path: Path) -> None:
    for name in ("m/m_0001.h5", "m/m_0002.h5", "m/dark.h5"):
        stack(tmp_path / name, images=1)
    assert found(tmp_path) == {"m": "m.h5", "m/dark.h5": "m/dark_run.h5"}


def test_a_series_of_what_is_called_a_dark_is_said(tmp_path: Path) -> None:
    for name in ("s1/film_dark_0001.tif", "s1/film_dark_0002.tif", "s2/a_1.cbf", "s2/dark_0001.tif"):
        frame(tmp_path / name)
    assert found(tmp_path) == {"s2": "s2.h5"}
    assert {name: why.partition(";")[0] for name, why in skipped(tmp_path).items()} == {
        "s1": "called masks, darks or flats"
    }
    named = scans_in(tmp_path, None, Given(include="film_dark_*.tif"))
    assert [each.name for each in named if isinstance(each, Found)] == ["s1"]


def test_of_an_eiger_scan_the_master_is_taken(tmp_path: Path) -> None:
    stack(tmp_path / "e" / "e_data_000001.h5")
    with h5py.File(tmp_path / "e" / "e_master.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink("e_data_000001.h5", "/entry/data/data")
    assert found(tmp_path) == {"e/e_master.h5": "e/e_master_run.h5"}


def test_out_mirrors_the_tree_and_is_not_searched(tmp_path: Path) -> None:
    frame(tmp_path / "day" / "s1" / "a_1.cbf")
    frame(tmp_path / "runs" / "s2" / "a_1.cbf")
    assert found(tmp_path, tmp_path / "runs") == {"day/s1": "day/s1.h5"}


def test_the_tree_itself_may_be_a_scan_and_nothing_is_written_outside_it(tmp_path: Path) -> None:
    root = tmp_path / "scan"
    frame(root / "a_1.cbf")
    assert found(root) == {"scan": "scan.h5"}


def test_links_are_not_followed_and_said(tmp_path: Path) -> None:
    frame(tmp_path / "elsewhere" / "a_1.cbf")
    stack(tmp_path / "elsewhere" / "x.h5")
    root = tmp_path / "root"
    frame(root / "s" / "a_1.cbf")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "x.h5").symlink_to(tmp_path / "elsewhere" / "x.h5")
    os.mkfifo(root / "pipe_0001.cbf")
    assert found(root) == {"s": "s.h5"}
    assert skipped(root) == dict.fromkeys(("out", "loop", "x.h5"), "a link, not followed")


def test_what_is_no_scan_is_said(tmp_path: Path) -> None:
    frame(tmp_path / "s" / "a_1.cbf")
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["x"] = np.zeros(3)
    stack(tmp_path / "s" / "beside.h5")
    told = skipped(tmp_path)
    assert told["table.h5"].startswith("no scan: holds no images")
    assert told["s/beside.h5"].startswith("an HDF5 file beside frames")


def test_a_scan_with_sub_folders_is_one_scan(tmp_path: Path) -> None:
    frame(tmp_path / "a" / "part1" / "a_1.cbf")
    frame(tmp_path / "a" / "part2" / "a_2.cbf")
    frame(tmp_path / "b" / "b_1.cbf")
    (tmp_path / "a" / "experiment.toml").write_text(
        "[source]\nrecursive = true\n[[component]]\nname = 'Br'\nphase = 'CsPbBr3'\n"
    )
    assert found(tmp_path) == {"a": "a.h5", "b": "b.h5"}


def test_folders_without_a_frame_that_matches_are_skipped(tmp_path: Path) -> None:
    frame(tmp_path / "a" / "br_1.cbf")
    frame(tmp_path / "b" / "lab6_1.cbf")
    items = list(scans_in(tmp_path, None, Given(include="br_*.cbf")))
    assert [(type(each), each.name) for each in items] == [(Found, "a"), (Skipped, "b")]


def test_two_scans_with_one_run_file_are_refused(tmp_path: Path) -> None:
    stack(tmp_path / "x.h5")
    stack(tmp_path / "x.nxs")
    outs = [(each.name, each.out) for each in scans_in(tmp_path, None) if isinstance(each, Found)]
    with pytest.raises(UserError, match=r"x\.h5 and x\.nxs would both be recorded in"):
        refuse_collisions(outs)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path) -> None:
    frame(tmp_path / "s" / "a_1.cbf")
    (tmp_path / "shut").mkdir(0o000)
    bad = [each for each in scans_in(tmp_path, None) if isinstance(each, Skipped) and each.bad]
    assert [each.name for each in bad] == ["shut"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(latticewatch: Command, tree: Path) -> None:
    for name in NAMES[1:]:
        shutil.rmtree(tree / name)
    assert latticewatch("process", tree / NAMES[0], "--out", tree / f"{NAMES[0]}.h5").status == 0
    shutil.copytree(tree / NAMES[0], tree / NAMES[1])
    before = sorted(tree.rglob("*"))
    said = latticewatch("process", "--tree", tree, "--dry-run")
    assert said.status == 0
    assert f"{NAMES[0]}: done before, 12 frames" in said.out
    assert f"{NAMES[1]}: to do" in said.out
    assert "2 scans, 1 to do" in said.out
    assert f"skipped {NAMES[0]}.h5: a run file" in said.out
    assert sorted(tree.rglob("*")) == before


def test_a_dry_run_names_what_cannot_be_processed(latticewatch: Command, tree: Path) -> None:
    (tree / NAMES[2] / "experiment.toml").unlink()
    said = latticewatch("process", "--tree", tree, "--dry-run")
    assert said.status == 2
    assert f"{NAMES[2]}: unusable (" in said.out
    assert "no experiment.toml in the scan's folder or one above; write one (docs/experiment-toml.md)" in said.out
    assert "3 scans, 2 to do, 1 unusable" in said.out


def test_a_dry_run_looks_at_what_must_fit_the_first_image(latticewatch: Command, tree: Path) -> None:
    for name in NAMES[1:]:
        shutil.rmtree(tree / name)
    np.save(tree / "mask.npy", np.zeros((3, 4)))
    said = latticewatch("process", tree / NAMES[0], "--mask", tree / "mask.npy", "--dry-run")
    assert said.status == 2
    assert "mask.npy: " in said.out
    experiment = tree / NAMES[0] / "experiment.toml"
    experiment.write_text(experiment.read_text().replace("CsPbI3", "CsPbQ3"))
    said = latticewatch("process", tree / NAMES[0], "--dry-run")
    assert said.status == 2
    assert "CsPbQ3" in said.out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "name the scans, or the folder"),
        (("a", "--tree", "b"), "name the scans, or the folder"),
        (("--tree", "missing"), "missing: no such folder"),
        (("--tree", "."), "no scans in it or below"),
        (("a", "b", "--out", "run.h5"), "run.h5: one run file for several scans"),
    ],
)
def test_what_cannot_be_meant_is_refused(latticewatch: Command, arguments: tuple[str, ...], complaint: str) -> None:
    said = latticewatch("process", *arguments)
    assert said.status == 2
    assert complaint in said.complaint


def test_run_files_that_differ_by_a_number_are_no_series_of_frames(tmp_path: Path) -> None:
    """The map of a run file is an image, and HDF5 files of one image each are a scan."""
    for number in (1, 2):
        write_run(tmp_path / f"s{number}.h5", 12)
    assert one_a_file(tmp_path, ALL) is None
    assert [(each.name, each.why) for each in scans_in(tmp_path, None) if isinstance(each, Skipped)] == [
        ("s1.h5", "a run file"),
        ("s2.h5", "a run file"),
    ]
    assert not [each for each in scans_in(tmp_path, None) if not isinstance(each, Skipped)]
