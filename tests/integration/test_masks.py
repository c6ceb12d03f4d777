"""Mask, dark and flat files in every format that is promised, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import fabio
import fabio.fit2dmaskimage
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.masks import flipped, placed_mask, read_correction, read_mask

SHAPE = (30, 40)
GEOMETRY = Geometry(0.1, 0.001, 0.002, 0.0, 0.0, 0.0, 0.64066, 172e-6, 172e-6)
MASK = np.zeros(SHAPE, np.uint8)
MASK[3, 5] = MASK[20:, 30:] = 1


def write_dioptas(path: Path) -> None:
    Picture.fromarray(MASK.astype(np.int8).view(np.uint8)).save(path, "tiff", compression="tiff_deflate")


def write_hdf5(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


WRITERS = {
    "mask.edf": lambda path: fabio.edfimage.EdfImage(data=MASK).write(str(path)),
    "mask.msk": lambda path: fabio.fit2dmaskimage.Fit2dMaskImage(data=MASK).write(str(path)),
    "mask.npy": lambda path: np.save(path, MASK.astype(bool)),
    "mask.npz": lambda path: np.savez_compressed(path, MASK),
    "named.npz": lambda path: np.savez(path, mask=MASK, other=np.arange(3)),
    "mask.mask": write_dioptas,
    "table.mask": lambda path: np.savetxt(path, MASK, fmt="%d"),
    "mask.png": lambda path: Picture.fromarray(255 * MASK).save(path),
    "colours.png": lambda path: Picture.fromarray(np.stack([0 * MASK, 200 * MASK, 0 * MASK], axis=2)).save(path),
    "opaque.png": lambda path: Picture.fromarray(np.stack([255 * MASK] * 3 + [255 + 0 * MASK], axis=2)).save(path),
    "mask.h5": lambda path: write_hdf5(path, {"mask": MASK}),
    "mask.nxs": lambda path: write_hdf5(path, {"entry/mask/mask": MASK.astype(bool)}),
    "one.h5": lambda path: write_hdf5(path, {"entry/data": MASK[np.newaxis].astype(np.uint32)}),
    "named.h5": lambda path: write_hdf5(path, {"a/pixel_mask": MASK, "a/image": np.ones(SHAPE), "b": np.ones(3)}),
    "mask.tif": lambda path: fabio.tifimage.TifImage(data=MASK).write(str(path)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_mask(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    mask = read_mask(tmp_path / name, SHAPE)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, MASK.astype(bool))


def test_any_value_but_zero_masks(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.array([[0.0, 0.5, -1.0, np.nan]]))
    assert read_mask(tmp_path / "m.npy", (1, 4), "bad").tolist() == [[False, True, True, True]]
    assert read_mask(tmp_path / "m.npy", (1, 4), "good").tolist() == [[True, False, False, True]]


def test_a_mask_that_leaves_little_is_asked_about(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", 1 - MASK)
    assert "8 % of the pixels" in refusal(tmp_path / "m.npy")
    assert 'mask_nonzero = "good"' in refusal(tmp_path / "m.npy")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy", SHAPE, "good"), MASK == 1)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy", SHAPE, "bad"), MASK == 0)


def test_how_much_is_left_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    half = np.zeros(SHAPE)
    half[:, :25] = 1
    np.save(tmp_path / "m.npy", half)
    read_mask(tmp_path / "m.npy", SHAPE)
    assert "leaves 38 % of the pixels" in caplog.text


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_a_mask_is_turned_as_pyfai_turns_the_image(orientation: int) -> None:
    as_read, turned = (
        azimuthal_integrator(replace(GEOMETRY, orientation=each), SHAPE).center_array(SHAPE, unit="2th_rad")
        for each in (3, orientation)
    )
    drawn = as_read > np.median(as_read)  # on the image as a program shows it that turns it as pyFAI does
    np.testing.assert_array_equal(flipped(drawn, orientation), turned > np.median(as_read))


def image_with(bad: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(bad, 900, np.random.default_rng(3).poisson(20.0, SHAPE))


def test_the_first_image_says_how_the_mask_lies(caplog: pytest.LogCaptureFixture) -> None:
    bad = MASK.astype(bool)
    geometry = replace(GEOMETRY, orientation=2)
    for drawn in (bad, bad[::-1]):
        np.testing.assert_array_equal(placed_mask(drawn, geometry, None, image_with(bad), Path("m.mask")), bad)
    assert caplog.text.count("turned back") == 1
    with pytest.raises(UserError, match=r"mask_orientation = 3 .* or 2"):
        placed_mask(bad, geometry, None, image_with(0 * bad), Path("m.mask"))
    for said, expected in ((3, bad), (2, bad[::-1])):
        np.testing.assert_array_equal(placed_mask(bad, geometry, said, image_with(0 * bad), Path("m.mask")), expected)
    np.testing.assert_array_equal(placed_mask(bad, GEOMETRY, None, image_with(0 * bad), Path("m.mask")), bad)


def refusal(path: Path, shape: tuple[int, int] = SHAPE) -> str:
    with pytest.raises(UserError) as caught:
        read_mask(path, shape)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_another_shape_is_named_with_both(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MASK)
    message = refusal(tmp_path / "m.npy", (40, 30))
    assert "30x40" in message
    assert "40x30" in message


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "m.npz", np.array([{"a": 1}], dtype=object))
    for name in ("m.npy", "m.npz"):
        assert "cannot be read" in refusal(tmp_path / name)


def test_what_is_no_mask(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "two.h5", {"a": MASK, "b": MASK})
    assert "2 images (/a, /b)" in refusal(tmp_path / "two.h5")
    write_hdf5(tmp_path / "none.h5", {"a": np.arange(4)})
    assert "0 images" in refusal(tmp_path / "none.h5")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\1\0\0" * 2 + bytes(20))
    assert "more than any detector has" in refusal(tmp_path / "bomb.png")
    np.savez(tmp_path / "two.npz", a=MASK, b=MASK)
    assert "2 arrays" in refusal(tmp_path / "two.npz")
    np.save(tmp_path / "all.npy", np.ones(SHAPE))
    assert "leaves no pixel" in refusal(tmp_path / "all.npy")
    np.save(tmp_path / "words.npy", np.full(SHAPE, "x"))
    assert "not an image of numbers" in refusal(tmp_path / "words.npy")
    for name in ("broken.edf", "broken.npy", "broken.npz", "broken.msk", "broken.mask", "broken.cbf"):
        (tmp_path / name).write_bytes(b"###CBF: VERSION 1.5\r\nnothing here")
        assert "cannot be read" in refusal(tmp_path / name)
    assert "cannot be read" in refusal(tmp_path / "absent.edf")
    assert "not a file" in refusal(tmp_path)


def test_a_header_that_lies_about_its_size_costs_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "m.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
        )
    assert "cannot be read" in refusal(tmp_path / "m.npy")


def test_a_dark_image_is_read_as_numbers(tmp_path: Path) -> None:
    dark = np.random.default_rng(1).normal(100, 5, SHAPE).astype(np.float32)
    fabio.edfimage.EdfImage(data=dark).write(str(tmp_path / "dark.edf"))
    np.testing.assert_array_equal(read_correction(tmp_path / "dark.edf", "dark", SHAPE), dark)
    with pytest.raises(UserError, match="--flat"):
        read_correction(tmp_path / "absent.edf", "flat", SHAPE)


def test_a_truncated_edf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.edf"
    WRITERS["mask.edf"](path)
    path.write_bytes(path.read_bytes()[:-600])
    assert "cannot be read" in refusal(path)
