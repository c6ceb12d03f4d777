"""The trace: one line for each frame, the same in CSV, in JSON lines and, unrounded, in the run file."""

import csv
import math
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.row_fields import MISSING, TRACE, Column, Kept, Value, columns_of, values_of
from latticewatch.processing.flow.series import Row
from latticewatch.processing.text import guarded


def trace_columns(kept: Kept) -> tuple[str, ...]:
    """The columns of a run in their order."""
    return tuple(column.path.removeprefix(TRACE) for column in _columns(kept))


def trace_record(row: Row, kept: Kept, accuracy: Accuracy | None = None) -> dict[str, Value | dict[str, float] | None]:
    """One row for JSON, with the digits of the CSV; numbers that are not known are None (null).

    ``header``, where numbers of the frame's header are kept, comes last.
    """
    columns = _columns(kept)
    values = values_of(row, columns, accuracy)
    record: dict[str, Value | dict[str, float] | None] = {}
    for column in columns:
        value = values[column.path]
        digits = "" if isinstance(value, str) else _digits(column, value)
        number = (float if isinstance(value, float) else int)(digits) if digits else None
        record[column.path.removeprefix(TRACE)] = value if isinstance(value, str) else number
    return record | ({"header": dict(row.header)} if row.header else {})


def write_trace(
    path: Path,
    rows: Iterable[Row],
    kept: Kept,
    accuracy: Accuracy | None = None,
) -> None:
    """Write the trace as CSV (UTF-8, RFC 4180, one header line). Raises UserError where it cannot be written."""
    columns = _columns(kept)
    text = StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(trace_columns(kept))
    lines.writerows(_cells(row, columns, accuracy) for row in rows)
    write_whole(path, text.getvalue().encode())


def _columns(kept: Kept) -> list[Column]:
    return [column for column in columns_of(kept) if column.path.startswith(TRACE)]


def _cells(row: Row, columns: list[Column], accuracy: Accuracy | None) -> tuple[str, ...]:
    values = zip(columns, values_of(row, columns, accuracy).values(), strict=True)
    return tuple(guarded(value) if isinstance(value, str) else _digits(column, value) for column, value in values)


def _digits(column: Column, value: float) -> str:
    if isinstance(value, int):
        return "" if value == MISSING else str(value)
    return format(value, column.field.quantity.digits) if math.isfinite(value) else ""
