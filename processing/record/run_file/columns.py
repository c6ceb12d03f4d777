"""Rows as columns of a run file and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.record.export.trace import ACCURACY_COLUMN, trace_columns, trace_values
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.text import one_line

MISSING = -1
HEADER = "header/"
TEXT = frozenset({"trace/file", "trace/status", "trace/reason", "trace/state", "verdicts/why"})
WHOLE = frozenset({"trace/frame", "trace/components", "fits/has_pattern", "fits/iterations", "fits/converged"})
DETAILS = (
    *("fits/has_pattern", "fits/iterations", "fits/converged"),
    *("verdicts/since_s", "verdicts/progress", "verdicts/mixing_s"),
    *("verdicts/complete_s", "verdicts/earliest_s", "verdicts/latest_s", "verdicts/why"),
)
UNITS = {"_s": "s", "_A": "angstrom", "_percent": "percent"}


def column_paths(header: RunHeader) -> tuple[str, ...]:
    """Every column of a run file, below its entry."""
    composition = header.setup.composition is not None
    columns = (f"trace/{name}" for name in trace_columns(header.component_names, composition))
    return (*columns, *DETAILS, *(f"{HEADER}{name}" for name in header.header_names))


def read_paths(header: RunHeader) -> tuple[str, ...]:
    """The columns that a row is made from; runs of before the accuracy was quoted have no column of it."""
    return tuple(path for path in column_paths(header) if path != f"trace/{ACCURACY_COLUMN}")


def unit_of(path: str) -> str | None:
    """The unit that a column's name ends with, None for pure numbers, text and what a header calls its own."""
    if path.startswith(HEADER):
        return None
    return next((unit for ending, unit in UNITS.items() if path.endswith(ending)), None)


def row_columns(row: Row, header: RunHeader) -> dict[str, Any]:
    """One row by column; whole numbers that are not known are ``MISSING``, floats NaN."""
    setup = header.setup
    values = trace_values(row, header.component_names, setup.composition is not None, setup.accuracy)
    fit = row.fit if isinstance(row.fit, Fit) else None
    verdict, forecast = row.verdict, row.verdict.forecast
    details = (
        int(row.pattern is not None),
        fit.iterations if fit else MISSING,
        int(fit.converged) if fit else MISSING,
        verdict.since_s,
        verdict.progress,
        verdict.mixing_s,
        forecast.complete_s if forecast else NAN,
        forecast.earliest_s if forecast else NAN,
        forecast.latest_s if forecast else NAN,
        one_line(verdict.why),
    )
    columns: dict[str, Any] = {f"trace/{name}": MISSING if value is None else value for name, value in values.items()}
    kept = {f"{HEADER}{name}": row.header.get(name, NAN) for name in header.header_names}
    return columns | dict(zip(DETAILS, details, strict=True)) | kept


def row_from_columns(
    columns: Mapping[str, Sequence[Any] | NDArray[Any]],
    number: int,
    component_names: tuple[str, ...],
    pattern: Pattern | None,
    parameters: NDArray[np.float64],
) -> Row:
    """Row ``number`` of these columns. Raises ValueError where they hold what no row can."""
    values = {path: column[number] for path, column in columns.items()}
    fitted = values["trace/status"] == "fitted"
    return Row(
        index=int(values["trace/frame"]),
        name=values["trace/file"],
        time_s=float(values["trace/time_s"]),
        mtime_s=float(values["trace/file_mtime_s"]),
        pattern=pattern,
        fit=_fit(values, component_names, parameters) if fitted else NoResult(values["trace/reason"]),
        verdict=_verdict(values),
        intensity=float(values["trace/intensity"]),
        fraction=float(values.get("trace/fraction", NAN)),
        fraction_esd=float(values.get("trace/fraction_esd", NAN)),
        recorded_s=float(values["trace/recorded_s"]),
        header=_kept(values),
    )


def _kept(values: Mapping[str, Any]) -> dict[str, float]:
    """The header values that are known."""
    found = {path.removeprefix(HEADER): float(values[path]) for path in values if path.startswith(HEADER)}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _fit(values: Mapping[str, Any], names: tuple[str, ...], parameters: NDArray[np.float64]) -> Fit:
    lattices = tuple(
        Lattice(
            float(values[f"trace/lp_{name}_A"]),
            float(values[f"trace/lp_{name}_esd_A"]),
            float(values[f"trace/weight_{name}"]),
            float(values[f"trace/weight_{name}_esd"]),
        )
        for name in names
    )
    return Fit(
        lattices=lattices,
        components=int(values["trace/components"]),
        lp_mean_A=float(values["trace/lp_mean_A"]),
        lp_mean_esd_A=float(values["trace/lp_mean_esd_A"]),
        rwp_percent=float(values["trace/rwp_percent"]),
        chi2_reduced=float(values["trace/chi2_reduced"]),
        iterations=int(values["fits/iterations"]),
        converged=bool(values["fits/converged"] == 1),
        parameters=parameters,
    )


def _verdict(values: Mapping[str, Any]) -> Verdict:
    ends = [float(values[f"verdicts/{name}"]) for name in ("complete_s", "earliest_s", "latest_s")]
    return Verdict(
        state=State(values["trace/state"]),
        since_s=float(values["verdicts/since_s"]),
        progress=float(values["verdicts/progress"]),
        mixing_s=float(values["verdicts/mixing_s"]),
        forecast=None if np.isnan(ends[0]) else Forecast(*ends),
        why=values["verdicts/why"],
    )
