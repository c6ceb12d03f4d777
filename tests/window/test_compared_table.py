"""The results of several runs side by side: by tables, and by the keys of the window."""

import csv
import math
from io import StringIO

import pytest

from latticewatch.app.window.compared_table import Column, as_csv, as_latex, as_text, header_of, lines_of
from latticewatch.app.window.results_table import Result

SHELL = Column(
    "shell_1",
    (
        Result("mixing", 10.0),
        Result("pause, begins", 22.0, 0.5),
        Result("pause, ends", 32.0, 0.4),
        Result("rate from 10 s, exponential", 0.012, 0.001, unit="1/s"),
        Result("rate from 32 s, exponential", 0.004, 0.0001, unit="1/s"),
        Result("end", 6.0312, 0.0003, 0.002, "Å"),
    ),
)
BARE = Column(
    "bare",
    (
        Result("mixing", 9.0),
        Result("rate from 9 s, stretched exponential", 0.05, 0.002, unit="1/s"),
        Result("half time, from mixing", 40.0, 2.0),
        Result("end", 6.0305, 0.0002, math.nan, "Å"),
    ),
)


def test_each_quantity_stands_once_in_the_order_of_the_reaction() -> None:
    assert header_of([SHELL, BARE]) == ("quantity", "shell_1", "bare", "unit")
    lines = lines_of([SHELL, BARE])
    assert [line[0] for line in lines] == [
        "mixing",
        "pause 1, begins",
        "pause 1, ends",
        "rate 1, stretched exponential",
        "rate 1, exponential",
        "rate 2, exponential",
        "half time, from mixing",
        "end",
    ]
    table = {line[0]: line[1:] for line in lines}
    # Rate constants of different laws are different quantities.
    assert table["rate 1, exponential"] == ("0.0120 ± 0.0010", "", "1/s")
    assert table["rate 1, stretched exponential"] == ("", "0.050 ± 0.002", "1/s")
    assert table["pause 1, begins"][1] == ""
    assert table["end"] == ("6.0312 ± 0.0003 ± 0.0020", "6.0305 ± 0.0002", "Å")


def test_a_run_with_one_pause_stands_beside_one_with_two() -> None:
    two = Column("two", (Result("pause 1, begins", 5.0), Result("pause 2, begins", 50.0)))
    lines = lines_of([SHELL, two])
    assert ("pause 1, begins", "22.0 ± 0.5", "5.0", "s") in lines


@pytest.mark.parametrize("columns", [[], [Column("empty", ())]])
def test_nothing_to_show_is_no_error(columns: list[Column]) -> None:
    assert lines_of(columns) == []
    assert as_text(columns).startswith("quantity")
    assert as_csv(columns).startswith("quantity")
    assert as_latex(columns).endswith("\\end{tabular}\n")


def test_what_is_copied_has_all_numbers() -> None:
    rows = list(csv.DictReader(StringIO(as_csv([SHELL, BARE]))))
    end = rows[-1]
    assert (end["shell_1"], end["shell_1 esd"], end["shell_1 accuracy"]) == ("6.0312", "0.0003", "0.0020")
    assert (end["bare"], end["bare accuracy"], end["unit"]) == ("6.0305", "", "Å")
    text = as_text([SHELL, BARE]).splitlines()
    assert len(text) == 9
    assert text[0].split() == ["quantity", "shell_1", "bare", "unit"]
    latex = as_latex([SHELL, BARE])
    assert r"shell\_1" in latex
    assert r"$6.0312 \pm 0.0003 \pm 0.0020$ & $6.0305 \pm 0.0002$ & \AA \\" in latex


def test_a_name_that_a_spreadsheet_would_calculate_is_guarded() -> None:
    assert "'=cmd" in as_csv([Column("=cmd", BARE.results)]).splitlines()[0]
