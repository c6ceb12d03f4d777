"""``[geometry] background``: an image or a pattern of the empty cell, given in experiment.toml."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import fabio
import numpy as np
import pytest

from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import Said
from tests.app.test_bad_input import edit, expect_refusal

Command = Callable[..., Said]


@pytest.fixture
def copy(scan: Path, tmp_path: Path) -> Path:
    """A copy of the scan in which each frame holds what the windows scatter too; empty.edf is what they do alone."""
    folder = Path(shutil.copytree(scan, tmp_path / "copy" / "scan"))
    frames = sorted(folder.glob("*.cbf"))
    shape = fabio.open(frames[0]).data.shape
    rows, columns = np.indices(shape)
    # A ring of its own centre, as a window far from the sample makes it, and a slope.
    ring = 40.0 * np.exp(-0.5 * ((np.hypot(rows - 0.45 * shape[0], columns - 0.4 * shape[1]) - 150.0) / 4.0) ** 2)
    level = ring + 8.0
    rng = np.random.default_rng(3)
    for path in frames:
        image = fabio.open(path)
        good = image.data >= 0
        image.data = np.where(good, image.data + rng.poisson(level), image.data).astype(image.data.dtype)
        image.write(str(path))
    fabio.edfimage.EdfImage(data=np.where(good, rng.poisson(5.0 * level), -1).astype(np.int32)).write(
        str(folder / "empty.edf")
    )
    return folder


def with_background(folder: Path, name: str) -> None:
    edit(folder / "experiment.toml", 'poni = "geometry.poni"', f'poni = "geometry.poni"\nbackground = "{name}"')


def rows_of(said: Said) -> list[dict[str, float | str | None]]:
    assert said.status == 0, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def test_an_image_of_the_empty_cell_explains_its_scattering(latticewatch: Command, copy: Path, tmp_path: Path) -> None:
    without = rows_of(latticewatch("process", copy, "--json", "--out", tmp_path / "without.h5"))
    with_background(copy, "empty.edf")
    rows = rows_of(latticewatch("process", copy, "--json", "--out", tmp_path / "with.h5"))

    def misfits(of: list[dict[str, float | str | None]]) -> list[float]:
        return [float(row["chi2_reduced"] or 0.0) for row in of if row["status"] == "fitted"]

    assert len(misfits(rows)) >= 8  # of twelve, the first four are of the solvent alone
    assert np.median(misfits(rows)) < 1.3
    assert len(misfits(without)) < len(misfits(rows)) or np.median(misfits(without)) > 1.5 * np.median(misfits(rows))
    again = rows_of(latticewatch("process", tmp_path / "with.h5", "--json", "--out", tmp_path / "again.h5"))
    assert [row["lp_Br_A"] for row in again] == [row["lp_Br_A"] for row in rows]


def test_a_pattern_of_the_empty_cell_is_kept_in_the_run_file(latticewatch: Command, copy: Path, tmp_path: Path) -> None:
    angles = np.arange(2.0, 40.0, 0.02)
    np.savetxt(copy / "empty.xy", np.column_stack([angles, 100.0 + angles]), header="2theta intensity")
    with_background(copy, "empty.xy")
    assert latticewatch("process", copy, "--out", tmp_path / "run.h5").status == 0
    with read_run(tmp_path / "run.h5") as run:
        kept = run.setup.background
        assert kept is not None
        assert kept.two_theta_deg == pytest.approx(angles)
        assert "background" in [file.role for file in run.header.inputs]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 2\n3 4\n", "fewer than 20 points"),
        ("\n".join(f"{30 - i} 5" for i in range(29)), "ascending"),
        ("\n".join(f"{100 + i} 5" for i in range(29)), "covers 0 %"),
    ],
)
def test_what_is_no_pattern_of_the_empty_cell(latticewatch: Command, copy: Path, content: str, words: str) -> None:
    (copy / "empty.xy").write_text(content)
    with_background(copy, "empty.xy")
    expect_refusal(latticewatch("process", copy), "empty.xy", words)


def test_an_image_of_another_detector(latticewatch: Command, copy: Path) -> None:
    fabio.edfimage.EdfImage(data=np.ones((20, 30), np.int32)).write(str(copy / "empty.edf"))
    with_background(copy, "empty.edf")
    expect_refusal(latticewatch("process", copy), "empty.edf", "pixels")


def test_a_background_that_is_not_there(latticewatch: Command, copy: Path) -> None:
    with_background(copy, "lost.xy")
    expect_refusal(latticewatch("process", copy), "lost.xy")
