"""Masks drawn by hand: regions of an image as arrays (rows, columns), True inside.

A place is (row, column) as it lies on the image: pixel (r, c) reaches from r to r + 1 and from c to c + 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Shape = tuple[int, int]
Place = tuple[float, float]


def rectangle(shape: Shape, corner: Place, opposite: Place) -> Mask:
    """All pixels that the rectangle between these corners touches."""
    region = np.zeros(shape, bool)
    (top, left), (bottom, right) = np.sort([corner, opposite], axis=0)
    if bottom >= 0.0 and right >= 0.0:
        region[max(0, int(np.floor(top))) : int(np.floor(bottom)) + 1, max(0, int(np.floor(left))) : int(right) + 1] = (
            True
        )
    return region


def polygon(shape: Shape, corners: Sequence[Place]) -> Mask:
    """All pixels whose centres lie inside (even-odd rule); nothing for fewer than three corners."""
    region = np.zeros(shape, bool)
    if len(corners) < 3:
        return region
    places = np.asarray(corners, float)
    box = _box(shape, places, 0.0)
    rows, columns = _centres(box)
    inside = np.zeros((len(rows), len(columns)), bool)
    for (row, column), (next_row, next_column) in zip(places, np.roll(places, -1, axis=0), strict=True):
        crosses = (row <= rows) != (next_row <= rows)
        if not crosses.any():
            continue
        at = column + (rows[crosses] - row) / (next_row - row) * (next_column - column)
        inside[crosses] ^= columns[None, :] < at[:, None]
    region[box] = inside
    return region


def stroke(shape: Shape, start: Place, end: Place, radius: float) -> Mask:
    """All pixels whose centres lie within ``radius`` of the line between two places, and those under its ends."""
    region = np.zeros(shape, bool)
    ends = np.asarray([start, end], float)
    box = _box(shape, ends, radius)
    rows, columns = _centres(box)
    along = ends[1] - ends[0]
    length2 = max(float(along @ along), 1e-12)
    down, across = rows[:, None] - ends[0, 0], columns[None, :] - ends[0, 1]
    part = np.clip((down * along[0] + across * along[1]) / length2, 0.0, 1.0)
    region[box] = (down - part * along[0]) ** 2 + (across - part * along[1]) ** 2 <= radius**2
    for row, column in np.floor(ends).astype(int):
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            region[row, column] = True
    return region


def outside(counts: NDArray[Any], least: float | None, most: float | None) -> Mask:
    """All pixels that count less than ``least`` or more than ``most``, and those that are no number."""
    region = ~np.isfinite(counts)
    if least is not None:
        region |= counts < least
    if most is not None:
        region |= counts > most
    return np.asarray(region)


def _box(shape: Shape, places: NDArray[np.float64], margin: float) -> tuple[slice, slice]:
    """The pixels round these places, within the image."""
    low = np.clip(np.floor(places.min(axis=0) - margin).astype(int), 0, shape)
    high = np.clip(np.ceil(places.max(axis=0) + margin).astype(int) + 1, 0, shape)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def _centres(box: tuple[slice, slice]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = (np.arange(each.start, each.stop) + 0.5 for each in box)
    return rows, columns
