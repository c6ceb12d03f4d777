"""The trace: one line for each frame, the same in CSV, in JSON lines and, unrounded, in the run file."""

import csv
import math
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path

from latticewatch.processing.files.whole_file import write_whole
from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.text import guarded, one_line

Cell = str | int | float | None

# Times to the microsecond; Lp and its esd to 1e-7 Å (0.02 ppm), a hundredth of the best esd measured.
FORMATS: Mapping[str, str] = {
    "time_s": "z.6f",
    "lp_mean_A": "z.7f",
    "lp_mean_esd_A": "z.7f",
    "fraction": "z.7f",
    "fraction_esd": "z.7f",
    "rwp_percent": "z.4f",
    "chi2_reduced": "z.6g",
    "intensity": "z.8g",
    "recorded_s": "z.6f",
    "file_mtime_s": "z.6f",
    "lp_accuracy_A": "z.7f",
}
LATTICE_FORMAT = "z.7f"
CLOCK_COLUMNS = ("recorded_s", "file_mtime_s")
ACCURACY_COLUMN = "lp_accuracy_A"


def trace_columns(component_names: tuple[str, ...], composition: bool = False) -> tuple[str, ...]:
    """The columns in their order; ``fraction`` and its esd only where a composition is given. The last one is what
    any of the lattice parameters can be off by beside its esd: the accuracy of the geometry."""
    lattices = [
        column
        for name in component_names
        for column in (f"lp_{name}_A", f"lp_{name}_esd_A", f"weight_{name}", f"weight_{name}_esd")
    ]
    return (
        *("frame", "file", "time_s", "status", "reason", "state", "components"),
        *("lp_mean_A", "lp_mean_esd_A", *lattices),
        *(("fraction", "fraction_esd") if composition else ()),
        *("rwp_percent", "chi2_reduced", "intensity", *CLOCK_COLUMNS, ACCURACY_COLUMN),
    )


def trace_values(
    row: Row, component_names: tuple[str, ...], composition: bool = False, accuracy: Accuracy | None = None
) -> dict[str, Cell]:
    """One row, unrounded: text, whole numbers and floats; NaN or None where nothing is known."""
    fit = row.fit if isinstance(row.fit, Fit) else None
    values: dict[str, Cell] = {
        "frame": row.index,
        "file": row.name,
        "time_s": row.time_s,
        "status": "gap" if fit is None else "fitted",
        "reason": one_line(row.fit.reason) if isinstance(row.fit, NoResult) else "",
        "state": str(row.verdict.state),
        "components": fit.components if fit else None,
        "lp_mean_A": fit.lp_mean_A if fit else NAN,
        "lp_mean_esd_A": fit.lp_mean_esd_A if fit else NAN,
    }
    for number, name in enumerate(component_names):
        lattice = fit.lattices[number] if fit else Lattice()
        values |= {f"lp_{name}_A": lattice.lp_A, f"lp_{name}_esd_A": lattice.lp_esd_A}
        values |= {f"weight_{name}": lattice.weight, f"weight_{name}_esd": lattice.weight_esd}
    if composition:
        values |= {"fraction": row.fraction, "fraction_esd": row.fraction_esd}
    values |= {
        "rwp_percent": fit.rwp_percent if fit else NAN,
        "chi2_reduced": fit.chi2_reduced if fit else NAN,
        "intensity": row.intensity,
        "recorded_s": row.recorded_s,
        "file_mtime_s": row.mtime_s,
        ACCURACY_COLUMN: accuracy.of(fit.lp_mean_A) if fit and accuracy else NAN,
    }
    return values


def trace_cells(
    row: Row, component_names: tuple[str, ...], composition: bool = False, accuracy: Accuracy | None = None
) -> tuple[str, ...]:
    """One row as the text of its CSV cells: numbers with their stated digits, empty where not known, text
    guarded against spreadsheets."""
    values = trace_values(row, component_names, composition, accuracy)
    return tuple(
        guarded(value) if isinstance(value, str) else _digits(column, value) for column, value in values.items()
    )


def trace_record(
    row: Row, component_names: tuple[str, ...], composition: bool = False, accuracy: Accuracy | None = None
) -> dict[str, Cell | dict[str, float]]:
    """One row for JSON, with the digits of the CSV; numbers that are not known are None (null).

    ``header``, where numbers of the frame's header are kept, comes last.
    """
    values = trace_values(row, component_names, composition, accuracy)
    kept = {"header": dict(row.header)} if row.header else {}
    return {column: _rounded(column, value) for column, value in values.items()} | kept


def write_trace(
    path: Path,
    rows: Iterable[Row],
    component_names: tuple[str, ...],
    composition: bool = False,
    accuracy: Accuracy | None = None,
) -> None:
    """Write the trace as CSV (UTF-8, RFC 4180, one header line). Raises UserError where it cannot be written."""
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(trace_columns(component_names, composition))
    lines.writerows(trace_cells(row, component_names, composition, accuracy) for row in rows)
    write_whole(path, text.getvalue().encode())


def _digits(column: str, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    if isinstance(value, int):
        return str(value)
    return format(value, FORMATS.get(column, LATTICE_FORMAT))


def _rounded(column: str, value: Cell) -> Cell:
    if not isinstance(value, float):
        return value
    digits = _digits(column, value)
    return float(digits) if digits else None
