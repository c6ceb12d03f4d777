"""The table of fields: nothing of a row is left out, and its columns have names of their own."""

import dataclasses
import re
from dataclasses import replace
from pathlib import Path

import pytest

from latticewatch.processing.config.experiment import TRICLINIC, parse_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import NOTHING_MORE, Fit, FittedCell, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.row_fields import (
    FIELDS,
    Crystal,
    Kept,
    columns_of,
    record_in,
    record_of,
    row_of,
    values_of,
)
from latticewatch.processing.flow.sector import SectorCell
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import Forecast, Verdict
from tests.record import runs
from tests.record.equality import assert_same_row

OWNERS = {
    "row": Row,
    "fit": Fit,
    "no_result": NoResult,
    "lattice": Lattice,
    "cell": FittedCell,
    "peak": Peak,
    "sector": SectorCell,
    "verdict": Verdict,
    "forecast": Forecast,
}
ELSEWHERE = {
    *(
        "row.peaks",
        "peak.name",
        "row.sectors",
        "sector.name",
        "row.pattern",
        "row.fit",
        "row.verdict",
        "row.header",
        "row.filled",
    ),
    *("fit.lattices", "fit.parameters", "lattice.cell", "verdict.forecast"),
}


def test_every_attribute_is_in_the_table_or_kept_apart_and_no_other_is() -> None:
    attributes = {f"{name}.{field.name}" for name, owner in OWNERS.items() for field in dataclasses.fields(owner)}
    assert {field.source for field in FIELDS if isinstance(field.source, str)} == attributes - ELSEWHERE


@pytest.mark.parametrize("number", range(10))
def test_a_row_comes_back_from_its_record(number: int) -> None:
    row = runs.row(number, runs.two_theta())
    fit = row.fit if isinstance(row.fit, NoResult) else dataclasses.replace(row.fit, foreign_lines=number)
    row = dataclasses.replace(row, pixels_left_out=12, fit=fit)
    parameters = fit.parameters if isinstance(fit, Fit) else runs.two_theta()
    assert_same_row(row_of(record_of(row), row.pattern, parameters, header=row.header), row)


def test_every_column_of_the_trace_is_documented_in_its_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "public-names.md").read_text(encoding="utf-8")
    told = _names_in(page, "## Columns of the trace")
    paths = [column.path for column in columns_of(Kept((Crystal("NAME"),), composition=True))]
    assert told == [path.removeprefix("trace/") for path in paths if path.startswith("trace/")]


def test_every_column_of_a_phase_that_is_not_cubic_is_documented_in_its_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "public-names.md").read_text(encoding="utf-8")
    columns = columns_of(Kept((Crystal("NAME", TRICLINIC, amounts=True),)))
    told = [column.path.removeprefix("trace/") for column in columns if column.component is not None]
    assert told == _names_in(page, "### Of a phase that is not cubic")


def test_every_column_of_a_followed_peak_is_documented_in_its_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "public-names.md").read_text(encoding="utf-8")
    columns = columns_of(Kept((Crystal("Br"),), peaks=("NAME",)))
    told = [column.path.removeprefix("trace/") for column in columns if column.field.group == "peak"]
    assert told == _names_in(page, "### Of a followed peak")


def _names_in(page: str, heading: str) -> list[str]:
    """Names in the first column of the table below this heading."""
    table = page.partition(heading)[2].partition("##")[0]
    return [name for line in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", line)]


@pytest.mark.parametrize(
    ("free", "told"),
    [
        (("a",), ["lp_X_A", "lp_X_esd_A", "lp_X_model_esd_A"]),
        (("a", "c"), ["a_X_A", "a_X_esd_A", "a_X_model_esd_A", "c_X_A", "c_X_esd_A", "c_X_model_esd_A"]),
        (("a", "alpha"), ["a_X_A", "a_X_esd_A", "a_X_model_esd_A"]),
    ],
)
def test_a_crystal_has_columns_for_the_edges_that_are_free(free: tuple[str, ...], told: list[str]) -> None:
    paths = [column.path.removeprefix("trace/") for column in columns_of(Kept((Crystal("X", free),)))]
    assert [path for path in paths if path.endswith("_A") and "_X_" in path] == told


def test_crystals_of_two_systems_come_back_from_record_and_file() -> None:
    cells = FittedCell(c_A=14.05, c_esd_A=3e-4, c_over_a=4.99, volume_A3=96.4), FittedCell()
    row = runs.row(0, runs.two_theta())
    assert isinstance(row.fit, Fit)
    lattices = tuple(replace(each, cell=cell) for each, cell in zip(row.fit.lattices, cells, strict=True))
    row = replace(row, fit=replace(row.fit, lattices=lattices))
    columns = columns_of(Kept((Crystal("A", ("a", "c")), Crystal("B"))))
    for record in (record_of(row), record_in(values_of(row, columns), columns)):
        again = row_of(record, row.pattern, row.fit.parameters, header=row.header)
        assert isinstance(again.fit, Fit)
        assert_same_row(again, replace(row, fraction=again.fraction, fraction_esd=again.fraction_esd))
        assert again.fit.lattices[1].cell is NOTHING_MORE


def test_columns_have_names_of_their_own() -> None:
    paths = [
        column.path for column in columns_of(replace(runs.kept(composition=True), header_names=("Flux", "{name}")))
    ]
    assert len(set(paths)) == len(paths)
    assert paths[-1] == "header/{name}"


@pytest.mark.parametrize("names", [("Br", "Br_esd"), ("Br", "Br_model"), ("mean",), ("accuracy",)])
def test_components_whose_columns_would_be_mixed_up_are_refused(names: tuple[str, ...]) -> None:
    text = "".join(f'[[component]]\nname = "{name}"\nphase = "CsPbBr3"\n' for name in names)
    with pytest.raises(UserError, match=r'^[^\n]*the column "lp_[^\n]*$'):
        parse_experiment(text, "experiment.toml")
