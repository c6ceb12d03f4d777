"""The map's pyramid and timeline against plain loops."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from latticewatch.widgets.pyramid import ChangeMap, Pyramid
from latticewatch.widgets.timeline import Timeline


def filled(rows: int, bins: int, group: int = 1) -> tuple[Pyramid, np.ndarray]:
    """A pyramid and the plain array it holds; every seventh row is a gap, one bin is masked."""
    data = np.random.default_rng(rows).normal(size=(rows, bins)).astype(np.float32)
    pyramid = Pyramid(bins, group)
    for number, row in enumerate(data):
        row[3] = np.nan
        pyramid.append(None if number % 7 == 3 else row)
    plain = np.where(np.isfinite(data), data, -np.inf)
    plain[3::7] = -np.inf
    return pyramid, plain


@given(rows=st.integers(1, 700), ends=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700)), min_size=1))
@settings(max_examples=40, deadline=None)
def test_maxima_are_those_of_the_rows(rows: int, ends: list[tuple[int, int]]) -> None:
    pyramid, plain = filled(rows, 8)
    first = np.array([min(min(pair), rows) for pair in ends])
    last = np.array([min(max(pair), rows) for pair in ends])
    expected = [plain[a:b].max(axis=0, initial=-np.inf) for a, b in zip(first, last, strict=True)]
    np.testing.assert_array_equal(pyramid.maxima(first, last, slice(0, 8)), expected)


@given(steps=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 50), st.integers(0, 99)), min_size=2, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_growing_map_is_that_of_its_rows_at_every_look(steps: list[tuple[int, int, int]]) -> None:
    rng = np.random.default_rng(0)
    pyramid, plain = Pyramid(8), np.empty((0, 8), np.float32)
    for more, columns, replaced in steps:
        for row in rng.normal(size=(more, 8)).astype(np.float32):
            pyramid.append(row)
            plain = np.vstack([plain, row])
        if replaced < len(plain):
            plain[replaced] = 9.0
            pyramid.replace(replaced, plain[replaced])
        edges = np.linspace(0, len(plain) + 5, columns + 1).astype(int)  # beyond what is there, as at a live end
        for bins in (slice(0, 8), slice(2, 5)):
            expected = [plain[a:b, bins].max(axis=0, initial=-np.inf) for a, b in pairwise(edges)]
            np.testing.assert_array_equal(pyramid.maxima(edges[:-1], edges[1:], bins), np.array(expected, np.float32))


@given(rows=st.integers(1, 300), replaced=st.lists(st.integers(0, 299), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_row_that_was_replaced_is_in_every_level(rows: int, replaced: list[int]) -> None:
    pyramid, plain = filled(rows, 8)
    change = ChangeMap(pyramid)
    change.catch_up()
    for number in {each % rows for each in replaced}:
        plain[number] = np.random.default_rng(number).normal(size=8) + 5.0
        pyramid.replace(number, plain[number])
    change.catch_up()
    pyramid.append(None)
    firsts, lasts = (each.ravel() for each in np.meshgrid(np.arange(rows), np.arange(rows + 1)))
    expected = [plain[a:b].max(axis=0, initial=-np.inf) for a, b in zip(firsts, lasts, strict=True)]
    np.testing.assert_array_equal(pyramid.maxima(firsts, lasts, slice(0, 8)), np.array(expected, np.float32))
    with np.errstate(invalid="ignore"):
        steps = np.abs(np.diff(plain, axis=0)).astype(np.float32)
    for number in range(1, rows):
        kept = np.where(np.isfinite(steps[number - 1]), steps[number - 1], -np.inf)
        np.testing.assert_array_equal(change.map.row(number), kept)


def test_grouped_bins_keep_their_maximum() -> None:
    pyramid, plain = filled(40, 10, group=4)
    assert pyramid.height == 3
    np.testing.assert_array_equal(pyramid.row(5), [plain[5, :4].max(), plain[5, 4:8].max(), plain[5, 8:].max()])


def test_a_narrow_line_in_one_row_is_seen_in_every_width() -> None:
    pyramid = Pyramid(4)
    for number in range(1000):
        row = np.zeros(4, np.float32)
        row[2] = 9.0 if number == 617 else 0.0
        pyramid.append(row)
    for columns in (1, 7, 320, 999, 1000):
        edges = np.linspace(0, 1000, columns + 1).astype(int)
        painted = pyramid.maxima(edges[:-1], edges[1:], slice(0, 4))
        assert (painted[:, 2] == 9.0).sum() == 1


def test_times_that_are_unknown_or_go_back_still_ascend() -> None:
    timeline = Timeline(2.0)
    for time_s in (0.0, 2.0, float("nan"), 6.0, 5.0, 8.0):
        timeline.append(time_s)
    np.testing.assert_array_equal(timeline.starts, [0.0, 2.0, 4.0, 6.0, 6.0, 8.0])
    assert (np.diff(timeline.ends) >= 0.0).all()


def test_a_long_break_is_a_hole() -> None:
    timeline = Timeline()
    for time_s in (0.0, 1.0, 2.0, 3.0, 10.0, 11.0):
        timeline.append(time_s)
    first, last = timeline.columns(0.0, 12.0, 12)
    empty = first == last
    np.testing.assert_array_equal(np.flatnonzero(empty), [5, 6, 7, 8, 9])
    assert timeline.row_at(9.0) == 4
    assert timeline.row_at(-5.0) == 0
    assert Timeline().row_at(1.0) is None


def test_changes_of_a_long_run_are_taken_in_a_few_at_a_time() -> None:
    rng = np.random.default_rng(0)
    pyramid = Pyramid(5)
    for _ in range(50):
        pyramid.append(rng.normal(size=5).astype(np.float32))
    few, all_at_once = ChangeMap(pyramid), ChangeMap(pyramid)
    assert not few.catch_up(budget_s=0.0)
    assert few.map.count == 1
    while not few.catch_up(budget_s=0.0):
        pass
    assert all_at_once.catch_up(budget_s=float("inf"))
    np.testing.assert_array_equal(few.map.sample(50), all_at_once.map.sample(50))
