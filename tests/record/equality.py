"""Rows that must come back as they were."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.series import Row


def assert_same_rows(found: Iterable[Row], expected: Iterable[Row], clocks: bool = True) -> None:
    """Bit for bit; without ``clocks`` the time of recording may differ."""
    for one, other in zip(found, expected, strict=True):
        assert_same_row(one, other, clocks)


def assert_same_row(one: Row, other: Row, clocks: bool = True) -> None:
    np.testing.assert_equal(_plain(one, clocks), _plain(other, clocks))
    assert (one.pattern is None) == (other.pattern is None)
    if one.pattern is not None and other.pattern is not None:
        assert one.pattern.intensity.dtype == one.pattern.sigma.dtype == np.float32
        np.testing.assert_array_equal(one.pattern.intensity, other.pattern.intensity)
        np.testing.assert_array_equal(one.pattern.sigma, other.pattern.sigma)
        np.testing.assert_array_equal(one.pattern.two_theta, other.pattern.two_theta)


def _plain(row: Row, clocks: bool) -> dict[str, object]:
    left_out = {"pattern"} if clocks else {"pattern", "recorded_s"}
    values: dict[str, object] = {
        field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name not in left_out
    }
    values["fit"] = dataclasses.asdict(row.fit)
    values["verdict"] = dataclasses.asdict(row.verdict)
    values["filled"] = row.filled and dataclasses.asdict(row.filled)
    values["peaks"] = [dataclasses.asdict(peak) for peak in row.peaks]
    values["fitted"] = isinstance(row.fit, Fit)
    return values
