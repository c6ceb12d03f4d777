"""Mask, dark and flat files in every format that is promised, and what is refused."""

from pathlib import Path

import fabio
import fabio.fit2dmaskimage
import numpy as np
import pytest
from PIL import Image as Picture

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.masks import read_correction, read_mask

SHAPE = (30, 40)
MASK = np.zeros(SHAPE, np.uint8)
MASK[3, 5] = MASK[20:, 30:] = 1


def write_dioptas(path: Path) -> None:
    Picture.fromarray(MASK.astype(np.int8).view(np.uint8)).save(path, "tiff", compression="tiff_deflate")


WRITERS = {
    "mask.edf": lambda path: fabio.edfimage.EdfImage(data=MASK).write(str(path)),
    "mask.msk": lambda path: fabio.fit2dmaskimage.Fit2dMaskImage(data=MASK).write(str(path)),
    "mask.npy": lambda path: np.save(path, MASK.astype(bool)),
    "mask.npz": lambda path: np.savez_compressed(path, MASK),
    "named.npz": lambda path: np.savez(path, mask=MASK, other=np.arange(3)),
    "mask.mask": write_dioptas,
    "table.mask": lambda path: np.savetxt(path, MASK, fmt="%d"),
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
    assert read_mask(tmp_path / "m.npy", (1, 4)).tolist() == [[False, True, True, True]]


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
