"""Azimuthal sectors through `process`: true cells in each of them, and a beam that moved is told as an offset."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.main import run

FRAMES = 14
EDGES = "edges = [20, 50, 70, 90, 110, 130, 160]"


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sectors") / "scan"
    assert run(["simulate", "iodide", str(folder), "--frames", str(FRAMES)]) == 0
    experiment = folder / "experiment.toml"
    experiment.write_text(f"[sectors]\n{EDGES}\n{experiment.read_text(encoding='utf-8')}", encoding="utf-8")
    return folder


def processed(scan: Path, out: Path) -> tuple[list[dict[str, str]], list[dict[str, float]]]:
    """The trace, and what the summary says of the sectors."""
    assert run(["process", str(scan), "--out", str(out)]) == 0
    trace, summary = out.with_suffix(".csv"), out.with_suffix(".json")
    assert run(["export", str(out), "--trace", str(trace), "--summary", str(summary)]) == 0
    with trace.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return rows, json.loads(summary.read_text(encoding="utf-8"))["sectors"]


def test_every_sector_shows_the_true_cell(scan: Path, tmp_path: Path) -> None:
    rows, told = processed(scan, tmp_path / "run.h5")
    with (scan / "truth.csv").open(encoding="utf-8", newline="") as lines:
        truth = list(csv.DictReader(lines))
    names = [f"sector_{number}_{name}" for number in range(1, 7) for name in ("Br", "I")]
    pulls = [
        (float(row[f"{name}_A"]) - float(true[f"lp_{name.rsplit('_', 1)[1]}_A"])) / float(row[f"{name}_esd_A"])
        for row, true in zip(rows, truth, strict=True)
        for name in names
        if row[f"{name}_A"]
    ]
    fitted = sum(row["status"] == "fitted" for row in rows)
    assert len(pulls) == fitted * len(names)
    assert 0.8 < np.sqrt(np.mean(np.square(pulls))) < 1.25
    for each in told:
        assert each["frames"] == fitted
        assert each["offset"] < 4.0 * each["offset_esd"]
        assert each["strain"] < 4.0 * each["strain_esd"]


def test_a_beam_that_moved_is_an_offset(scan: Path, tmp_path: Path) -> None:
    poni = scan / "geometry.poni"
    text = poni.read_text(encoding="utf-8")
    centre = float(re.findall(r"^Poni2: (\S+)", text, re.M)[0])
    moved = tmp_path / "moved.poni"
    moved.write_text(re.sub(r"^Poni2: \S+", f"Poni2: {centre + 3e-4!r}", text, flags=re.M), encoding="utf-8")
    out = tmp_path / "moved.h5"
    assert run(["process", str(scan), "--geometry", str(moved), "--out", str(out)]) == 0
    assert run(["export", str(out), "--summary", str(tmp_path / "moved.json")]) == 0
    for each in json.loads((tmp_path / "moved.json").read_text(encoding="utf-8"))["sectors"]:
        assert each["offset"] > 8.0 * each["offset_esd"]
        assert min(abs(each["offset_deg"]), abs(abs(each["offset_deg"]) - 180.0)) < 45.0  # along the second axis


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("count = 2", "greater than or equal to 3"),
        ("count = 4\nedges = [0, 90, 180, 270]", "count or edges, not both"),
        ("edges = [0, 90, 80, 270]", "ascending order"),
        ("edges = [-180, 0, 90, 181]", "360 degrees at most"),
        ("edges = [-180, -100, 0, 90]", r"no pixel in use lies between -180 and -100 deg"),
    ],
)
def test_sectors_that_cannot_be_are_refused(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, why: str
) -> None:
    experiment = tmp_path / "experiment.toml"
    text = (scan / "experiment.toml").read_text(encoding="utf-8")
    experiment.write_text(text.replace(EDGES, lines), encoding="utf-8")
    given = ["--experiment", str(experiment), "--geometry", str(scan / "geometry.poni")]
    given += ["--out", str(tmp_path / "a.h5")]
    assert run(["process", str(scan), *given]) == 2
    assert re.search(why, capsys.readouterr().err)
