"""A realistic scan as files: what ``simulate realism`` writes is what the ensemble draws."""

import csv
import json
from pathlib import Path

import fabio
import numpy as np
import pytest

from latticewatch.processing.config.experiment import read_experiment
from latticewatch.processing.simulation.detector import DETECTORS, pixels_of
from latticewatch.processing.simulation.realism.drawn import real_scan
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.profile import expected_profile
from latticewatch.processing.simulation.realism.sheets import contents_text
from latticewatch.processing.simulation.scan import write_scan

SEED, FRAME = 0, 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("realism")
    write_scan("realism", folder, first=FRAME, frames=2, seed=SEED, detector="pilatus300k")
    return folder


def test_files_and_sheets(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    frames = [f"realism{SEED}_0001p_{number:05d}.cbf" for number in (FRAME + 1, FRAME + 2)]
    assert names == sorted([*frames, "geometry.poni", "experiment.toml", "truth.csv", "truth.json"])
    experiment, _ = read_experiment(folder / "experiment.toml")
    assert [one.name for one in experiment.component] == [one.name for one in real_scan(SEED).crystals]
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == [FRAME, FRAME + 1]
    truth = frame_truth(real_scan(SEED), FRAME)
    assert float(rows[0]["lp_Br_A"]) == pytest.approx(truth.lattices[0].lp_A, abs=1e-6)


def test_the_image_has_the_expected_pattern(folder: Path) -> None:
    with fabio.open(folder / f"realism{SEED}_0001p_{FRAME + 1:05d}.cbf") as frame:
        counts = np.array(frame.data)
    pixels = pixels_of(DETECTORS["pilatus300k"], SEED)
    good = ~(pixels.gap | pixels.dead | pixels.hot) & (counts < 2000)
    means = np.interp(pixels.two_theta, *_profile()) * pixels.response
    rings = np.digitize(pixels.two_theta[good], np.linspace(4.0, 25.0, 300))
    total, expected = np.bincount(rings, counts[good]), np.bincount(rings, means[good])
    pulls = (total - expected) / np.sqrt(expected)
    assert np.sqrt(np.mean(pulls**2)) == pytest.approx(1.0, abs=0.15)


def _profile() -> tuple[np.ndarray, np.ndarray]:
    grid = np.arange(0.0, 30.0, 0.003)
    return grid, expected_profile(real_scan(SEED), frame_truth(real_scan(SEED), FRAME), grid)


def test_contents_name_pause_and_end() -> None:
    seeds = [seed for seed in range(40) if len(real_scan(seed).epochs[1].legs) > 1][:3]
    for seed in seeds:
        scan = real_scan(seed)
        contents = json.loads(contents_text(scan))
        truths = [frame_truth(scan, number) for number in range(scan.frames)]
        resting = [truth.time_s for truth in truths if truth.resting]
        start, end = contents["pauses_s"][0]
        assert start <= resting[0] < start + scan.period_s
        assert any(end - scan.period_s <= at < end for at in resting)
        if contents["end_s"] is not None:
            left = [truth.left for truth in truths if truth.time_s >= contents["end_s"]]
            assert max(left) <= 0.03
