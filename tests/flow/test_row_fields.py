"""The table of fields: nothing of a row is left out, and its columns have names of their own."""

import dataclasses
import re
from pathlib import Path

import pytest

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.row_fields import FIELDS, columns_of, record_of, row_of
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import Forecast, Verdict
from tests.record import runs
from tests.record.equality import assert_same_row

OWNERS = {"row": Row, "fit": Fit, "no_result": NoResult, "lattice": Lattice, "verdict": Verdict, "forecast": Forecast}
ELSEWHERE = {
    *("row.pattern", "row.fit", "row.verdict", "row.header", "row.filled"),
    *("fit.lattices", "fit.parameters", "verdict.forecast"),
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
    table = page.partition("## Columns of the trace")[2].partition("##")[0]
    told = [name for line in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", line)]
    paths = [column.path for column in columns_of(("NAME",), composition=True)]
    assert told == [path.removeprefix("trace/") for path in paths if path.startswith("trace/")]


def test_columns_have_names_of_their_own() -> None:
    paths = [column.path for column in columns_of(runs.NAMES, composition=True, header_names=("Flux", "{name}"))]
    assert len(set(paths)) == len(paths)
    assert paths[-1] == "header/{name}"


@pytest.mark.parametrize("names", [("Br", "Br_esd"), ("Br", "Br_model"), ("mean",), ("accuracy",)])
def test_components_whose_columns_would_be_mixed_up_are_refused(names: tuple[str, ...]) -> None:
    text = "".join(f'[[component]]\nname = "{name}"\nphase = "CsPbBr3"\n' for name in names)
    with pytest.raises(UserError, match=r'^[^\n]*the column "lp_[^\n]*$'):
        parse_experiment(text, "experiment.toml")
