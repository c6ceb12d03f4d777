"""Whose lattice it is, and lattices that the frames of the sample data's ``field`` folder hold but for one thing."""

import csv
from typing import Any

import pytest

from tests.field.conftest import Process
from tests.sample_data import sample


def truth_of(case: str) -> list[dict[str, str]]:
    with (sample(f"field/{case}") / "truth.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", ["swapped-names", "swapped-at-mixing"])
def test_two_lattices_keep_their_names(process: Process, case: str) -> None:
    """Intensities are 10 and 7 % off; at mixing everything becomes four times as strong."""
    _, rows = process(f"{case}/frames", experiment=sample(f"field/{case}/experiment.toml"))
    fitted = [(row, true) for row, true in zip(rows, truth_of(case), strict=True) if row["status"] == "fitted"]
    assert len(fitted) > 0.9 * len(rows)
    for row, true in fitted:
        assert abs(row["lp_Br_A"] - float(true["lp_A"])) < 5.0 * row["lp_Br_esd_A"]
        assert abs(row["lp_X_A"] - float(true["partner_A"])) < 5.0 * row["lp_X_esd_A"]


@pytest.mark.parametrize("plate", ["none", "disc", "vignette"])
def test_what_has_no_light_is_not_fitted(process: Process, plate: str) -> None:
    case = sample("field/round-plate")
    _, [row] = process(f"round-plate/{plate}", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert row["lp_fe_A"] == pytest.approx(2.8725, abs=5e-5)
    assert row["lp_au_A"] == pytest.approx(3.5986, abs=2e-4)


def cells(rows: list[dict[str, Any]]) -> list[float]:
    return [row["lp_S_A"] for row in rows]


def test_a_line_that_is_not_there_costs_no_frame(process: Process) -> None:
    case = sample("field/absent-line")
    _, rows = process("absent-line/f", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert cells(rows) == pytest.approx([5.874] * 3, abs=5e-5)


def test_lines_weaker_than_the_structure_says_cost_no_frame(process: Process) -> None:
    case = sample("field/absent-line/pyrite")
    _, rows = process("absent-line/pyrite/f", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert cells(rows) == pytest.approx([5.41], abs=1e-4)
