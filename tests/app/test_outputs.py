"""What a command is told to write never takes the place of a run, of frames or of what a run is made with."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from latticewatch.processing.formats.decode import read_image
from tests.app.conftest import Said
from tests.app.test_bad_input import expect_refusal
from tests.record import runs

Command = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    runs.write_run(tmp_path / "run.h5", 12)
    return tmp_path / "run.h5"


@pytest.mark.parametrize("option", ["--map", "--trace", "--summary"])
def test_no_export_replaces_the_run_itself(latticewatch: Command, run: Path, option: str) -> None:
    before = run.read_bytes()
    expect_refusal(latticewatch("export", run, option, run), "run.h5", "is kept", "choose another file")
    assert run.read_bytes() == before


def test_nor_what_it_was_made_from(latticewatch: Command, run: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "stack.h5", "w") as stack:
        stack["entry/data/data"] = [1, 2, 3]
    (tmp_path / "br_0001.cbf").write_text("###CBF: ")
    (tmp_path / "geometry.poni").write_text("Distance: 0.2")
    (tmp_path / "CsPbBr3.cif").write_text("data_a")
    (tmp_path / "experiment.toml").write_text("[experiment]")
    np.savez(tmp_path / "mask.npz", np.zeros((2, 2)))
    for option, name in (
        ("--trace", "experiment.toml"),
        ("--map", "mask.npz"),
        ("--map", "stack.h5"),
        ("--trace", "br_0001.cbf"),
        ("--trace", "geometry.poni"),
        ("--summary", "CsPbBr3.cif"),
    ):
        before = (tmp_path / name).read_bytes()
        expect_refusal(latticewatch("export", run, option, tmp_path / name), name, "is kept")
        assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("option", "name"), [("--map", "map.h5"), ("--map", "map.npz"), ("--map", "map.csv"), ("--trace", "lp.csv")]
)
def test_an_export_is_written_again(latticewatch: Command, run: Path, tmp_path: Path, option: str, name: str) -> None:
    for _ in range(2):
        said = latticewatch("export", run, option, tmp_path / name)
        assert said.status == 0, said.err


def test_two_exports_into_one_file(latticewatch: Command, run: Path, tmp_path: Path) -> None:
    said = latticewatch("export", run, "--trace", tmp_path / "a.csv", "--map", tmp_path / "sub" / ".." / "a.csv")
    expect_refusal(said, "a.csv", "two exports")
    assert not (tmp_path / "a.csv").exists()


def test_two_exports_into_one_pipe(latticewatch: Command, run: Path, tmp_path: Path) -> None:
    """Whoever reads it gets one after the other."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        said = latticewatch("export", run, "--trace", tmp_path / "pipe", "--summary", tmp_path / "pipe")
        assert said.status == 0, said.err
        read = os.read(reader, 1 << 20).decode()
    finally:
        os.close(reader)
    assert read.startswith("frame,file,time_s")
    assert '"title": "Br/shell2 + I/shell1"' in read


@pytest.mark.parametrize("name", ["experiment.toml", "geometry.poni"])
def test_an_accuracy_replaces_none_but_an_accuracy(
    latticewatch: Command, scan: Path, tmp_path: Path, name: str
) -> None:
    there = tmp_path / name
    there.write_bytes((scan / name).read_bytes())
    frame = sorted(scan.glob("*.cbf"))[0]
    expect_refusal(latticewatch("check-geometry", frame, "--out", there), name, "is no accuracy file", "--out")
    assert there.read_bytes() == (scan / name).read_bytes()


def test_nor_another_file_that_the_run_was_made_with(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    """A mask as a picture, a background as text: told by their content, whatever they are called."""
    mask = tmp_path / "mask.png"
    Image.fromarray(np.zeros(read_image(sorted(scan.glob("*.cbf"))[0]).counts.shape, np.uint8)).save(mask)
    before = mask.read_bytes()
    assert latticewatch("process", scan, "--mask", mask, "--out", tmp_path / "masked.h5").status == 0
    expect_refusal(latticewatch("export", tmp_path / "masked.h5", "--figure", mask), "mask.png", "made with", "is kept")
    expect_refusal(latticewatch("process", "--tree", scan, "--mask", mask, "--summary", mask), "mask.png", "made with")
    assert mask.read_bytes() == before
