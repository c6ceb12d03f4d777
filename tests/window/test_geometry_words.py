"""What the window on a geometry says, as a function of what the rings say."""

import math

import pytest

from latticewatch.app.window.geometry_words import (
    Level,
    Trial,
    place_lines,
    place_rows,
    ring_rows,
    said_of,
    value_told,
)
from latticewatch.processing.calibration.refined import Place, Value
from latticewatch.processing.refinement.single_lines.geometry_check import GeometryCheck, Ring

RIGHT = (Trial(1, 0.02, False), Trial(2, -0.01, False), Trial(3, 0.55, True), Trial(4, 0.05, False))
NOWHERE = (Trial(1, 0.0, False), Trial(2, 0.01, False, 5.2), Trial(3, 0.0, False, 4.2), Trial(4, 0.0, False))


def ring(hkl: str, offset_ppm: float, scatter_ppm: float = math.nan, expected_deg: float = 10.0) -> Ring:
    return Ring(hkl, expected_deg, expected_deg + 0.001, 0.05, offset_ppm, 3.0, scatter_ppm)


def check(*rings: Ring, accuracy_ppm: float = 163.0) -> GeometryCheck:
    return GeometryCheck(rings, 4.157, 4.1568, -21.0, 10.0, 0.0, 0.0, 20.0, accuracy_ppm)


def test_a_good_geometry_is_told_with_the_accuracy_that_it_leaves() -> None:
    said = said_of(check(ring("110", -20.0), ring("111", -22.0)), 0.55, RIGHT, 3)
    assert (said.level, said.better) == (Level.GOOD, None)
    assert said.text == (
        "2 rings measured, off by -21 ppm. Accuracy of a lattice parameter with this geometry: 163 ppm "
        "(0.00098 Å at 6 Å)."
    )


@pytest.mark.parametrize("chosen", [1, 2, 4])
def test_a_wrong_orientation_is_told_with_the_right_one(chosen: int) -> None:
    said = said_of(None, RIGHT[chosen - 1].score, RIGHT, chosen)
    assert (said.level, said.better) == (Level.WRONG, 3)
    assert "in orientation 3 (as read), not in" in said.text


def test_two_orientations_that_are_as_good_are_not_told_apart() -> None:
    trials = (Trial(1, 0.5, True), Trial(3, 0.52, True))
    assert said_of(check(ring("110", 1.0)), 0.5, trials, 1).better is None


def test_where_no_orientation_has_rings_the_nearest_is_told_first() -> None:
    said = said_of(None, 0.0, NOWHERE, 3)
    assert (said.level, said.better) == (Level.WRONG, None)
    assert "moves in orientation 3 by 4.2 mm, 2 by 5.2 mm" in said.text


def test_where_nothing_is_near_the_standard_is_doubted() -> None:
    said = said_of(None, 0.0, tuple(Trial(each, 0.0, False) for each in (1, 2, 3, 4)), 3)
    assert said.level is Level.WRONG
    assert "check the standard" in said.text


def test_rings_that_meet_a_part_of_what_is_bright_are_a_warning() -> None:
    said = said_of(check(ring("110", 1.0)), 0.3, (Trial(3, 0.3, True),), 3)
    assert said.level is Level.WARNING
    assert said.text.startswith("1 ring measured")
    assert "lies on no ring" in said.text


def test_a_ring_is_shown_with_what_it_was_before() -> None:
    before, now = check(ring("110", 120.0)), check(ring("110", 2.0, 30.0), ring("111", 3.0))
    assert ring_rows(now, before) == [
        ("110", "10.0000", "10.0010", "2", "3.0", "30", "120"),
        ("111", "10.0000", "10.0010", "3", "3.0", "unknown", ""),
    ]
    assert ring_rows(None, before) == []
    assert ring_rows(now, None)[0][-1] == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [(Value(230.13012, 0.04081), "230.13 ± 0.04"), (Value(0.229, 0.0167), "0.229 ± 0.017"), (Value(1.5), "1.5000")],
)
def test_a_value_has_as_many_digits_as_its_esd_bears(value: Value, told: str) -> None:
    assert value_told(value) == told


def test_a_place_is_told_number_by_number() -> None:
    numbers = [Value(float(number)) for number in range(6)]
    start, now = Place(*numbers), Place(Value(0.5, 0.1), *numbers[1:])
    assert place_rows(start, now)[0] == ("distance / mm", "0.0000", "0.50 ± 0.10")
    assert place_lines(start, now)[0].strip() == "distance / mm: 0.0000 -> 0.50 ± 0.10"
