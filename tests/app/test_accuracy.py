"""From the frame of a standard to the numbers of a run: ``check-geometry --out``, the run file, the exports."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import pytest

from tests.app.conftest import Said
from tests.sample_data import sample

Command = Callable[..., Said]
EXPERIMENT = '[[component]]\nname = "Ce"\nphase = "CeO2"\n[geometry]\norientation = 2\n'


@dataclass(frozen=True)
class Kept:
    """The file of a check, and what the command said."""

    path: Path
    told: str


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """The frame of ceria with its geometry, as a scan of one frame."""
    folder = tmp_path / "scan"
    folder.mkdir()
    shutil.copy(sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"), folder / "ceria_0001.tif")
    shutil.copy(sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni"), folder / "geometry.poni")
    (folder / "experiment.toml").write_text(EXPERIMENT)
    return folder


def checked(latticewatch: Command, scan: Path, name: str = "geometry.accuracy.toml") -> Kept:
    out = scan / name
    frame = scan / "ceria_0001.tif"
    said = latticewatch("check-geometry", frame, "--calibrant", "CeO2", "--orientation", 2, "--out", out)
    assert said.status == 0, said.err
    assert f"kept in {out}" in said.out
    return Kept(out, said.out)


def test_the_accuracy_of_a_check_goes_with_every_number(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    told = checked(latticewatch, scan).told
    run = tmp_path / "run.h5"
    said = latticewatch("process", scan, "--out", run)
    assert said.status == 0, said.err
    assert re.search(r"5\.41\d+ ± 0\.000\d+ ± 0\.00\d+ Å \(± esd ± accuracy, \d+ ppm by CeO2, checked", said.out)
    with h5py.File(run) as file:
        ppm = file["entry/instrument/geometry_accuracy/accuracy_ppm"][()]
    assert f"with this geometry: {ppm:.0f} ppm" in told
    summary, xye = tmp_path / "summary.json", tmp_path / "patterns"
    said = latticewatch("export", run, "--summary", summary, "--patterns", xye, "--trace", tmp_path / "trace.csv")
    assert said.status == 0, said.err
    assert json.loads(summary.read_text())["accuracy"]["ppm"] == pytest.approx(ppm)
    assert f"{ppm:.3g} ppm by CeO2" in (xye / "ceria_0001.xye").read_text()
    assert (tmp_path / "trace.csv").read_text().splitlines()[0].endswith(",lp_accuracy_A")


def test_without_a_check_it_says_so(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    said = latticewatch("process", scan, "--out", tmp_path / "run.h5")
    assert said.status == 0, said.err
    assert "(± esd; accuracy not determined)" in said.out


def test_a_check_of_another_geometry_is_not_used_and_that_is_said(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = checked(latticewatch, scan).path
    with (scan / "geometry.poni").open("a") as poni:
        poni.write("# calibrated again\n")
    said = latticewatch("process", scan, "--out", tmp_path / "run.h5")
    assert said.status == 0, said.err
    assert "is not used: it is of another geometry" in caplog.text
    assert "accuracy not determined" in said.out
    (scan / "experiment.toml").write_text(f'{EXPERIMENT}accuracy = "{found.name}"\n')
    said = latticewatch("process", scan, "--out", tmp_path / "named.h5")
    assert said.status == 2
    assert "is of another geometry" in said.complaint


def test_of_two_checks_none_is_guessed(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = checked(latticewatch, scan).path
    shutil.copy(found, scan / "second.accuracy.toml")
    said = latticewatch("process", scan, "--out", tmp_path / "run.h5")
    assert "name one in [geometry] accuracy" in caplog.text
    (scan / "experiment.toml").write_text(f'{EXPERIMENT}accuracy = "second.accuracy.toml"\n')
    said = latticewatch("process", scan, "--out", tmp_path / "named.h5")
    assert said.status == 0, said.err
    assert "ppm by CeO2" in said.out
