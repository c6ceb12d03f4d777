"""A mask that was drawn here is read back as it was drawn, by this program and by fabio."""

from dataclasses import replace
from pathlib import Path

import fabio
import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.geometry import read_geometry
from latticewatch.processing.integration.mask_file import free_mask_name, write_mask
from latticewatch.processing.integration.masks import drawn_orientation, placed_mask, read_mask
from latticewatch.processing.simulation.detector import DETECTORS, poni_text

MASK = np.random.default_rng(0).random((30, 40)) < 0.3


@pytest.mark.parametrize("ending", ["edf", "npy", "tif"])
def test_read_back_as_it_was_drawn(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"mask.{ending}"
    write_mask(path, MASK)
    np.testing.assert_array_equal(read_mask(path, MASK.shape), MASK)
    with fabio.open(str(path)) as image:
        np.testing.assert_array_equal(image.data != 0, MASK)


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_an_edf_says_that_it_was_drawn_on_images_as_read(tmp_path: Path, orientation: int) -> None:
    """With turned images nothing has to be asked, nor guessed from the image."""
    (tmp_path / "a.poni").write_text(poni_text(DETECTORS["pilatus300k"]))
    geometry = replace(read_geometry(tmp_path / "a.poni"), orientation=orientation)
    path = tmp_path / "mask.edf"
    write_mask(path, MASK)
    assert drawn_orientation(path) == 3
    np.testing.assert_array_equal(placed_mask(MASK, geometry, None, np.zeros(MASK.shape), path), MASK)


def test_a_mask_of_nearly_everything_says_itself_which_way_round_it_is(tmp_path: Path) -> None:
    most = np.ones((30, 40), bool)
    most[10:12] = False
    write_mask(tmp_path / "mask.edf", most)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.edf", most.shape), most)
    write_mask(tmp_path / "mask.npy", most)
    with pytest.raises(UserError, match="mask_nonzero"):
        read_mask(tmp_path / "mask.npy", most.shape)


@pytest.mark.parametrize("said", ["5", "", "3 or 2", "-1"])
def test_what_a_header_says_wrongly_is_not_said(tmp_path: Path, said: str) -> None:
    from fabio.edfimage import EdfImage

    EdfImage(data=MASK.astype(np.uint8), header={"mask_orientation": said}).write(str(tmp_path / "mask.edf"))
    assert drawn_orientation(tmp_path / "mask.edf") is None


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    for ending in ("edf", "npy", "tif"):
        path = tmp_path / f"mask.{ending}"
        path.write_bytes(b"mine")
        with pytest.raises(UserError, match="is there already"):
            write_mask(path, MASK)
        assert path.read_bytes() == b"mine"
    assert free_mask_name(tmp_path).name == "mask_2.edf"


def test_what_makes_no_mask_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.edf, \.npy, \.tif"):
        write_mask(tmp_path / "mask.jpg", MASK)
    with pytest.raises(UserError, match="leaves no pixel"):
        write_mask(tmp_path / "mask.edf", np.ones((3, 3), bool))
    with pytest.raises(UserError, match="cannot be written"):
        write_mask(tmp_path / "none" / "mask.edf", MASK)
