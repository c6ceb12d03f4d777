"""A row as bytes and back, bit for bit: its numbers as JSON, its arrays as they lie in memory."""

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.row_fields import ADDED, FIELDS, record_of, row_of
from latticewatch.processing.flow.series import Filled, Row

LENGTH = struct.Struct("<I")

# Journals of versions before 0.2 hold lists of fields.
BEFORE = {
    "row": (
        *("trace/frame", "trace/file", "trace/time_s", "trace/file_mtime_s"),
        *("trace/intensity", "trace/fraction", "trace/fraction_esd"),
    ),
    "verdict": ("trace/state", "verdicts/since_s", "verdicts/progress", "verdicts/mixing_s", "verdicts/why"),
    "forecast": ("verdicts/complete_s", "verdicts/earliest_s", "verdicts/latest_s"),
    "fit": (
        *("trace/components", "trace/lp_mean_A", "trace/lp_mean_esd_A"),
        *("trace/rwp_percent", "trace/chi2_reduced"),
    ),
    "steps": ("fits/iterations", "fits/converged"),
}
LATTICE_BEFORE = ("trace/lp_{name}_A", "trace/lp_{name}_esd_A", "trace/weight_{name}", "trace/weight_{name}_esd")


def encode_row(row: Row) -> bytes:
    """The row without its 2θ grid, which is the run's."""
    values = {
        "record": record_of(row),
        "header": dict(row.header),
        "filled": [row.filled.reason, row.filled.time_s] if row.filled else None,
    }
    text = json.dumps(values, separators=(",", ":"), default=np.generic.item).encode()
    arrays = []
    if row.pattern is not None:
        arrays += [row.pattern.intensity.astype("<f4").tobytes(), row.pattern.sigma.astype("<f4").tobytes()]
    if isinstance(row.fit, Fit):
        arrays.append(row.fit.parameters.astype("<f8").tobytes())
    return b"".join([LENGTH.pack(len(text)), text, *arrays])


def decode_row(content: bytes, two_theta: NDArray[np.float64], recorded_s: float | None = None) -> Row:
    """The row in these bytes, recorded at this clock where it is given. Raises UserError where they are none."""
    try:
        row = _decoded(content, two_theta)
        return row if recorded_s is None else replace(row, recorded_s=recorded_s)
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, struct.error, RecursionError):
        raise UserError("a row of the journal cannot be read; give an intact journal") from None


def _decoded(content: bytes, two_theta: NDArray[np.float64]) -> Row:
    (length,) = LENGTH.unpack_from(content)
    values = json.loads(content[LENGTH.size : LENGTH.size + length])
    rest = content[LENGTH.size + length :]
    record = values["record"] if "record" in values else _record_before(values)
    pattern = None
    if record["fits/has_pattern"]:
        half, full = 4 * len(two_theta), 8 * len(two_theta)
        if len(rest) < full:
            raise ValueError("pattern cut off")
        pattern = Pattern(two_theta, np.frombuffer(rest[:half], "<f4"), np.frombuffer(rest[half:full], "<f4"))
        rest = rest[full:]
    parameters = np.frombuffer(rest, "<f8")
    filled = Filled(*values["filled"]) if values.get("filled") else None
    return row_of(record, pattern, parameters, header=values.get("header", {}), filled=filled)


def _record_before(values: dict[str, Any]) -> dict[str, Any]:
    fields = [field for field in FIELDS if field.since != ADDED]
    record: dict[str, Any] = {field.path: [] if field.is_per_component else field.quantity.unknown for field in fields}
    for key, paths in BEFORE.items():
        if values.get(key) is not None:
            record.update(zip(paths, values[key], strict=True))
    for path, column in zip(LATTICE_BEFORE, zip(*values.get("lattices", ()), strict=True), strict=False):
        record[path] = list(column)
    return record | {
        "fits/has_pattern": values["pattern"],
        "trace/status": "gap" if "gap" in values else "fitted",
        "trace/reason": values.get("gap", ""),
        "trace/recorded_s": values["recorded_s"],
    }
