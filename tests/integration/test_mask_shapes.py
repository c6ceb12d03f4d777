"""Regions of an image that are drawn by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.integration.mask_shapes import outside, polygon, rectangle, stroke


def drawn(region: NDArray[np.bool_]) -> list[str]:
    return ["".join("#" if each else "." for each in row) for row in region]


@pytest.mark.parametrize(
    ("corner", "opposite", "expected"),
    [
        ((1.2, 1.9), (2.8, 2.1), ["....", ".##.", ".##."]),
        ((2.8, 2.1), (1.2, 1.9), ["....", ".##.", ".##."]),
        ((0.5, 0.5), (0.6, 0.6), ["#...", "....", "...."]),
        ((-5.0, -5.0), (9.0, 0.5), ["#...", "#...", "#..."]),
        ((-5.0, -5.0), (-1.0, 9.0), ["....", "....", "...."]),
        ((5.0, 1.0), (9.0, 2.0), ["....", "....", "...."]),
    ],
)
def test_rectangle(corner: tuple[float, float], opposite: tuple[float, float], expected: list[str]) -> None:
    assert drawn(rectangle((3, 4), corner, opposite)) == expected


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ([(0.0, 0.0), (0.0, 4.0), (4.0, 0.0)], ["###.", "##..", "#...", "...."]),
        ([(1.0, 1.0), (1.0, 3.0), (3.0, 3.0), (3.0, 1.0)], ["....", ".##.", ".##.", "...."]),
        ([(-9.0, -9.0), (-9.0, 9.0), (9.0, 9.0), (9.0, -9.0)], ["####"] * 4),
        ([(0.0, 0.0), (4.0, 4.0)], ["...."] * 4),
        ([(9.0, 9.0), (9.0, 12.0), (12.0, 9.0)], ["...."] * 4),
    ],
)
def test_polygon(corners: list[tuple[float, float]], expected: list[str]) -> None:
    assert drawn(polygon((4, 4), corners)) == expected


def test_a_polygon_that_crosses_itself_has_a_hole() -> None:
    star = [(5.0 + 5.0 * np.cos(angle), 5.0 + 5.0 * np.sin(angle)) for angle in np.arange(5) * 4.0 * np.pi / 5.0]
    region = polygon((10, 10), star)
    assert not region[5, 5]
    assert region.any()


@pytest.mark.parametrize(
    ("start", "end", "radius", "expected"),
    [
        ((1.5, 1.5), (1.5, 1.5), 0.4, ["....", ".#..", "....", "...."]),
        ((1.1, 1.9), (1.1, 1.9), 0.1, ["....", ".#..", "....", "...."]),
        ((1.5, 1.5), (1.5, 1.5), 1.0, [".#..", "###.", ".#..", "...."]),
        ((0.5, 0.5), (3.5, 3.5), 0.5, ["#...", ".#..", "..#.", "...#"]),
        ((0.5, 0.5), (0.5, 3.5), 1.0, ["####", "####", "....", "...."]),
        ((9.5, 9.5), (9.5, 9.5), 1.0, ["...."] * 4),
        ((-0.5, -0.5), (-0.5, -0.5), 1.5, ["#...", "....", "....", "...."]),
    ],
)
def test_stroke(start: tuple[float, float], end: tuple[float, float], radius: float, expected: list[str]) -> None:
    assert drawn(stroke((4, 4), start, end, radius)) == expected


def test_counts_outside_limits_and_what_is_no_number() -> None:
    counts = np.array([[-1.0, 0.0, 5.0, 100.0, np.nan]])
    assert drawn(outside(counts, None, 50.0)) == ["...##"]
    assert drawn(outside(counts, 0.0, None)) == ["#...#"]
    assert drawn(outside(counts, 1.0, 50.0)) == ["##.##"]
    assert drawn(outside(counts.astype(np.float32)[:, :4].astype(np.int32), None, None)) == ["...."]
