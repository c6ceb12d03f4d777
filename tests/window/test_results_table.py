"""The table of results: the summary's numbers, each with its esd and accuracy, and what is copied of it."""

import csv
from io import StringIO

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from latticewatch.app.window.results_table import Result, as_csv, as_latex, as_text, note_of, results_of
from tests.window.windows import shown_window

SUMMARY = {
    "frames": 300,
    "complete": {"declared_s": 750.0},
    "mixing_s": 10.0,
    "lp_start_A": 5.84201,
    "lp_start_esd_A": 5e-5,
    "pauses": [
        {"start_s": 22.0, "start_esd_s": 0.03, "end_s": 32.0, "end_esd_s": None, "lp_A": 5.867, "lp_esd_A": 2.5e-5}
    ],
    "rates": [{"start_s": 32.0, "rate_constant_per_s": 0.0046946, "esd": 2.2e-6, "model": "exponential"}],
    "half_time_s": 139.44,
    "half_time_esd_s": 0.06,
    "reached": [{"share": 0.9, "at_s": 512.0, "interval_s": [508.71, 515.29]}],
    "lp_end_A": 6.0275,
    "lp_end_esd_A": 3e-5,
    "fraction_end": 0.5110,
    "fraction_end_esd": 0.0004,
    "accuracy": {"ppm": 100.0},
    "lp_errors": "± esd ± accuracy, 100 ppm by CeO2",
}


@pytest.mark.parametrize(
    ("result", "cells"),
    [
        (Result("a", 5.84201, 5e-5, 5.8e-4, "Å"), ("a", "5.84201", "0.00005", "0.00058", "Å")),
        (Result("k", 0.0046946, 2.2e-6, unit="1/s"), ("k", "0.004695", "0.000002", "", "1/s")),
        (Result("k", 3.1234e-5, 1.2e-8, unit="1/s"), ("k", "0.000031234", "0.000000012", "", "1/s")),
        (Result("t", 12.0), ("t", "12.0", "", "", "s")),
        (Result("x", -0.08, 0.01, unit=""), ("x", "-0.080", "0.010", "", "")),
    ],
)
def test_digits_follow_the_esd(result: Result, cells: tuple[str, ...]) -> None:
    assert result.cells == cells


def test_all_that_is_known_is_in_the_table_in_the_order_of_the_reaction() -> None:
    found = {one.name: one for one in results_of(SUMMARY, "Br")}
    assert list(found) == [
        "mixing",
        "start, Br",
        "pause, begins",
        "pause, ends",
        "pause, Br",
        "rate from 32 s, exponential",
        "half time, from mixing",
        "90 % of the change at",
        "end",
        "composition x, end",
    ]
    assert found["pause, Br"].shown == ("pause, Br", "5.86700 ± 0.00003 Å", "0.00059")
    assert found["pause, Br"].accuracy == pytest.approx(5.867e-4)
    assert found["90 % of the change at"].esd == pytest.approx(2.0)
    assert note_of(SUMMARY).startswith("± esd ± accuracy, 100 ppm by CeO2; from the first 300 frames")


@pytest.mark.parametrize(("complete", "last"), [(None, "so far"), ({"declared_s": 750.0}, "end")])
def test_a_quantity_of_a_name_is_at_its_end_only_when_the_reaction_is(
    complete: dict[str, float] | None, last: str
) -> None:
    watched = {"quantity": "c_L", "unit": "Å", "start": 14.05, "start_esd": 2e-4, "end": 14.35, "end_esd": 4e-4}
    named = [one for one in results_of({**SUMMARY, "complete": complete, "watched": watched}, "L") if one.unit == "Å"]
    names = ["start, a of L", "start, c_L", "pause, a of L", f"{last}, a of L", f"{last}, c_L"]
    assert [one.name for one in named] == names
    assert named[-1].number == "14.3500 ± 0.0004"


def test_what_is_not_known_is_left_out() -> None:
    unknown = {**SUMMARY, "half_time_s": None, "lp_end_A": None, "fraction_end": None, "accuracy": None}
    found = {one.name: one for one in results_of(unknown, "Br")}
    assert not {"half time, from mixing", "end", "composition x, end"} & set(found)
    assert found["start, Br"].cells[3] == ""


def test_before_the_end_the_last_number_is_said_to_be_that_of_the_watched_lattice() -> None:
    names = [one.name for one in results_of({**SUMMARY, "complete": None}, "Br")]
    assert names[-2:] == ["so far, Br", "its composition x"]


def test_text_csv_and_latex() -> None:
    results = results_of(SUMMARY, "Br_1")
    rows = list(csv.reader(StringIO(as_csv(results))))
    assert rows[0] == ["quantity", "value", "esd", "accuracy", "unit"]
    assert rows[2] == ["start, Br_1", "5.84201", "0.00005", "0.00058", "Å"]
    text = as_text(results).splitlines()
    assert len({line.index("5.8") for line in text if "5.8" in line}) == 1
    latex = as_latex(results)
    assert r"start, Br\_1 & $5.84201 \pm 0.00005$ & 0.00058 & \AA \\" in latex
    assert r"90 \% of the change" in latex
    assert latex.startswith(r"\begin{tabular}{llll}")


def test_a_composition_out_of_range_is_the_number_it_is_everywhere() -> None:
    beyond = Result("x", 1.02, 0.002, unit="")  # a spreadsheet reads (1.020) as -1.020
    assert as_csv([beyond]).splitlines()[1] == "x,1.020,0.002,,"
    assert beyond.shown == ("x", "1.020 ± 0.002", "")
    assert r"$1.020 \pm 0.002$" in as_latex([beyond])


def test_the_panel_opens_by_key_and_copies(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    qtbot.keyClick(window, Qt.Key.Key_V)
    window.catch_up()
    table = window.docks.results.table
    assert table.rowCount() >= 3
    names = [table.item(line, 0).text() for line in range(table.rowCount())]
    assert names[:2] == ["mixing", "start, Br"]
    assert table.isColumnHidden(2)  # no accuracy is known
    (button,) = [one for one in window.docks.results.findChildren(QPushButton) if one.text() == "CSV"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().startswith("quantity,value,esd,accuracy,unit\nmixing,10.0,,,s\n")
