"""Exports: patterns, maps, figures."""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.image import imread

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics
from latticewatch.processing.record.export.compared import compared, mixing_of, watched_curve
from latticewatch.processing.record.export.figures import compare_runs, draw_figure
from latticewatch.processing.record.export.patterns_and_map import export_map, export_patterns
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "in").mkdir()
    runs.write_run(tmp_path / "in" / "run.h5", 45)
    with read_run(tmp_path / "in" / "run.h5") as found:
        yield found


def test_patterns_come_with_the_name_of_their_frame_and_their_lattice_parameter(run: Run, tmp_path: Path) -> None:
    assert export_patterns(run, tmp_path / "out") == 45 - 5
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"scan_{number:04d}p.xye" for number in range(45) if number % 10 != 3}
    found = tmp_path / "out" / "scan_0001p.xye"
    row = run.rows[1]
    assert isinstance(row.fit, Fit)
    assert row.pattern is not None
    text = found.read_text()
    assert f"{row.fit.lp_mean_A:.7f} +- {row.fit.lp_mean_esd_A:.7f} angstrom" in text
    assert "# time 2.500000 s" in text
    angles, intensity, sigma = np.loadtxt(found, unpack=True)
    valid = np.isfinite(row.pattern.intensity)
    assert 0 < valid.sum() < len(valid)
    np.testing.assert_allclose(angles, row.pattern.two_theta[valid], atol=5e-7)
    np.testing.assert_array_equal(intensity.astype(np.float32), row.pattern.intensity[valid])
    np.testing.assert_array_equal(sigma.astype(np.float32), row.pattern.sigma[valid])


def test_names_cannot_lead_out_of_the_folder_and_do_not_collide(tmp_path: Path) -> None:
    names = ["../../etc/cron.d/x.cbf", "a/1.cbf", "a_1.cbf", "A_1.CBF", "m.h5#1", "m.h5#2", "...", ".cbf", "x" * 250]
    with RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta()) as writer:
        grid = runs.two_theta()
        writer.append_many([dataclasses.replace(runs.row(1, grid), index=n, name=name) for n, name in enumerate(names)])
    with read_run(tmp_path / "run.h5") as run:
        assert export_patterns(run, tmp_path / "deep" / "out") == len(names)
    made = [path for path in (tmp_path / "deep").rglob("*") if path.is_file()]
    assert len(made) == len(names)
    assert {path.parent for path in made} == {tmp_path / "deep" / "out"}
    assert not any(path.name.startswith(".") for path in made)


def test_the_map_is_the_same_in_every_format(run: Run, tmp_path: Path) -> None:
    for suffix in ("npz", "csv", "h5"):
        export_map(run, tmp_path / f"map.{suffix}")
    expected = run.intensity()
    with np.load(tmp_path / "map.npz", allow_pickle=False) as packed:
        np.testing.assert_array_equal(packed["intensity"], expected)
        np.testing.assert_array_equal(packed["two_theta_deg"], run.two_theta)
        np.testing.assert_array_equal(packed["time_s"], 2.5 * np.arange(45))
    with h5py.File(tmp_path / "map.h5") as file:
        np.testing.assert_array_equal(file["entry/map/intensity"], expected)
    with (tmp_path / "map.csv").open(newline="") as lines:
        table = list(csv.reader(lines))
    assert len(table) == 46
    assert table[4][1:] == [""] * runs.BINS
    np.testing.assert_array_equal(np.array([cell or "nan" for cell in table[2][1:]], np.float32), expected[1])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_are_drawn_and_the_same_each_time(run: Run, tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        draw_figure(run, tmp_path / f"{name}{suffix}")
        export_map(run, tmp_path / f"{name}-map{suffix}")
    one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert {".png": one[:4] == b"\x89PNG", ".svg": b"<svg" in one[:1000], ".pdf": one[:4] == b"%PDF"}[suffix]


def test_a_figure_is_one_journal_column_wide_with_its_fonts_in_it(run: Run, tmp_path: Path) -> None:
    draw_figure(run, tmp_path / "figure.png")
    draw_figure(run, tmp_path / "figure.pdf")
    assert imread(tmp_path / "figure.png").shape[1] == pytest.approx(85.0 / 25.4 * 600, abs=1.0)
    assert b"/FontFile2" in (tmp_path / "figure.pdf").read_bytes()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_run_that_has_hardly_begun_can_be_drawn(tmp_path: Path, count: int) -> None:
    runs.write_run(tmp_path / "run.h5", count)
    with read_run(tmp_path / "run.h5") as run:
        draw_figure(run, tmp_path / "figure.svg")
        export_map(run, tmp_path / "map.png")
        compare_runs([compared(run)], tmp_path / "compare.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 1000


def test_runs_are_laid_over_one_another_at_mixing(run: Run, tmp_path: Path) -> None:
    compare_runs([compared(run), compared(run)], tmp_path / "compare.csv")
    with (tmp_path / "compare.csv").open(newline="", encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    fitted = [row for row in run.traced if isinstance(row.fit, Fit)]
    assert len(table) == 2 * len(fitted)
    assert float(table[0]["time_since_mixing_s"]) == fitted[0].time_s - 10.0
    assert table[0]["run"] == "Br/shell2 + I/shell1, run"
    compare_runs([compared(run), compared(run)], tmp_path / "compare.pdf")
    assert (tmp_path / "compare.pdf").read_bytes()[:4] == b"%PDF"


def test_where_the_watched_lattice_cannot_be_told_the_mean_stands(run: Run) -> None:
    curve = watched_curve(run)
    first, merged = run.traced[1], run.traced[5]
    assert isinstance(first.fit, Fit)
    assert isinstance(merged.fit, Fit)
    assert curve.lp_A[1] == first.fit.lattices[0].lp_A
    assert np.isnan(curve.lp_A[3])
    assert mixing_of(run, Kinetics(mixing_s=99.0)) == 10.0


@pytest.mark.parametrize("name", ["map.xyz", "map", "map.npy"])
def test_other_suffixes_are_refused_with_the_ones_there_are(run: Run, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]*end the name with one of \.[^\n]*$"):
        export_map(run, tmp_path / name)
    with pytest.raises(UserError, match=r"^[^\n]*end the name with one of \.png, \.svg, \.pdf$"):
        draw_figure(run, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        export_patterns(run, tmp_path / "out")
