"""TIFF packed by LZW and Deflate, as PIL and tifffile write it, is read here and not in a process of its own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from latticewatch.processing.codecs.lzw import unpack_lzw
from latticewatch.processing.formats import tiff
from latticewatch.processing.formats.decode import decode
from latticewatch.processing.formats.image_file import Unreadable

RNG = np.random.default_rng(5)
IMAGES: dict[str, NDArray[Any]] = {
    "nothing": np.zeros((70, 90), np.uint16),
    "noise": RNG.integers(0, 65535, (300, 320)).astype(np.uint16),
    "frame": RNG.poisson(20.0, (300, 320)).astype(np.uint16),
    "bytes": RNG.poisson(3.0, (33, 41)).astype(np.uint8),
    "whole": RNG.poisson(2000.0, (64, 65)).astype(np.int32),
    "floats": RNG.normal(2.0, 20.0, (64, 65)).astype(np.float32),
}


def packed(image: NDArray[Any], compression: str, **tags: Any) -> bytes:
    file = io.BytesIO()
    Picture.fromarray(image).save(file, "tiff", compression=compression, **tags)
    return file.getvalue()


@pytest.fixture(autouse=True)
def no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process of its own")

    monkeypatch.setattr(tiff, "read_with_fabio", refuse)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "tiff_adobe_deflate"])
@pytest.mark.parametrize("name", IMAGES)
def test_packed_strips(name: str, compression: str) -> None:
    image = decode("a.tif", packed(IMAGES[name], compression))
    np.testing.assert_array_equal(np.asarray(image.counts), IMAGES[name])


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate"])
def test_differences_from_the_left(compression: str) -> None:
    data = packed(IMAGES["frame"], compression, tiffinfo={317: 2})
    np.testing.assert_array_equal(np.asarray(decode("a.tif", data).counts), IMAGES["frame"])


@pytest.mark.parametrize("seed", range(300))
def test_damage_is_an_answer(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "read_with_fabio", lambda *_: (_ for _ in ()).throw(Unreadable("in its process")))
    rng = np.random.default_rng(seed)
    data = bytearray(packed(IMAGES["bytes"], ["tiff_lzw", "tiff_deflate"][seed % 2]))
    for _ in range(rng.integers(1, 8)):
        data[rng.integers(0, len(data))] = rng.integers(0, 256)
    try:
        image = decode("a.tif", bytes(data[: rng.integers(len(data) // 2, len(data) + 1)]))
    except Unreadable:
        return
    assert image.counts.size < 10_000_000


def test_lzw_that_is_broken_is_none(tmp_path: Path) -> None:
    del tmp_path
    assert unpack_lzw(np.zeros(0, np.uint8), 4) is None
    for seed in range(500):
        unpack_lzw(np.random.default_rng(seed).integers(0, 256, 60).astype(np.uint8), 500)
    assert unpack_lzw(np.array([0x80, 0x7F, 0xFF], np.uint8), 3) is None
