"""Spots and zingers are left out of the mean over a ring; what is clean is summed as ever, to the last bit."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.packed_images import ByteOffset
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.outliers import FEWEST_IN_RING
from latticewatch.processing.integration.robust_mean import Mode
from tests.integration.test_defects import GEOMETRY, SHAPE, rings

Counts = NDArray[np.int32]


def clean(number: int) -> Counts:
    return np.random.default_rng(number).poisson(rings()).astype(np.int32)


def spots(number: int, many: int = 60) -> Counts:
    """Single-crystal spots at places that differ from frame to frame."""
    rng = np.random.default_rng(1000 + number)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    level = np.zeros(SHAPE)
    for row, column in zip(rng.integers(5, 295, many), rng.integers(5, 255, many), strict=True):
        level += 4000.0 * np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2))
    return clean(number) + rng.poisson(level).astype(np.int32)


def integrate(frames: list[Any], robust: Mode, *, one_by_one: bool = False) -> list[Pattern]:
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE, robust=robust)
    given = [Frame(n, "x", 0.0, 0.0, Image(counts)) for n, counts in enumerate(frames)]
    found = [integrator.integrate(each) for each in given] if one_by_one else integrator.integrate_many(given)
    assert all(isinstance(each, Pattern) for each in found)
    return [each for each in found if isinstance(each, Pattern)]


def assert_same(found: list[Pattern], expected: list[Pattern]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.intensity, other.intensity)
        np.testing.assert_array_equal(one.sigma, other.sigma)


def test_clean_frames_are_summed_to_the_last_bit_as_without_it() -> None:
    frames = [clean(number) for number in range(12)]
    found = integrate(frames, "auto")
    assert_same(found, integrate(frames, "off"))
    assert [each.pixels_left_out for each in found] == [0] * 12
    assert [each.pixels_left_out for each in integrate(frames, "off")] == [None] * 12


@pytest.mark.parametrize("robust", ["auto", "on"])
def test_spots_do_not_show_in_the_pattern(robust: Mode) -> None:
    numbers = range(8)
    enough = ImageIntegrator(GEOMETRY, shape=SHAPE).plan.pixels[:-1] >= FEWEST_IN_RING
    expected = integrate([clean(number) for number in numbers], "off")
    for found, without in zip(integrate([spots(number) for number in numbers], robust), expected, strict=True):
        pulls = ((found.intensity - without.intensity) / found.sigma)[enough]
        assert found.pixels_left_out is not None
        assert found.pixels_left_out > 1000
        assert np.nanmax(np.abs(pulls)) < 3.0
        assert np.sqrt(np.nanmean(pulls**2)) < 0.7  # the pixels are the same ones, but for those left out


def test_a_zinger_long_after_the_first_frames() -> None:
    frames = [clean(number) for number in range(20)]
    frames[13][200, 100] = 30_000
    found = integrate(frames, "auto")
    assert [each.pixels_left_out for each in found] == [1 if number == 13 else 0 for number in range(20)]
    coded = [frame.copy() for frame in frames]
    coded[13][200, 100] = -1
    assert_same(found, integrate(coded, "off"))


@pytest.mark.parametrize("kind", ["plain", "packed"])
def test_one_by_one_is_the_same_as_many_at_a_time(kind: str) -> None:
    frames: list[Any] = [spots(n, 3) if n in (9, 17, 18) else 4 * clean(n) if n > 20 else clean(n) for n in range(30)]
    if kind == "packed":
        from fabio.compression import compByteOffset

        frames = [
            ByteOffset(np.frombuffer(compByteOffset(frame.astype(np.int64)), np.uint8), SHAPE, np.dtype(np.int32))
            for frame in frames
        ]
    together, alone = integrate(frames, "auto"), integrate(frames, "auto", one_by_one=True)
    assert_same(together, alone)
    assert [each.pixels_left_out for each in together] == [each.pixels_left_out for each in alone]
    assert [n for n, each in enumerate(together) if each.pixels_left_out] == [9, 17, 18]


def grains(number: int) -> Counts:
    """A coarse powder: each ring is made of spots."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    level = np.full(SHAPE, 20.0)
    for ring in (60.0, 90.0, 110.0):
        for angle in rng.uniform(0, 2 * np.pi, 12):
            row, column = 151.0 + ring * np.sin(angle), 128.0 + ring * np.cos(angle)
            level += 3000.0 * np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / 1.5**2)
    return rng.poisson(level).astype(np.int32)


def test_grains_on_the_rings_are_the_sample(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    frames = [grains(number) for number in range(7)]
    found = integrate(frames, "auto")
    assert_same(found, integrate(frames, "off"))
    assert caplog.text.count("bright grains on the rings are kept") == 1
    for each, whole in zip(integrate(frames, "on"), found, strict=True):
        assert each.pixels_left_out
        assert np.nansum(each.intensity) < 0.8 * np.nansum(whole.intensity)


def test_a_textured_ring_is_kept() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius, angle = np.hypot(rows - 151.0, columns - 128.0), np.arctan2(rows - 151.0, columns - 128.0)
    arcs = 2000.0 * np.exp(-0.5 * ((radius - 90.0) / 2.0) ** 2) * np.exp(-0.5 * (np.sin(angle) / 0.3) ** 2)
    frames = [np.random.default_rng(n).poisson(20.0 + arcs).astype(np.int32) for n in range(7)]
    assert_same(integrate(frames, "auto"), integrate(frames, "off"))


def test_a_pixel_that_turns_hot_in_mid_run_is_a_defect() -> None:
    frames = [clean(number) for number in range(30)]
    for frame in frames[12:]:
        frame[150, 60] = 40_000
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE, robust="auto")
    found = [integrator.integrate(Frame(n, "x", 0.0, 0.0, Image(counts))) for n, counts in enumerate(frames)]
    assert integrator.defects is not None
    assert integrator.defects.hot_mask.sum() == integrator.defects.hot_mask[150, 60] == 1
    coded = [np.where(np.arange(len(frames))[n] >= 12 and frame >= 40_000, -1, frame) for n, frame in enumerate(frames)]
    assert_same([each for each in found if isinstance(each, Pattern)], integrate(coded, "off"))


@pytest.mark.parametrize("first", ["dark", "half written", "unreadable"])
def test_defects_are_learnt_whatever_the_first_frames_are(first: str) -> None:
    frames = [clean(number) for number in range(9)]
    for frame in frames:
        frame[150, 60] = 40_000
        frame[60, 150] = 0
    if first == "dark":
        frames[:0] = [np.zeros(SHAPE, np.int32)] * 30
    if first == "half written":
        frames[0][100:] = 0
    if first == "unreadable":
        frames[:0] = [np.full(SHAPE, -1, np.int32)] * 30
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE)
    integrator.integrate_many([Frame(n, "x", 0.0, 0.0, Image(counts)) for n, counts in enumerate(frames)])
    assert integrator.defects is not None
    assert np.argwhere(integrator.defects.mask).tolist() == [[60, 150], [150, 60]]


def test_negative_floats_are_values_unless_they_are_codes() -> None:
    noisy = np.random.default_rng(1).normal(2.0, 20.0, SHAPE).astype(np.float32)
    coded = np.where(np.random.default_rng(2).random(SHAPE) < 0.1, -1.0, clean(1)).astype(np.float32)
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE, find_defects=False)
    values, codes = (integrator.integrate(Frame(0, "x", 0.0, 0.0, Image(image))) for image in (noisy, coded))
    whole = integrator.integrate(Frame(0, "x", 0.0, 0.0, Image(np.where(coded < 0, -1, clean(1)).astype(np.int32))))
    assert isinstance(values, Pattern)
    assert isinstance(codes, Pattern)
    assert isinstance(whole, Pattern)
    assert np.nanmean(values.intensity) == pytest.approx(2.0, abs=0.5)
    np.testing.assert_array_equal(codes.intensity, whole.intensity)
