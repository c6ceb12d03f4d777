"""What is kept of a row, declared once.

The trace's columns with their order and digits, the JSON line, the datasets of the run file with their type and
unit, and the journal's record of a row all follow from ``FIELDS``. A new field is one attribute (of ``Row``, ``Fit``,
``Lattice``, ``NoResult``, ``Verdict`` or ``Forecast``) with a default, and one line of the table with ``since=ADDED``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.text import one_line, printable

Value = str | int | float
MISSING: Final = -1
TRACE, HEADER = "trace/", "header/"
BEGINNING, COMPOSITION, ADDED = "beginning", "composition", "added"


@dataclass(frozen=True, slots=True)
class Quantity:
    """How values of one kind are kept.

    dtype: in HDF5, ``text``, ``i8`` or ``f8``. unit: empty for pure numbers and text. digits: format in the trace.
    unknown: stands where nothing is known. restored: from what a file holds to what the row holds; text is made
    harmless by it, as terminals obey control codes.
    """

    dtype: str
    unit: str
    digits: str
    unknown: Value
    restored: Callable[[Any], Any]


def _number(unit: str, digits: str) -> Quantity:
    return Quantity("f8", unit, digits, NAN, float)


def _whole(restored: Callable[[Any], Any]) -> Quantity:
    return Quantity("i8", "", "d", MISSING, restored)


NAME = Quantity("text", "", "", "", printable)
TEXT = Quantity("text", "", "", "", one_line)
STATE = Quantity("text", "", "", "", State)
COUNT = _whole(int)
COUNT_IF_KNOWN = _whole(lambda value: None if value < 0 else int(value))
FLAG = _whole(lambda value: bool(value == 1))
SEGMENT = _whole(lambda value: max(0, int(value)))
# Times to the microsecond; lengths to 1e-7 Å (0.02 ppm), a hundredth of the best esd measured.
TIME, LENGTH, PERCENT = _number("s", "z.6f"), _number("angstrom", "z.7f"), _number("percent", "z.4f")
SHARE, RATIO, INTENSITY = _number("", "z.7f"), _number("", "z.6g"), _number("", "z.8g")
HEADER_NUMBER = _number("", "")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row.

    path: dataset in the run file, below its entry; what follows ``trace/`` is the name of a column of the trace, and
    ``{name}`` stands for the component's. source: the object and its attribute that hold the value, or for what
    follows from other fields, a function of row and accuracy. since: ``ADDED`` where older run files lack it,
    ``COMPOSITION`` where runs without a composition do.
    """

    path: str
    quantity: Quantity
    source: str | Callable[[Row, Accuracy | None], Value]
    since: str = BEGINNING

    @property
    def is_per_component(self) -> bool:
        return "{name}" in self.path


FIELDS = (
    Field("trace/frame", COUNT, "row.index"),
    Field("trace/file", NAME, "row.name"),
    Field("trace/time_s", TIME, "row.time_s"),
    Field("trace/status", TEXT, lambda row, _: "fitted" if isinstance(row.fit, Fit) else "gap"),
    Field("trace/reason", TEXT, "no_result.reason"),
    Field("trace/state", STATE, "verdict.state"),
    Field("trace/components", COUNT, "fit.components"),
    Field("trace/lp_mean_A", LENGTH, "fit.lp_mean_A"),
    Field("trace/lp_mean_esd_A", LENGTH, "fit.lp_mean_esd_A"),
    Field("trace/lp_{name}_A", LENGTH, "lattice.lp_A"),
    Field("trace/lp_{name}_esd_A", LENGTH, "lattice.lp_esd_A"),
    Field("trace/lp_{name}_model_esd_A", LENGTH, "lattice.lp_model_esd_A", ADDED),
    Field("trace/weight_{name}", SHARE, "lattice.weight"),
    Field("trace/weight_{name}_esd", SHARE, "lattice.weight_esd"),
    Field("trace/fraction", SHARE, "row.fraction", COMPOSITION),
    Field("trace/fraction_esd", SHARE, "row.fraction_esd", COMPOSITION),
    Field("trace/rwp_percent", PERCENT, "fit.rwp_percent"),
    Field("trace/chi2_reduced", RATIO, "fit.chi2_reduced"),
    Field("trace/intensity", INTENSITY, "row.intensity"),
    Field("trace/foreign_lines", COUNT_IF_KNOWN, "fit.foreign_lines", ADDED),
    Field("trace/pixels_left_out", COUNT_IF_KNOWN, "row.pixels_left_out", ADDED),
    Field("trace/segment", SEGMENT, "row.segment", ADDED),
    Field("trace/recorded_s", TIME, "row.recorded_s"),
    Field("trace/file_mtime_s", TIME, "row.mtime_s"),
    Field(
        "trace/lp_accuracy_A",
        LENGTH,
        lambda row, accuracy: accuracy.of(row.fit.lp_mean_A) if accuracy and isinstance(row.fit, Fit) else NAN,
        ADDED,
    ),
    Field("fits/has_pattern", FLAG, lambda row, _: int(row.pattern is not None)),
    Field("fits/iterations", COUNT, "fit.iterations"),
    Field("fits/converged", FLAG, "fit.converged"),
    Field("verdicts/since_s", TIME, "verdict.since_s"),
    Field("verdicts/progress", SHARE, "verdict.progress"),
    Field("verdicts/mixing_s", TIME, "verdict.mixing_s"),
    Field("verdicts/complete_s", TIME, "forecast.complete_s"),
    Field("verdicts/earliest_s", TIME, "forecast.earliest_s"),
    Field("verdicts/latest_s", TIME, "forecast.latest_s"),
    Field("verdicts/why", TEXT, "verdict.why"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A field in one run. component: number of the component it belongs to, None where it belongs to none."""

    path: str
    field: Field
    component: int | None = None


def columns_of(
    component_names: Sequence[str], composition: bool, header_names: Sequence[str] = ()
) -> tuple[Column, ...]:
    """All columns of a run in their order: the trace's, those of the run file alone, the numbers of the headers."""
    columns: list[Column] = []
    for per_component, group in groupby(FIELDS, lambda field: field.is_per_component):
        fields = [field for field in group if composition or field.since != COMPOSITION]
        if per_component:
            for number, name in enumerate(component_names):
                columns += [Column(field.path.replace("{name}", name), field, number) for field in fields]
        else:
            columns += [Column(field.path, field) for field in fields]
    return (*columns, *map(_header_column, header_names))


def values_of(row: Row, columns: Sequence[Column], accuracy: Accuracy | None = None) -> dict[str, Value]:
    """The row's values by path of these columns, unrounded; what is not known is the quantity's ``unknown``."""
    owners, lattices = _owners(row)
    each = [{"lattice": lattice} for lattice in lattices]
    values = {}
    for column in columns:
        held_by = owners if column.component is None else each[column.component] if each else {}
        values[column.path] = _value(column.field, row, held_by, accuracy)
    return values


def record_of(row: Row) -> dict[str, Any]:
    """What a row is made of but for arrays and attributes that are in no column, by path of the field; of a field
    that each component has, a list with one value for each."""
    owners, lattices = _owners(row)
    return {
        field.path: [_value(field, row, {"lattice": lattice}, None) for lattice in lattices]
        if field.is_per_component
        else _value(field, row, owners, None)
        for field in FIELDS
    }


def record_in(values: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """The record of the row that has these values by path of these columns."""
    record: dict[str, Any] = {}
    for column in columns:
        if column.component is None:
            record[column.field.path] = values[column.path]
        else:
            record.setdefault(column.field.path, []).append(values[column.path])
    return record


def row_of(record: Mapping[str, Any], pattern: Pattern | None, parameters: NDArray[np.float64], **others: Any) -> Row:
    """The row of this record. others: attributes of the row that are in no column.

    Raises KeyError, ValueError, TypeError, AttributeError, OverflowError where the record is not that of a row.
    """
    owners: dict[str, dict[str, Any]] = {name: {} for name in ("row", "fit", "no_result", "verdict", "forecast")}
    lattices: list[dict[str, Any]] = [{} for _ in record["trace/lp_{name}_A"]]
    for field in FIELDS:
        if callable(field.source) or (field.path not in record and field.since != BEGINNING):
            continue
        owner, _, attribute = field.source.partition(".")
        value, restored = record[field.path], field.quantity.restored
        if field.is_per_component:
            for lattice, each in zip(lattices, value, strict=True):
                lattice[attribute] = restored(each)
        else:
            owners[owner][attribute] = restored(value)
    fit: Fit | NoResult = NoResult(**owners["no_result"])
    if record["trace/status"] == "fitted":
        fit = Fit(tuple(Lattice(**each) for each in lattices), parameters=parameters, **owners["fit"])
    forecast = Forecast(**owners["forecast"])
    verdict = Verdict(forecast=None if math.isnan(forecast.complete_s) else forecast, **owners["verdict"])
    return Row(pattern=pattern, fit=fit, verdict=verdict, **owners["row"], **others)


def _header_column(name: str) -> Column:
    path = f"{HEADER}{name}"
    return Column(path, Field(path, HEADER_NUMBER, lambda row, _: row.header.get(name, NAN)))


def _owners(row: Row) -> tuple[dict[str, Any], tuple[Lattice, ...]]:
    """The objects that hold the row's values, by the names that the table calls them; None where there is none."""
    owners: dict[str, Any] = {"row": row, "verdict": row.verdict, "forecast": row.verdict.forecast}
    if isinstance(row.fit, NoResult):
        return {**owners, "no_result": row.fit}, ()
    return {**owners, "fit": row.fit}, row.fit.lattices


def _value(field: Field, row: Row, owners: Mapping[str, Any], accuracy: Accuracy | None) -> Value:
    if isinstance(field.source, str):
        owner, _, attribute = field.source.partition(".")
        holder = owners.get(owner)
        value = None if holder is None else getattr(holder, attribute)
    else:
        value = field.source(row, accuracy)
    if value is None:
        return field.quantity.unknown
    if field.quantity.dtype == "text":
        return str(field.quantity.restored(value))
    return int(value) if field.quantity.dtype == "i8" else float(value)
