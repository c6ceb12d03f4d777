"""Peaks that are followed without a structure: in trace, JSON and run file, resumed, filled in late and changed."""

import csv
import json
import math
import shutil
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.main import run
from latticewatch.app.run.given import Given
from latticewatch.app.run.segments import segments_of
from latticewatch.app.start.first_look import first_look
from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import peak_named
from latticewatch.processing.flow.row_fields import columns_of
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from latticewatch.processing.simulation.scan import write_scan
from tests.app.conftest import Said
from tests.app.conftest import latticewatch as latticewatch
from tests.app.conftest import scan as scan
from tests.app.test_changing import live, setup_text, with_setup
from tests.record.equality import assert_same_row

Command = Callable[..., Said]
PEAKS = """
[[peak]]
name = "p211"
two_theta_deg = [14.2, 15.7]

[[peak]]
name = "none"
two_theta_deg = [15.8, 16.6]
"""
FRAMES, BROKEN = 44, 30
VALUES = ("two_theta_deg", "area", "fwhm_deg", "shape")


@pytest.fixture(scope="module")
def reacted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exchange up to where the two lattices are one; treat as read-only."""
    folder = tmp_path_factory.mktemp("simulated") / "scan"
    write_scan("iodide-bare", folder, frames=FRAMES, seed=1, detector="pilatus300k")
    with (folder / "experiment.toml").open("a", encoding="utf-8") as setup:
        setup.write(PEAKS)
    return folder


@pytest.fixture(scope="module")
def processed(reacted: Path) -> Path:
    out = reacted.parent / "run.h5"
    assert run(["process", str(reacted), "--out", str(out)]) == 0
    return out


def peaks_in(run: Run) -> list[dict[str, object]]:
    return [asdict(peak) for row in run.traced for peak in row.peaks]


def same(one: object, other: object) -> None:
    np.testing.assert_equal(one, other)


def test_the_position_is_that_of_the_lattice(processed: Path) -> None:
    with read_run(processed) as run:
        rows = list(run.traced)
    for row in rows[-10:]:
        assert isinstance(row.fit, Fit)
        found = peak_named(row.peaks, "p211")
        expected = 2.0 * math.degrees(math.asin(WAVELENGTH_A * math.sqrt(6.0) / 2.0 / row.fit.lp_mean_A))
        assert abs(found.two_theta_deg - expected) < 4.0 * found.two_theta_esd_deg < 0.004
        assert found.area > 50.0 * found.area_esd
    for row in rows:
        assert not peak_named(row.peaks, "none").is_found
    # Solvent alone: no lattice, and what the range holds is said all the same.
    assert not isinstance(rows[0].fit, Fit)
    assert abs(rows[0].peaks[0].area) < 3.0 * rows[0].peaks[0].area_esd


def test_trace_json_and_run_file_have_its_columns(
    reacted: Path, processed: Path, tmp_path: Path, latticewatch: Command
) -> None:
    assert latticewatch("export", processed, "--trace", tmp_path / "trace.csv").status == 0
    with (tmp_path / "trace.csv").open(encoding="utf-8") as text:
        cells = list(csv.DictReader(text))
    told = latticewatch("process", reacted, "--out", tmp_path / "again.h5", "--json").out.splitlines()
    with read_run(processed) as run:
        for line, cell, row in zip(map(json.loads, told), cells, run.traced, strict=True):
            for peak in row.peaks:
                for name in VALUES:
                    key, value = f"peak_{peak.name}_{name}", getattr(peak, name)
                    assert (line[key] is None) == (cell[key] == "") == math.isnan(value)
                    if math.isfinite(value):
                        assert line[key] == pytest.approx(value, rel=1e-6, abs=1e-6)
                        assert float(cell[key]) == line[key]
        assert [each.name for each in run.setup.peaks] == ["p211", "none"]


def test_a_run_file_is_fitted_again_to_the_same_peaks(processed: Path, tmp_path: Path, latticewatch: Command) -> None:
    assert latticewatch("process", processed, "--out", tmp_path / "again.h5").status == 0
    with read_run(processed) as run, read_run(tmp_path / "again.h5") as again:
        same(peaks_in(again), peaks_in(run))


def test_a_resumed_run_has_the_same_peaks_also_where_a_frame_came_late(
    reacted: Path, processed: Path, tmp_path: Path, latticewatch: Command
) -> None:
    folder, out = tmp_path / "scan", tmp_path / "run.h5"
    shutil.copytree(reacted, folder)
    frames = sorted(folder.glob("*.cbf"))
    whole = frames[BROKEN].read_bytes()
    frames[BROKEN].write_bytes(whole[: len(whole) // 2])
    for frame in frames[36:]:
        frame.rename(tmp_path / frame.name)
    assert latticewatch("process", folder, "--out", out).status == 0
    with read_run(out) as run:
        assert np.isnan(run.traced[BROKEN].peaks[0].area)
    frames[BROKEN].write_bytes(whole)
    for frame in frames[36:]:
        (tmp_path / frame.name).rename(frame)
    assert latticewatch("process", folder, "--out", out, "--resume").status == 0
    with read_run(out) as run, read_run(processed) as undisturbed:
        assert run.traced[BROKEN].filled is not None
        same(peaks_in(run), peaks_in(undisturbed))


def test_a_running_scan_follows_a_further_peak_from_the_next_frame_on(
    scan: Path, tmp_path: Path, latticewatch: Command
) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    first = '\n[[peak]]\nname = "a"\ntwo_theta_deg = [15.0, 16.0]\n'
    second = '\n[[peak]]\nname = "b"\ntwo_theta_deg = [14.0, 15.0]\n'
    with live(scan, folder, out, with_setup(folder, setup_text(scan) + first, "first.toml")) as run:
        run.feed(5)
        run.change(with_setup(folder, setup_text(scan) + first + second, "both.toml"), "one more")
        run.feed(8)
        # What a kill would leave: the journal, from which all of it is made anew.
        copy = tmp_path / "killed.h5"
        shutil.copy(journal_path(out), journal_path(copy))
        run.change(with_setup(folder, setup_text(scan) + second, "second.toml"))
        run.feed(10)
    with read_run(out) as found, read_run(copy) as killed:
        assert all(change.keeps_fits for change in found.changes)
        assert [str(each) for each in found.changes[0].what] == [
            "[[peak]] b name: none → b",
            "[[peak]] b two_theta_deg: none → [14.0, 15.0]",
        ]
        assert found.kept.peaks == ("a", "b")
        told = [[peak.name for peak in row.peaks if math.isfinite(peak.area)] for row in found.traced]
        assert told == [["a"]] * 5 + [["a", "b"]] * 3 + [["b"]] * 2
        for one, other in zip(killed.rows, found.rows, strict=False):
            assert_same_row(one, other)
        assert len(killed.rows) == 8
        assert [column.path for column in columns_of(found.kept)].count("trace/peak_b_area") == 1
    began = ("--geometry", folder / "geometry.poni", "--experiment", tmp_path / "first.toml")
    assert latticewatch("process", folder, "--out", out, "--resume", *began).status == 0
    assert latticewatch("export", out, "--trace", tmp_path / "trace.csv").status == 0
    with (tmp_path / "trace.csv").open(encoding="utf-8") as text:
        cells = list(csv.DictReader(text))
    assert [bool(cell["peak_a_area"]) for cell in cells] == [True] * 8 + [False] * 2
    assert [bool(cell["peak_b_area"]) for cell in cells] == [False] * 5 + [True] * 5


@pytest.fixture(scope="module")
def alone(reacted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the same frames with peaks and no component."""
    folder = tmp_path_factory.mktemp("alone") / "scan"
    shutil.copytree(reacted, folder)
    (folder / "experiment.toml").write_text(f'[experiment]\ntitle = "no CIF"\n{PEAKS}', encoding="utf-8")
    assert run(["process", str(folder), "--out", str(folder.parent / "run.h5")]) == 0
    return folder.parent / "run.h5"


def test_without_a_structure_peaks_alone_are_the_fit(
    alone: Path, processed: Path, tmp_path: Path, latticewatch: Command
) -> None:
    with read_run(alone) as found, read_run(processed) as whole:
        same(peaks_in(found), peaks_in(whole))
        for row in found.rows:
            assert isinstance(row.fit, Fit) == any(each.is_found for each in row.peaks)
            if isinstance(row.fit, Fit):
                assert (row.fit.lattices, row.fit.components) == ((), 0)
                assert math.isnan(row.fit.lp_mean_A)
                assert 0.5 < row.fit.chi2_reduced < math.inf
            else:
                assert row.fit == NoResult("no peaks")
        assert found.setup.window_deg == (14.2, 16.6)
        row = found.rows[-1]
        assert isinstance(row.fit, Fit)
        curves = refinement_of(found.setup, found.two_theta).curves(row.fit.parameters)
        assert row.pattern is not None
        left = (row.pattern.intensity - curves.calculated) / row.pattern.sigma
        assert float(np.nanmean(left**2)) == pytest.approx(row.fit.chi2_reduced, rel=0.2)
        assert found.two_theta[np.isfinite(left)].min() >= 14.2
    outputs = ["trace.csv", "summary.json", "map.csv", "figure.pdf", "screenshot.png"]
    kinds = [each.partition(".")[0] for each in outputs]
    asked = [part for kind, name in zip(kinds, outputs, strict=True) for part in (f"--{kind}", tmp_path / name)]
    assert latticewatch("export", alone, *asked, "--patterns", tmp_path / "patterns").status == 0
    assert all((tmp_path / name).stat().st_size for name in outputs)
    assert latticewatch("compare", alone, processed, "--out", tmp_path / "compared.csv").status == 0
    replayed = latticewatch("replay", alone, "--speed", "max", "--headless", "--json").out.splitlines()
    assert json.loads(replayed[-1])["status"] == "fitted"
    assert latticewatch("process", alone, "--out", tmp_path / "again.h5").status == 0
    with read_run(alone) as found, read_run(tmp_path / "again.h5") as again:
        same(peaks_in(again), peaks_in(found))


def test_without_a_structure_a_run_is_resumed_from_its_journal(
    alone: Path, tmp_path: Path, latticewatch: Command
) -> None:
    folder, out = tmp_path / "scan", tmp_path / "run.h5"
    shutil.copytree(alone.parent / "scan", folder)
    for frame in sorted(folder.glob("*.cbf"))[30:]:
        frame.rename(tmp_path / frame.name)
    assert latticewatch("process", folder, "--out", out).status == 0
    for frame in tmp_path.glob("*.cbf"):
        frame.rename(folder / frame.name)
    assert latticewatch("process", folder, "--out", out, "--resume").status == 0
    with read_run(out) as run, read_run(alone) as undisturbed:
        for one, other in zip(run.rows, undisturbed.rows, strict=True):
            assert_same_row(one, replace(other, mtime_s=one.mtime_s), clocks=False)


def test_without_a_structure_further_peaks_are_followed(scan: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "live", tmp_path / "run.h5"
    first = '[[peak]]\nname = "a"\ntwo_theta_deg = [15.0, 16.0]\n'
    second = '[[peak]]\nname = "b"\ntwo_theta_deg = [11.0, 12.3]\n'
    with live(scan, folder, out, with_setup(folder, first, "first.toml")) as going:
        going.feed(6)
        going.change(with_setup(folder, first + second, "both.toml"))
        going.feed(9)
    with read_run(out) as found:
        assert not found.changes[0].keeps_fits  # peaks alone are what is fitted
        segments = segments_of(found)
        for row in found.rows:
            if isinstance(row.fit, Fit):
                drawn = segments[row.segment].refinement.curves(row.fit.parameters)
                assert np.isfinite(drawn.calculated).any()
        assert sum(isinstance(row.fit, Fit) for row in found.traced) > 3


def test_without_a_structure_the_first_look_finds_the_peak(alone: Path) -> None:
    scan = alone.parent / "scan"
    look = first_look(scan, Given(scan / "geometry.poni", scan / "experiment.toml"), threading.Event())
    assert look.seen is not None
    assert look.seen.curves is not None
    assert "position of p211 14.95" in look.judgement.text
    assert look.judgement.better is None


def test_a_run_needs_a_component_or_a_peak() -> None:
    with pytest.raises(UserError, match=r"^[^\n]*needs a \[\[component\]\], or a \[\[peak\]\][^\n]*$"):
        parse_experiment('[experiment]\ntitle = "x"\n', "experiment.toml")
    with pytest.raises(UserError, match=r"^[^\n]*\[composition\][^\n]*$"):
        parse_experiment(f"{PEAKS}[composition]\nfirst_A = 5.8\nsecond_A = 6.2\n", "experiment.toml")


def peak(name: str = "p", two_theta_deg: str = "[14.0, 15.0]") -> str:
    return f'[[peak]]\nname = "{name}"\ntwo_theta_deg = {two_theta_deg}\n'


COMPONENT = '[[component]]\nname = "Br"\nphase = "CsPbBr3"\n'


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (peak("a b"), r"peak\[1\]\.name: takes letters, digits and _ only"),
        (peak("a") + peak("a"), 'two peaks are called "a"'),
        (peak(two_theta_deg="[15.0, 14.0]"), "two angles in ascending order"),
        (peak(two_theta_deg="[14.0]"), "peak"),
        ('[[peak]]\nname = "p"\n', "two_theta_deg is missing; add it"),
        (peak() + "width = 3\n", r"unknown key .*width; the nearest known key is"),
        ("".join(peak(f"p{number}") for number in range(25)), "peak"),
    ],
)
def test_impossible_peaks_are_refused(tables: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"^[^\n]*{said}[^\n]*$"):
        parse_experiment(COMPONENT + tables, "experiment.toml")


@pytest.mark.parametrize(
    ("two_theta_deg", "said"),
    [("[4.0, 15.0]", "peak p: .* not all within what the detector sees"), ("[14.0, 14.2]", "peak p: .* widen it")],
)
def test_ranges_that_the_patterns_cannot_fill_are_refused(two_theta_deg: str, said: str) -> None:
    experiment = parse_experiment(COMPONENT + peak(two_theta_deg=two_theta_deg), "experiment.toml")
    with pytest.raises(UserError, match=rf"^[^\n]*{said}[^\n]*$"):
        resolve(experiment, Path(), WAVELENGTH_A, np.linspace(5.0, 25.0, 401))
