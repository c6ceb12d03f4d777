"""The compiled sums: every path gives the same numbers to the last bit, and broken bytes are told."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import fabio
import numpy as np
import pytest
from fabio.compression import compByteOffset
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latticewatch.processing.flow.packed_images import ByteOffset, PackingError
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.kernels import one_frame as kernel
from latticewatch.processing.integration.kernels import sums as summing
from latticewatch.processing.integration.kernels.sums import (
    Sums,
    empty_eight,
    empty_sums,
    sum_byte_offset,
    sum_eight,
    sum_image,
)
from latticewatch.processing.integration.plan import Corrections, Plan, build_plan
from tests.sample_data import sample

SHAPE = (97, 131)
GEOMETRY = Geometry(0.1, 0.008, 0.011, 0.1, -0.05, 0.0, 0.64066, 172e-6, 172e-6)
RNG = np.random.default_rng(8)
CORRECTIONS = Corrections(mask=RNG.random(SHAPE) < 0.05, dark=RNG.uniform(0, 2, SHAPE))
PLAN = build_plan(GEOMETRY, CORRECTIONS, SHAPE)
MANY_BINS = build_plan(GEOMETRY, CORRECTIONS, SHAPE, bins=20_000)
LIMIT = 500_000.0
FIELDS = ("signal", "variance", "lost_pixels", "lost_weight", "lost_dark")


def images() -> dict[str, NDArray[Any]]:
    steps = RNG.choice([0, 1, -1, 127, -127, -128, 128, 32767, -32768, 32768, 300_000], SHAPE)
    damaged = RNG.poisson(3.0, SHAPE)
    for code in (-1, -2, 400_000, 500_000, 2_000_000, 2**31 - 1, -(2**31)):
        damaged[RNG.random(SHAPE) < 0.02] = code
    return {
        "nothing": np.zeros(SHAPE, np.int32),
        "faint": RNG.poisson(0.1, SHAPE).astype(np.int32),
        "usual": RNG.poisson(20.0, SHAPE).astype(np.int32),
        "bright": RNG.poisson(30_000.0, SHAPE).astype(np.int32),
        "every width": np.clip(np.cumsum(steps).reshape(SHAPE), -(2**31), 2**31 - 1).astype(np.int32),
        "damaged": damaged.astype(np.int32),
        "all invalid": np.full(SHAPE, -1, np.int32),
    }


IMAGES = images()


def plainly(plan: Plan, image: NDArray[Any], limit: float = LIMIT) -> Sums:
    sums = empty_sums(len(plan.two_theta) + 1)
    kernel.sum_values(
        image.ravel(), plan.bins, sums.variance, 0.0, 2.0**20, plan.weight, plan.dark, limit,
        sums.signal, sums.lost_pixels, sums.lost_weight, sums.lost_dark,
    )  # fmt: skip
    return sums


@pytest.mark.parametrize("name", IMAGES)
def test_every_way_counts_the_large_pixels(name: str) -> None:
    image, sums = IMAGES[name], empty_sums(len(PLAN.two_theta) + 1)
    used = (PLAN.bins < len(PLAN.two_theta)).reshape(SHAPE)
    large = int((used & (image >= 300) & (image < LIMIT)).sum())
    expected = plainly(PLAN, image)
    sum_image(PLAN, image, LIMIT, sums, 300.0)
    assert_same(sums, expected)
    assert sums.signal[-1] == large
    sum_image(PLAN, image.astype(np.float64), LIMIT, sums, 300.0)
    assert sums.signal[-1] == large
    sum_byte_offset(PLAN, packed(image), LIMIT, sums, 300.0)
    assert_same(sums, expected)
    assert sums.signal[-1] == large
    eight = empty_eight(len(PLAN.two_theta) + 1)
    if sum_eight(PLAN, [packed(image)] * 8, [LIMIT] * 8, eight, 300.0):
        for frame in eight.frames:
            assert_same(frame, expected)
            assert frame.signal[-1] == large


def assert_same(sums: Sums, expected: Sums) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(sums, name)[:-1], getattr(expected, name)[:-1], err_msg=name)


def packed(image: NDArray[Any], dtype: str = "int32") -> ByteOffset:
    data = compByteOffset(image.astype(np.int64))  # differences of int32 need 33 bits
    return ByteOffset(np.frombuffer(data, np.uint8), SHAPE, np.dtype(dtype))


def cut(image: ByteOffset, length: int) -> ByteOffset:
    return replace(image, packed=image.packed[:length].copy())


@pytest.mark.parametrize("plan", [PLAN, MANY_BINS], ids=["few bins", "many bins"])
@pytest.mark.parametrize("name", IMAGES)
def test_blocks_and_bytes_sum_like_the_plain_way(name: str, plan: Plan) -> None:
    expected = plainly(plan, IMAGES[name])
    sums = empty_sums(len(plan.two_theta) + 1)
    sum_image(plan, IMAGES[name], LIMIT, sums)
    assert_same(sums, expected)
    sum_byte_offset(plan, packed(IMAGES[name]), LIMIT, sums)
    assert_same(sums, expected)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("limit", [3.0, 100.5, 2.0**32 - 2])
def test_every_whole_type(dtype: str, limit: float) -> None:
    largest = 1 if dtype == "bool" else np.iinfo(dtype).max
    image = RNG.poisson(4.0, SHAPE).clip(0, largest).astype(dtype)
    image[RNG.random(SHAPE) < 0.01] = largest
    sums = empty_sums(len(PLAN.two_theta) + 1)
    sum_image(PLAN, image, limit, sums)
    assert_same(sums, plainly(PLAN, image, limit))


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "int32", "uint32", "int64", "float32"])
def test_either_byte_order_and_any_place_in_memory(dtype: str) -> None:
    image = RNG.poisson(40.0, SHAPE).astype(dtype)
    image[RNG.random(SHAPE) < 0.01] = 0 if dtype == "float32" else np.iinfo(dtype).max
    expected = plainly(PLAN, image, 1e9 if dtype == "float32" else float(np.iinfo(dtype).max))
    sums = empty_sums(len(PLAN.two_theta) + 1)
    for order in "<>":
        other = image.astype(np.dtype(dtype).newbyteorder(order))
        odd = np.frombuffer(b"x" + other.tobytes(), other.dtype, offset=1).reshape(SHAPE)
        for same in (other, odd, np.asfortranarray(other)):
            sum_image(PLAN, same, 1e9 if dtype == "float32" else float(np.iinfo(dtype).max), sums)
            assert_same(sums, expected)


@pytest.mark.parametrize("plan", [PLAN, MANY_BINS], ids=["few bins", "many bins"])
@pytest.mark.parametrize("name", ["usual", "faint", "damaged", "every width", "all kinds"])
def test_eight_at_once_sum_like_eight_one_by_one(name: str, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "DENSEST", 100.0)
    chosen = [IMAGES[name]] * 8 if name in IMAGES else [*IMAGES.values(), IMAGES["usual"] + 1]
    frames = [np.roll(image, 3 * place, axis=1) for place, image in enumerate(chosen)]
    limits = [LIMIT, 1000.0, LIMIT, 2.0**31 - 2, LIMIT, 17.0, LIMIT, 2.0**21]
    eight = empty_eight(len(plan.two_theta) + 1)
    for _ in range(2):  # the room is used again
        assert sum_eight(plan, [packed(image) for image in frames], limits, eight)
        for image, limit, sums in zip(frames, limits, eight.frames, strict=True):
            assert_same(sums, plainly(plan, image, limit))


def test_eight_are_refused_where_one_is_broken_wide_or_of_another_type() -> None:
    whole = packed(IMAGES["usual"])
    eight = empty_eight(len(PLAN.two_theta) + 1)
    assert sum_eight(PLAN, [whole] * 8, [LIMIT] * 8, eight)
    for other in (
        cut(whole, len(whole.packed) - 1),
        packed(np.full(SHAPE, 2**31)),
        replace(whole, dtype=np.dtype(np.uint32)),
        packed(IMAGES["bright"]),
    ):
        assert not sum_eight(PLAN, [whole] * 5 + [other] + [whole] * 2, [LIMIT] * 8, eight)


def test_the_plain_sums_are_numpys() -> None:
    image = IMAGES["damaged"].ravel()
    expected = plainly(PLAN, image)
    valid = (image >= 0) & (image < LIMIT)
    length = len(PLAN.two_theta) + 1
    where = PLAN.bins[valid]
    np.testing.assert_array_equal(expected.signal[:-1], np.bincount(where, image[valid], length)[:-1])
    variance = np.bincount(where, np.maximum(image[valid], 1), length)
    np.testing.assert_array_equal(expected.variance[:-1], variance[:-1])
    lost = np.bincount(PLAN.bins[~valid], PLAN.weight[~valid], length)
    np.testing.assert_allclose(expected.lost_weight[:-1], lost[:-1], rtol=1e-12)
    np.testing.assert_array_equal(expected.lost_pixels[:-1], np.bincount(PLAN.bins[~valid], minlength=length)[:-1])


@pytest.mark.parametrize("name", ["usual", "every width"])
def test_bytes_that_end_too_early_are_told(name: str) -> None:
    whole = packed(IMAGES[name])
    sums = empty_sums(len(PLAN.two_theta) + 1)
    for length in [0, 1, 2, len(whole.packed) // 2, *range(len(whole.packed) - 20, len(whole.packed))]:
        with pytest.raises(PackingError, match="fewer than its 12707 pixels"):
            sum_byte_offset(PLAN, cut(whole, length), LIMIT, sums)


@pytest.mark.parametrize(
    ("steps", "dtype", "fits"),
    [
        ([2**31 - 1], "int32", True),
        ([2**31], "int32", False),
        ([2**31 - 1, 100], "int32", False),
        ([-(2**31), -1], "int32", False),
        ([2**32 - 1], "uint32", True),
        ([-1], "uint32", False),
        ([2**15], "int16", False),
    ],
)
def test_a_count_that_does_not_fit_its_type_is_told(steps: list[int], dtype: str, fits: bool) -> None:
    """At the first pixel, in the middle of a block, and in the last, unfinished block."""
    for first in (0, 60, SHAPE[0] * SHAPE[1] - 5):
        differences = np.zeros(SHAPE[0] * SHAPE[1], np.int64)
        differences[first : first + len(steps)] = steps
        sums = empty_sums(len(PLAN.two_theta) + 1)
        image = packed(np.cumsum(differences), dtype)
        with nullcontext() if fits else pytest.raises(PackingError, match=f"fit into {dtype}"):
            sum_byte_offset(PLAN, image, LIMIT, sums)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 128))
def test_arbitrary_bytes_never_reach_beyond_the_end(noise: bytes, at: int) -> None:
    data = np.frombuffer(bytes(at) + noise, np.uint8)
    sums = empty_sums(len(PLAN.two_theta) + 1)
    with pytest.raises(PackingError):
        sum_byte_offset(PLAN, ByteOffset(data, SHAPE, np.dtype(np.int32)), LIMIT, sums)


def test_a_real_pilatus_file() -> None:
    with fabio.open(str(sample("readers/l-cyst_01_00001.cbf"))) as image:
        counts = image.data
    geometry = Geometry(0.16, 0.149, 0.126, 0.0, 0.0, 0.0, 0.6889, 172e-6, 172e-6)
    plan = build_plan(geometry, Corrections(), counts.shape)
    sums = empty_sums(len(plan.two_theta) + 1)
    sum_byte_offset(plan, replace(packed(counts), shape=counts.shape), 388705.0, sums)
    assert_same(sums, plainly(plan, counts, 388705.0))
    assert sums.lost_pixels[:-1].sum() == np.count_nonzero((counts.ravel() < 0) & (plan.bins < len(plan.two_theta)))
