"""A row as bytes and back, bit for bit: its numbers as JSON, its arrays as they lie in memory."""

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Filled, Row
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.text import one_line

LENGTH = struct.Struct("<I")


def encode_row(row: Row) -> bytes:
    """The row without its 2θ grid, which is the run's."""
    fit, verdict, pattern = row.fit, row.verdict, row.pattern
    forecast = verdict.forecast
    values: dict[str, Any] = {
        "row": [row.index, row.name, row.time_s, row.mtime_s, row.intensity, row.fraction, row.fraction_esd],
        "recorded_s": row.recorded_s,
        "verdict": [str(verdict.state), verdict.since_s, verdict.progress, verdict.mixing_s, verdict.why],
        "forecast": [forecast.complete_s, forecast.earliest_s, forecast.latest_s] if forecast else None,
        "pattern": pattern is not None,
        "header": dict(row.header),
        "filled": [row.filled.reason, row.filled.time_s] if row.filled else None,
    }
    if isinstance(fit, NoResult):
        values["gap"] = one_line(fit.reason)
    else:
        values["fit"] = [fit.components, fit.lp_mean_A, fit.lp_mean_esd_A, fit.rwp_percent, fit.chi2_reduced]
        values["steps"] = [fit.iterations, bool(fit.converged)]
        values["lattices"] = [[each.lp_A, each.lp_esd_A, each.weight, each.weight_esd] for each in fit.lattices]
    arrays = [] if pattern is None else [_bytes(pattern.intensity, "<f4"), _bytes(pattern.sigma, "<f4")]
    if isinstance(fit, Fit):
        arrays.append(_bytes(fit.parameters, "<f8"))
    text = json.dumps(values, separators=(",", ":"), default=_plain).encode()
    return b"".join([LENGTH.pack(len(text)), text, *arrays])


def decode_row(content: bytes, two_theta: NDArray[np.float64], recorded_s: float | None = None) -> Row:
    """The row in these bytes, recorded at this clock where it is given. Raises UserError where they are none."""
    try:
        row = _decoded(content, two_theta)
        return row if recorded_s is None else replace(row, recorded_s=recorded_s)
    except (ValueError, KeyError, TypeError, IndexError, struct.error, RecursionError):
        raise UserError("a row of the journal does not read as a row; give an unharmed journal") from None


def _decoded(content: bytes, two_theta: NDArray[np.float64]) -> Row:
    (length,) = LENGTH.unpack_from(content)
    values = json.loads(content[LENGTH.size : LENGTH.size + length])
    rest = content[LENGTH.size + length :]
    pattern = None
    if values["pattern"]:
        half, full = 4 * len(two_theta), 8 * len(two_theta)
        if len(rest) < full:
            raise ValueError("pattern cut off")
        pattern = Pattern(two_theta, np.frombuffer(rest[:half], "<f4"), np.frombuffer(rest[half:full], "<f4"))
        rest = rest[full:]
    frame, name, time_s, mtime_s, intensity, fraction, fraction_esd = values["row"]
    return Row(
        index=frame,
        name=name,
        time_s=time_s,
        mtime_s=mtime_s,
        pattern=pattern,
        fit=NoResult(values["gap"]) if "gap" in values else _fit(values, np.frombuffer(rest, "<f8")),
        verdict=_verdict(values),
        intensity=intensity,
        fraction=fraction,
        fraction_esd=fraction_esd,
        recorded_s=values["recorded_s"],
        header=values.get("header", {}),  # journals of older versions have none
        filled=Filled(*values["filled"]) if values.get("filled") else None,
    )


def _fit(values: dict[str, Any], parameters: NDArray[np.float64]) -> Fit:
    components, lp_mean, lp_mean_esd, rwp, chi2 = values["fit"]
    iterations, converged = values["steps"]
    lattices = tuple(Lattice(*numbers) for numbers in values["lattices"])
    return Fit(lattices, components, lp_mean, lp_mean_esd, rwp, chi2, iterations, converged, parameters)


def _verdict(values: dict[str, Any]) -> Verdict:
    state, since_s, progress, mixing_s, why = values["verdict"]
    forecast = Forecast(*values["forecast"]) if values["forecast"] else None
    return Verdict(State(state), since_s, progress, mixing_s, forecast, why)


def _bytes(array: NDArray[Any], kind: str) -> bytes:
    return np.ascontiguousarray(array, dtype=kind).tobytes()


def _plain(value: Any) -> Any:
    """Numpy's scalars, which JSON does not know."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in a row")
