"""Chunks of EIGER files: unpacked like hdf5plugin unpacks them, summed like the unpacked image, broken ones told."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.packed_images import Bitshuffled, PackingError
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.kernels.sums import (
    empty_eight,
    empty_sums,
    sum_bitshuffled,
    sum_eight,
    sum_image,
)
from latticewatch.processing.integration.plan import Corrections, build_plan
from latticewatch.processing.sources.hdf5.stack import HDF5Stack

SHAPE = (97, 131)
GEOMETRY = Geometry(0.1, 0.008, 0.011, 0.1, -0.05, 0.0, 0.64066, 172e-6, 172e-6)
RNG = np.random.default_rng(21)
PLAN = build_plan(GEOMETRY, Corrections(dark=RNG.uniform(0, 1, SHAPE)), SHAPE)


def eiger(dtype: str, mean: float) -> NDArray[Any]:
    largest = np.iinfo(dtype).max
    image = RNG.poisson(mean, SHAPE).clip(0, largest).astype(dtype)
    image[40:45] = largest
    image[:, 60:63] = largest
    image[RNG.random(SHAPE) < 0.01] = largest - 1
    return image


def write(path: Path, images: NDArray[Any], **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.create_dataset("data", data=images, **{"chunks": (1, *images.shape[1:]), **options})
    return path


def frames(path: Path) -> list[Frame]:
    return list(HDF5Stack(path).frames(threading.Event()))


def packed(path: Path, image: NDArray[Any], **options: Any) -> Bitshuffled:
    (frame,) = frames(write(path, image[None], **hdf5plugin.Bitshuffle(**options)))
    assert isinstance(frame.content, Image)
    assert isinstance(frame.content.counts, Bitshuffled)
    return frame.content.counts


@pytest.mark.parametrize("nelems", [0, 8, 512, 4096])
@pytest.mark.parametrize("mean", [0.0, 0.05, 8.0, 3000.0])
@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int16", "int32"])
def test_unpacked_and_summed_like_the_image(tmp_path: Path, dtype: str, mean: float, nelems: int) -> None:
    image = eiger(dtype, mean)
    chunk = packed(tmp_path / "a.h5", image, nelems=nelems)
    assert (chunk.shape, chunk.dtype) == (image.shape, image.dtype)
    np.testing.assert_array_equal(chunk.unpacked(), image)
    found, expected = empty_sums(len(PLAN.two_theta) + 1), empty_sums(len(PLAN.two_theta) + 1)
    for limit in (2.0**32 - 2, 3000.0):
        sum_bitshuffled(PLAN, chunk, limit, found)
        sum_image(PLAN, image, limit, expected)
        for name in ("signal", "variance", "lost_pixels", "lost_weight", "lost_dark"):
            np.testing.assert_array_equal(getattr(found, name)[:-1], getattr(expected, name)[:-1], err_msg=name)


@pytest.mark.parametrize("mean", [0.05, 8.0, 200.0, 3000.0])
@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int32"])
def test_eight_chunks_at_once_sum_like_eight_images(tmp_path: Path, dtype: str, mean: float) -> None:
    """The first five are whole, gaps apart, as most frames are; the others have broken pixels in use too."""
    images = [eiger(dtype, mean) for _ in range(8)]
    for image in images[:5]:
        image[:] = np.where(image == np.iinfo(dtype).max - 1, 1, image)
    chunks = [packed(tmp_path / f"{place}.h5", image) for place, image in enumerate(images)]
    plan = build_plan(
        GEOMETRY, Corrections(dark=PLAN.dark.reshape(SHAPE), mask=images[0] == np.iinfo(dtype).max), SHAPE
    )
    eight, expected = empty_eight(len(plan.two_theta) + 1), empty_sums(len(plan.two_theta) + 1)
    largest = float(np.iinfo(dtype).max - 1)
    for limits in ([largest] * 8, [largest] * 7 + [100.0]):
        for order in (range(8), [0, 1, 2, 3, 4, 0, 1, 2]):
            assert sum_eight(plan, [chunks[place] for place in order], limits, eight)
            for place, limit, found in zip(order, limits, eight.frames, strict=True):
                sum_image(plan, images[place], limit, expected)
                for name in ("signal", "variance", "lost_pixels", "lost_weight", "lost_dark"):
                    np.testing.assert_array_equal(getattr(found, name)[:-1], getattr(expected, name)[:-1], err_msg=name)


def test_eight_chunks_are_refused_where_one_is_broken_or_of_another_kind(tmp_path: Path) -> None:
    whole = packed(tmp_path / "a.h5", eiger("uint32", 8.0))
    eight = empty_eight(len(PLAN.two_theta) + 1)
    assert sum_eight(PLAN, [whole] * 8, [1e9] * 8, eight)
    data = whole.packed.tobytes()
    others = [broken(whole, spoiled) for spoiled in (data[:-1], data + b"x", data[:500], data[:9])]
    others += [
        packed(tmp_path / "b.h5", eiger("uint16", 8.0)),
        packed(tmp_path / "c.h5", eiger("uint32", 8.0), nelems=512),
    ]
    for other in others:
        assert not sum_eight(PLAN, [whole] * 3 + [other] + [whole] * 4, [1e9] * 8, eight)


def test_values_of_every_width(tmp_path: Path) -> None:
    image = RNG.integers(0, 2**32, SHAPE, dtype=np.uint32) >> RNG.integers(0, 32, SHAPE, dtype=np.uint32)
    np.testing.assert_array_equal(packed(tmp_path / "a.h5", image).unpacked(), image)
    repeated = np.tile(np.arange(131, dtype=np.uint32) * 77, (97, 1))
    np.testing.assert_array_equal(packed(tmp_path / "b.h5", repeated).unpacked(), repeated)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (1, 97, 100), **hdf5plugin.Bitshuffle()},
        {"chunks": (2, 97, 131), **hdf5plugin.Bitshuffle()},
        dict(hdf5plugin.Bitshuffle(cname="none")),
        dict(hdf5plugin.Bitshuffle(cname="zstd")),
        dict(hdf5plugin.LZ4()),
        {"compression": "gzip"},
        {"fletcher32": True, **hdf5plugin.Bitshuffle()},
    ],
    ids=["plain", "tiled", "two frames", "shuffled only", "zstd", "lz4", "gzip", "with a checksum"],
)
def test_every_other_packing_takes_the_ordinary_way(tmp_path: Path, options: dict[str, Any]) -> None:
    images = np.stack([eiger("uint32", 5.0) for _ in range(2)])
    found = frames(write(tmp_path / "a.h5", images, **options))
    for frame, image in zip(found, images, strict=True):
        assert isinstance(frame.content, Image)
        assert isinstance(frame.content.counts, np.ndarray)
        np.testing.assert_array_equal(frame.content.counts, image)


def test_a_chunk_gives_the_same_pattern(tmp_path: Path) -> None:
    images = np.stack([eiger("uint32", 50.0) for _ in range(8)])
    plain, fused = (ImageIntegrator(GEOMETRY, shape=SHAPE) for _ in range(2))
    found = frames(write(tmp_path / "a.h5", images, **hdf5plugin.Bitshuffle()))
    for frame, image in zip(found, images, strict=True):
        expected = plain.integrate(replace(frame, content=Image(image)))
        pattern = fused.integrate(frame)
        assert isinstance(expected, Pattern)
        assert isinstance(pattern, Pattern)
        np.testing.assert_array_equal(pattern.intensity, expected.intensity)
        np.testing.assert_array_equal(pattern.sigma, expected.sigma)


def broken(chunk: Bitshuffled, data: bytes) -> Bitshuffled:
    return replace(chunk, packed=np.frombuffer(data, np.uint8))


def test_a_broken_chunk_is_told(tmp_path: Path) -> None:
    chunk = packed(tmp_path / "a.h5", eiger("uint32", 8.0))
    data = chunk.packed.tobytes()
    sums = empty_sums(len(PLAN.two_theta) + 1)
    spoiled = [data[:length] for length in (0, 5, 12, 14, len(data) // 2, len(data) - 1)]
    spoiled += [data + b"x", b"\0" * len(data), data[:8] + b"\xff" * 4 + data[12:], data[:8] + b"\0\0\0\3" + data[12:]]
    for one in spoiled:
        with pytest.raises(PackingError):
            sum_bitshuffled(PLAN, broken(chunk, one), 1e9, sums)
        with pytest.raises(PackingError):
            broken(chunk, one).unpacked()
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE, find_defects=False)
    gap = integrator.integrate(Frame(0, "a.h5", 0.0, 0.0, Image(broken(chunk, data[:-1]))))
    assert isinstance(gap, NoResult)
    assert gap.reason == "unreadable: its chunk is broken"


@pytest.fixture(scope="module")
def faint(tmp_path_factory: pytest.TempPathFactory) -> Bitshuffled:
    return packed(tmp_path_factory.mktemp("h5") / "a.h5", eiger("uint16", 2.0))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_spoiled_bytes_never_reach_beyond_the_end(faint: Bitshuffled, data: st.DataObject) -> None:
    spoiled = bytearray(faint.packed.tobytes())
    for _ in range(data.draw(st.integers(1, 8))):
        spoiled[data.draw(st.integers(12, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    sums = empty_sums(len(PLAN.two_theta) + 1)
    try:
        sum_bitshuffled(PLAN, broken(faint, bytes(spoiled)), 65534.0, sums)
    except PackingError:
        return
    assert sums.signal[:-1].sum() <= 65534.0 * PLAN.pixels[:-1].sum()
