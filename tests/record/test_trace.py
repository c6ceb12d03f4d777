"""The trace: columns, digits, quoting."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.export.trace import trace_columns, trace_record, write_trace
from tests.record import runs

COLUMNS = [
    *("frame", "file", "time_s", "status", "reason", "state", "components", "lp_mean_A", "lp_mean_esd_A"),
    *("lp_Br_A", "lp_Br_esd_A", "lp_Br_model_esd_A", "weight_Br", "weight_Br_esd"),
    *("lp_I_A", "lp_I_esd_A", "lp_I_model_esd_A", "weight_I", "weight_I_esd"),
    *("fraction", "fraction_esd", "rwp_percent", "chi2_reduced", "intensity", "foreign_lines", "pixels_left_out"),
    *("segment", "recorded_s", "file_mtime_s", "lp_accuracy_A"),
]


def cells_of(row: Row, folder: Path, composition: bool = False) -> list[str]:
    """The row as it stands in the CSV."""
    write_trace(folder / "trace.csv", [row], runs.kept(composition))
    with (folder / "trace.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))[1]


def test_columns_stand_in_the_order_of_the_contract() -> None:
    assert list(trace_columns(runs.kept(composition=True))) == COLUMNS
    without = [name for name in COLUMNS if not name.startswith("fraction")]
    assert list(trace_columns(runs.kept())) == without


def test_csv_has_one_line_a_frame_and_empty_cells_where_nothing_is_known(tmp_path: Path) -> None:
    rows = runs.rows(10)
    write_trace(tmp_path / "trace.csv", rows, runs.kept(composition=True))
    with (tmp_path / "trace.csv").open(newline="", encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    assert [int(line["frame"]) for line in table] == list(range(10))
    assert list(table[0]) == COLUMNS
    gap = table[3]
    assert (gap["status"], gap["reason"]) == ("gap", "unreadable: cut short")
    known = {"frame", "file", "time_s", "status", "reason", "state", "segment", "file_mtime_s"}
    assert {name for name, cell in gap.items() if cell} == known
    merged = table[5]
    assert (merged["status"], merged["components"], merged["lp_I_A"]) == ("fitted", "1", "")


def test_no_measured_digit_is_lost() -> None:
    row = runs.row(1, runs.two_theta())
    record = trace_record(row, runs.kept(composition=True))
    assert record["lp_mean_A"] == pytest.approx(row.fit.lp_mean_A, abs=5.1e-8)  # type: ignore[union-attr]
    assert record["intensity"] == pytest.approx(row.intensity, rel=1e-7)
    assert record["file_mtime_s"] == row.mtime_s


def test_json_says_what_the_csv_says(tmp_path: Path) -> None:
    for row in runs.rows(10):
        record = trace_record(row, runs.kept(composition=True))
        cells = cells_of(row, tmp_path, composition=True)
        json.dumps(record, allow_nan=False)
        assert record.pop("header", {}) == row.header
        for value, cell in zip(record.values(), cells, strict=True):
            assert (value is None) == (cell == "") or value == ""
            if isinstance(value, float | int):
                assert float(cell) == value


def test_text_that_a_spreadsheet_would_calculate_is_quoted_and_numbers_are_not(tmp_path: Path) -> None:
    row = dataclasses.replace(
        runs.row(3, runs.two_theta()), name='=HYPERLINK("x"),1.cbf', time_s=-2.5, fit=NoResult("@SUM(A1)\n\x1b[31m")
    )
    write_trace(tmp_path / "trace.csv", [row], runs.kept())
    with (tmp_path / "trace.csv").open(newline="", encoding="utf-8") as lines:
        (line,) = csv.DictReader(lines)
    assert line["file"] == '\'=HYPERLINK("x"),1.cbf'
    assert line["reason"] == "'@SUM(A1)  [31m"
    assert line["time_s"] == "-2.500000"


@pytest.mark.parametrize("start", list("=+-@"))
def test_every_formula_start_is_guarded(start: str, tmp_path: Path) -> None:
    row = dataclasses.replace(runs.row(3, runs.two_theta()), name=f"{start}1")
    assert cells_of(row, tmp_path)[1] == f"'{start}1"


def test_negative_zero_and_infinity_do_not_reach_the_file(tmp_path: Path) -> None:
    row = dataclasses.replace(runs.row(1, runs.two_theta()), time_s=-0.0, intensity=float("inf"))
    record = trace_record(row, runs.kept())
    cells = dict(zip(trace_columns(runs.kept()), cells_of(row, tmp_path), strict=True))
    assert cells["time_s"] == "0.000000"
    assert (cells["intensity"], record["intensity"]) == ("", None)


def test_a_folder_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^[^\n]*missing/trace\.csv: cannot be written \(No such file[^\n]*$"):
        write_trace(tmp_path / "missing" / "trace.csv", [], runs.kept())


def test_an_old_file_stays_where_the_new_one_cannot_be_made(tmp_path: Path) -> None:
    target = tmp_path / "trace.csv"
    target.write_text("old")

    def broken() -> list[object]:
        raise RuntimeError("no more rows")

    with pytest.raises(RuntimeError):
        write_trace(target, (row for row in broken()), runs.kept())  # type: ignore[misc]
    assert target.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["trace.csv"]
