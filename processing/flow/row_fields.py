"""What is kept of a row, declared once.

The trace's columns with their order and digits, the JSON line, the datasets of the run file with their type and
unit, and the journal's record of a row all follow from ``FIELDS``. A new field is one attribute (of ``Row``, ``Fit``,
``Lattice``, ``Peak``, ``FittedCell``, ``NoResult``, ``Verdict`` or ``Forecast``) with a default, and one line of the
table with ``since=ADDED``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.fit import NOTHING_MORE, Component, Fit, FittedCell, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.sector import SectorCell
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.text import one_line, printable

Value = str | int | float
MISSING: Final = -1
TRACE, HEADER = "trace/", "header/"
# What a row has by name: placeholder in the path, and where the names stand in the record of a row.
GROUPS: Final = {"peak": "peaks", "sector": "sectors"}
BEGINNING, COMPOSITION, AMORPHOUS, ADDED = "beginning", "composition", "amorphous", "added"


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
ANGLE, VOLUME = _number("degree", "z.6f"), _number("angstrom^3", "z.5f")
SHARE, RATIO, INTENSITY = _number("", "z.7f"), _number("", "z.6g"), _number("", "z.8g")
HEADER_NUMBER = _number("", "")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a row.

    path: dataset in the run file, below its entry; what follows ``trace/`` is the name of a column of the trace,
    ``{name}`` stands for the component's and ``{peak}`` for that of a followed peak. source: the object and its
    attribute that hold the value, or for what follows from other fields, a function of row and accuracy. since:
    ``ADDED`` where older run files lack it, ``COMPOSITION``, ``AMORPHOUS`` where runs without these do. of: which
    crystals have it.
    """

    path: str
    quantity: Quantity
    source: str | Callable[[Row, Accuracy | None], Value]
    since: str = BEGINNING
    of: Callable[["Crystal"], bool] | None = None

    @property
    def is_per_component(self) -> bool:
        return "{name}" in self.path

    @property
    def group(self) -> str:
        """``peak`` or ``sector`` where each of these has it, else empty."""
        return next((group for group in GROUPS if f"{{{group}}}" in self.path), "")


@dataclass(frozen=True, slots=True)
class Crystal:
    """What decides a component's columns.

    free: edges and angles that its symmetry leaves free. amounts: whether shares of the mass are worked out in its run.
    """

    name: str
    free: tuple[str, ...] = ("a",)
    amounts: bool = False

    @property
    def is_cubic(self) -> bool:
        return self.free == ("a",)


@dataclass(frozen=True, slots=True)
class Kept:
    """What decides which columns a run has. header_names: the numbers of the frames' headers. peaks, sectors: names."""

    crystals: tuple[Crystal, ...]
    composition: bool = False
    header_names: tuple[str, ...] = ()
    peaks: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    amorphous: bool = False

    @classmethod
    def of(
        cls,
        components: Sequence[Component],
        composition: bool,
        peaks: tuple[str, ...] = (),
        sectors: tuple[str, ...] = (),
    ) -> "Kept":
        amounts = any(not component.phase.is_cubic for component in components)
        crystals = tuple(Crystal(component.name, component.phase.free, amounts) for component in components)
        return cls(crystals, composition, peaks=peaks, sectors=sectors)


def _cell_fields(name: str, unit: str, quantity: Quantity) -> tuple[Field, ...]:
    """A free edge or angle, its esd, and the model's part of that."""
    parts = ("", "_esd", "_model_esd")
    return tuple(
        Field(
            f"trace/{name}_{{name}}{part}_{unit}",
            quantity,
            f"cell.{name}{part}_{unit}",
            ADDED,
            lambda crystal: name in crystal.free,
        )
        for part in parts
    )


def _peak_fields(name: str, unit: str, quantity: Quantity) -> tuple[Field, ...]:
    """What is said of a followed peak, and its esd."""
    parts = [f"{name}{part}{unit}" for part in ("", "_esd")]
    return tuple(Field(f"trace/peak_{{peak}}_{part}", quantity, f"peak.{part}", ADDED) for part in parts)


def _is_not_cubic(crystal: Crystal) -> bool:
    return not crystal.is_cubic


def _has_ratio(crystal: Crystal) -> bool:
    return {"a", "c"} <= set(crystal.free)


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
    *_cell_fields("b", "A", LENGTH),
    *_cell_fields("c", "A", LENGTH),
    *_cell_fields("alpha", "deg", ANGLE),
    *_cell_fields("beta", "deg", ANGLE),
    *_cell_fields("gamma", "deg", ANGLE),
    Field("trace/c_over_a_{name}", SHARE, "cell.c_over_a", ADDED, _has_ratio),
    Field("trace/c_over_a_{name}_esd", SHARE, "cell.c_over_a_esd", ADDED, _has_ratio),
    Field("trace/volume_{name}_A3", VOLUME, "cell.volume_A3", ADDED, _is_not_cubic),
    Field("trace/volume_{name}_esd_A3", VOLUME, "cell.volume_esd_A3", ADDED, _is_not_cubic),
    Field("trace/weight_{name}", SHARE, "lattice.weight"),
    Field("trace/weight_{name}_esd", SHARE, "lattice.weight_esd"),
    Field("trace/wt_{name}", SHARE, "lattice.wt", ADDED, lambda crystal: crystal.amounts),
    Field("trace/wt_{name}_esd", SHARE, "lattice.wt_esd", ADDED, lambda crystal: crystal.amounts),
    Field("trace/wt_amorphous", SHARE, "fit.amorphous", AMORPHOUS),
    Field("trace/wt_amorphous_esd", SHARE, "fit.amorphous_esd", AMORPHOUS),
    Field("trace/fraction", SHARE, "row.fraction", COMPOSITION),
    Field("trace/fraction_esd", SHARE, "row.fraction_esd", COMPOSITION),
    *_peak_fields("two_theta", "_deg", ANGLE),
    *_peak_fields("area", "", INTENSITY),
    *_peak_fields("fwhm", "_deg", ANGLE),
    *_peak_fields("shape", "", SHARE),
    Field("trace/sector_{sector}_A", LENGTH, "sector.lp_A", ADDED),
    Field("trace/sector_{sector}_esd_A", LENGTH, "sector.lp_esd_A", ADDED),
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
    Field("verdicts/others", TEXT, "verdict.others", ADDED),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A field in one run. component: number of the component it belongs to, None where it belongs to none; member: name
    of the peak or sector, likewise."""

    path: str
    field: Field
    component: int | None = None
    member: str | None = None


def columns_of(kept: Kept) -> tuple[Column, ...]:
    """All columns of a run in their order: the trace's, those of the run file alone, the numbers of the headers."""
    columns: list[Column] = []
    members = {"peak": kept.peaks, "sector": kept.sectors}
    lacking = [since for since, there in ((COMPOSITION, kept.composition), (AMORPHOUS, kept.amorphous)) if not there]
    for (per_component, each_of), group in groupby(FIELDS, lambda field: (field.is_per_component, field.group)):
        fields = [field for field in group if field.since not in lacking]
        if per_component:
            for number, crystal in enumerate(kept.crystals):
                own = (field for field in fields if field.of is None or field.of(crystal))
                columns += [Column(_path_of(field, crystal), field, number) for field in own]
        elif each_of:
            for name in members[each_of]:
                columns += [Column(field.path.replace(f"{{{each_of}}}", name), field, member=name) for field in fields]
        else:
            columns += [Column(field.path, field) for field in fields]
    return (*columns, *map(_header_column, kept.header_names))


def _path_of(field: Field, crystal: Crystal) -> str:
    """Only a cubic crystal has a lattice parameter; of any other the same column is its edge a."""
    path = field.path if crystal.is_cubic else field.path.replace("/lp_{name}_", "/a_{name}_")
    return path.replace("{name}", crystal.name)


def values_of(row: Row, columns: Sequence[Column], accuracy: Accuracy | None = None) -> dict[str, Value]:
    """The row's values by path of these columns, unrounded; what is not known is the quantity's ``unknown``."""
    owners, each = _owners(row)
    members = {group: {one.name: {group: one} for one in held} for group, held in _members(row).items()}
    values = {}
    for column in columns:
        held_by = owners if column.component is None else each[column.component] if each else {}
        if column.member is not None:
            held_by = members[column.field.group].get(column.member, {})
        values[column.path] = _value(column.field, row, held_by, accuracy)
    return values


def record_of(row: Row) -> dict[str, Any]:
    """What a row is made of but for arrays and attributes that are in no column, by path of the field; of a field
    that each component has, a list with one value for each. What only some crystals have is left out where none has it.
    """
    owners, each = _owners(row)
    members = _members(row)
    record: dict[str, Any] = {GROUPS[group]: [one.name for one in held] for group, held in members.items() if held}
    for field in FIELDS:
        if field.group:
            if members[field.group]:
                record[field.path] = [_value(field, row, {field.group: one}, None) for one in members[field.group]]
            continue
        if not field.is_per_component:
            record[field.path] = _value(field, row, owners, None)
            continue
        values = [_value(field, row, held_by, None) for held_by in each]
        if field.of is None or not all(value != value for value in values):
            record[field.path] = values
    return record


def record_in(values: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """The record of the row that has these values by path of these columns."""
    record: dict[str, Any] = {}
    components = 1 + max((column.component for column in columns if column.component is not None), default=-1)
    for column in columns:
        field = column.field
        if column.member is not None:
            record.setdefault(field.path, []).append(values[column.path])
            if column.member not in (names := record.setdefault(GROUPS[field.group], [])):
                names.append(column.member)
        elif column.component is None:
            record[field.path] = values[column.path]
        else:
            record.setdefault(field.path, [field.quantity.unknown] * components)[column.component] = values[column.path]
    if not components:
        record |= {field.path: [] for field in FIELDS if field.is_per_component}
    return record


def row_of(record: Mapping[str, Any], pattern: Pattern | None, parameters: NDArray[np.float64], **others: Any) -> Row:
    """The row of this record. others: attributes of the row that are in no column.

    Raises KeyError, ValueError, TypeError, AttributeError, OverflowError where the record is not that of a row.
    """
    owners: dict[str, dict[str, Any]] = {name: {} for name in ("row", "fit", "no_result", "verdict", "forecast")}
    each: list[dict[str, dict[str, Any]]] = [{"lattice": {}, "cell": {}} for _ in record["trace/lp_{name}_A"]]
    members: dict[str, list[dict[str, Any]]] = {
        group: [{"name": printable(name)} for name in record.get(names, ())] for group, names in GROUPS.items()
    }
    for field in FIELDS:
        if callable(field.source) or (field.path not in record and field.since != BEGINNING):
            continue
        owner, _, attribute = field.source.partition(".")
        value, restored = record[field.path], field.quantity.restored
        if field.group:
            for member, one in zip(members[field.group], value, strict=True):
                member[attribute] = restored(one)
        elif field.is_per_component:
            for held_by, one in zip(each, value, strict=True):
                held_by[owner][attribute] = restored(one)
        else:
            owners[owner][attribute] = restored(value)
    fit: Fit | NoResult = NoResult(**owners["no_result"])
    if record["trace/status"] == "fitted":
        lattices = tuple(Lattice(cell=_cell_of(one["cell"]), **one["lattice"]) for one in each)
        fit = Fit(lattices, parameters=parameters, **owners["fit"])
    forecast = Forecast(**owners["forecast"])
    verdict = Verdict(forecast=None if math.isnan(forecast.complete_s) else forecast, **owners["verdict"])
    owners["row"]["peaks"] = tuple(Peak(**one) for one in members["peak"])
    owners["row"]["sectors"] = tuple(SectorCell(**one) for one in members["sector"])
    return Row(pattern=pattern, fit=fit, verdict=verdict, **owners["row"], **others)


def _members(row: Row) -> dict[str, Sequence[Peak | SectorCell]]:
    """The peaks and sectors of a row, by the names that the table calls them."""
    return {"peak": row.peaks, "sector": row.sectors}


def _header_column(name: str) -> Column:
    path = f"{HEADER}{name}"
    return Column(path, Field(path, HEADER_NUMBER, lambda row, _: row.header.get(name, NAN)))


def _cell_of(values: Mapping[str, float]) -> FittedCell:
    """One and the same object where nothing is known, as of all cubic crystals."""
    return FittedCell(**values) if any(value == value for value in values.values()) else NOTHING_MORE


def _owners(row: Row) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The objects that hold the row's values, by the names that the table calls them, and those of each component;
    None where there is none."""
    owners: dict[str, Any] = {"row": row, "verdict": row.verdict, "forecast": row.verdict.forecast}
    if isinstance(row.fit, NoResult):
        return {**owners, "no_result": row.fit}, []
    return {**owners, "fit": row.fit}, [{"lattice": each, "cell": each.cell} for each in row.fit.lattices]


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
