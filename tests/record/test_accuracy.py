"""Precision and accuracy apart: what a standard said of the geometry goes with every lattice parameter."""

import csv
import datetime
import json
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from latticewatch.processing.config.accuracy_file import accuracy_toml, read_accuracy
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy, quoted, signs_of
from latticewatch.processing.reaction.afterwards.kinetics import describe
from latticewatch.processing.record.export.compared import compared
from latticewatch.processing.record.export.figures import compare_runs, draw_figure
from latticewatch.processing.record.export.patterns_and_map import pattern_text
from latticewatch.processing.record.export.summary import summarise
from latticewatch.processing.record.export.trace import trace_record, write_trace
from latticewatch.processing.record.run_file.header import header_from_json, header_to_json
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs

CHECKED = Accuracy(163.4, "CeO2", "ceria.tif", "geometry.poni", "ab" * 32, 2, datetime.date(2026, 11, 24), 8)


def run_with(path: Path, accuracy: Accuracy | None) -> Path:
    header = replace(runs.header(), setup=replace(runs.setup(), accuracy=accuracy))
    with RunWriter(path, header, runs.two_theta()) as writer:
        writer.append_many(runs.rows(12))
    return path


def test_a_lattice_parameter_is_quoted_with_esd_and_accuracy() -> None:
    assert quoted(5.8671234, 0.000043, CHECKED) == "5.86712 ± 0.00004 ± 0.00096 Å"
    assert quoted(5.8671234, 0.000143, None) == "5.86712 ± 0.00014 Å"
    assert quoted(float("nan"), 0.1, CHECKED) == "—"
    assert signs_of(CHECKED) == "± esd ± accuracy, 163 ppm by CeO2, checked 2026-11-24"
    assert signs_of(None) == "± esd; accuracy not determined"


def test_the_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "geometry.accuracy.toml"
    path.write_text(accuracy_toml(CHECKED), "utf-8")
    assert read_accuracy(path) == CHECKED


@pytest.mark.parametrize("line", ["accuracy_ppm = -3.0", 'poni_sha256 = "no hash"', "orientation = 9", 'chekced = "x"'])
def test_a_file_that_cannot_be_is_refused_by_line(tmp_path: Path, line: str) -> None:
    key = line.split(" ")[0]
    kept = [each for each in accuracy_toml(CHECKED).splitlines() if not each.startswith(f"{key} ")]
    path = tmp_path / "geometry.accuracy.toml"
    path.write_text("\n".join([*kept, line]), "utf-8")
    with pytest.raises(UserError, match=rf"geometry.accuracy.toml, line \d+: .*{key}"):
        read_accuracy(path)


def test_the_run_file_carries_it_and_stands_alone(tmp_path: Path) -> None:
    path = run_with(tmp_path / "run.h5", CHECKED)
    with h5py.File(path) as file:
        group = file["entry/instrument/geometry_accuracy"]
        assert group["accuracy_ppm"][()] == 163.4
        assert group["calibrant"].asstr()[()] == "CeO2"
        assert group["poni_sha256"].asstr()[()] == "ab" * 32
        assert group["checked"].asstr()[()] == "2026-11-24"
        assert "163 ppm" in file["entry/lattice_parameters/title"].asstr()[()]
        mean, accuracy = file["entry/trace/lp_mean_A"][1], file["entry/trace/lp_accuracy_A"][1]
        assert accuracy == pytest.approx(163.4e-6 * mean)
    with read_run(path) as run:
        assert run.setup.accuracy == CHECKED


def test_without_a_check_the_run_file_says_so(tmp_path: Path) -> None:
    with h5py.File(run_with(tmp_path / "run.h5", None)) as file:
        assert file["entry/instrument/geometry_accuracy"].attrs["description"] == "± esd; accuracy not determined"
        assert "accuracy not determined" in file["entry/lattice_parameters/title"].asstr()[()]


def test_a_run_of_before_is_read_and_gone_on_with(tmp_path: Path) -> None:
    path = run_with(tmp_path / "run.h5", None)
    with h5py.File(path, "r+") as file:
        del file["entry/trace/lp_accuracy_A"]
    with RunWriter.resume(path) as writer:
        writer.append_many([runs.row(12, runs.two_theta())])
    with read_run(path) as run:
        assert len(run.rows) == 13
        assert run.setup.accuracy is None


def test_a_header_of_before_has_no_accuracy() -> None:
    old = json.loads(header_to_json(runs.header()))
    del old["setup"]["accuracy"]
    assert header_from_json(json.dumps(old), "run.h5").setup.accuracy is None


def test_the_trace_has_it_in_the_last_column(tmp_path: Path) -> None:
    row = runs.row(1, runs.two_theta())
    assert trace_record(row, runs.kept(), accuracy=CHECKED)["lp_accuracy_A"] == pytest.approx(0.00098, abs=2e-5)
    assert trace_record(row, runs.kept())["lp_accuracy_A"] is None
    write_trace(tmp_path / "trace.csv", [row, runs.row(3, runs.two_theta())], runs.kept(), accuracy=CHECKED)
    with (tmp_path / "trace.csv").open(newline="", encoding="utf-8") as lines:
        fitted, gap = csv.DictReader(lines)
    assert float(fitted["lp_accuracy_A"]) == pytest.approx(163.4e-6 * float(fitted["lp_mean_A"]), abs=1e-7)
    assert gap["lp_accuracy_A"] == ""


def test_patterns_say_both(tmp_path: Path) -> None:
    row = runs.row(1, runs.two_theta())
    line = pattern_text(row, CHECKED).splitlines()[2]
    assert "angstrom (esd of the fit) +- 0.0009" in line
    assert "(accuracy: 163 ppm by CeO2, checked 2026-11-24)" in line
    assert pattern_text(row).splitlines()[2].endswith("(esd of the fit), accuracy not determined")


def test_the_summary_has_it_beside_the_keys_of_the_contract(tmp_path: Path) -> None:
    for accuracy, ppm in ((CHECKED, 163.4), (None, None)):
        with read_run(run_with(tmp_path / f"{ppm}.h5", accuracy)) as run:
            summary = summarise(run.header, run.traced, describe(run.setup, run.traced))
        assert (summary["accuracy"] or {}).get("ppm") == ppm
        assert summary["lp_errors"] == signs_of(accuracy)
        json.dumps(summary, allow_nan=False)


def test_figures_say_both(tmp_path: Path) -> None:
    with (
        read_run(run_with(tmp_path / "one.h5", CHECKED)) as one,
        read_run(run_with(tmp_path / "two.h5", None)) as two,
    ):
        draw_figure(one, tmp_path / "one.svg")
        compare_runs([compared(one), compared(two)], tmp_path / "both.csv")
        compare_runs([compared(one), compared(two)], tmp_path / "both.svg")
    with (tmp_path / "both.csv").open(newline="", encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    known = {line["file"]: bool(line["lp_accuracy_A"]) for line in table}
    assert known == {"one.h5": True, "two.h5": False}
    # Letters are drawn as paths; the text stands in a comment before them.
    drawn = (tmp_path / "one.svg").read_text("utf-8")
    assert "accuracy: 163 ppm by CeO2, checked 2026-11-24" in drawn
    assert "not determined" in (tmp_path / "both.svg").read_text("utf-8")
