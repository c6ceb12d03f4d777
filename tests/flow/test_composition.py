"""Vegard's rule, there and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticewatch.processing.flow.composition import CompositionScale, cell_of, fraction_of, fraction_text


@given(st.floats(-0.2, 1.2), st.floats(-0.05, 0.05), st.sampled_from([(5.842, 6.205), (5.842, 5.605)]))
def test_the_fraction_of_the_cell_of_a_fraction(x: float, bowing_A: float, ends: tuple[float, float]) -> None:
    scale = CompositionScale(*ends, bowing_A)
    cell = cell_of(scale, x)
    fraction, esd = fraction_of(scale, cell, 1e-3)
    assert fraction == pytest.approx(x, abs=1e-9)
    assert esd > 0.0


def test_out_of_range_is_shown_as_out_of_range() -> None:
    assert fraction_of(CompositionScale(5.842, 6.205), 6.3, 1e-3)[0] > 1.0
    assert fraction_of(CompositionScale(5.842, 6.205), 5.8, 1e-3)[0] < 0.0


@pytest.mark.parametrize(("x", "text"), [(-0.1, "(-0.1)"), (0.0, "0.0"), (0.5, "0.5"), (1.0, "1.0"), (1.3, "(1.3)")])
def test_out_of_range_stands_in_brackets(x: float, text: str) -> None:
    assert fraction_text(x, str(x)) == text


def test_no_fraction_has_this_cell() -> None:
    assert all(math.isnan(value) for value in fraction_of(CompositionScale(5.8, 6.2, 0.5), 6.9, 1e-3))


@given(st.floats(-0.5, 1.5), st.floats(-0.05, 0.05))
def test_the_esd_is_that_of_the_fit_and_of_both_end_points(x: float, bowing_A: float) -> None:
    ends, esds, fit_esd = (5.842, 6.205), (2e-3, 5e-3), 1e-3
    scale = CompositionScale(*ends, bowing_A, *esds)
    cell = cell_of(scale, x)
    _, esd = fraction_of(scale, cell, fit_esd)

    def moved(by: float, first: float, second: float) -> float:
        return fraction_of(CompositionScale(ends[0] + first, ends[1] + second, bowing_A), cell + by, 0.0)[0]

    step = 1e-6
    parts = [
        (moved(*(step * (n == k) for n in range(3))) - moved(*(-step * (n == k) for n in range(3)))) / (2.0 * step)
        for k in range(3)
    ]
    expected = math.hypot(*(part * each for part, each in zip(parts, (fit_esd, *esds), strict=True)))
    assert esd == pytest.approx(expected, rel=1e-5)
