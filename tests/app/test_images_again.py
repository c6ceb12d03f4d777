"""The image of a frame with its angles and its mask, from the scan that a run reads."""

from pathlib import Path

import numpy as np
import pytest

from latticewatch.app.run.images_again import ImagesAgain
from latticewatch.processing.errors import UserError
from latticewatch.processing.formats.decode import read_image
from latticewatch.processing.integration.detector import module_gaps
from latticewatch.processing.integration.geometry import read_geometry


def test_image_angles_and_mask(scan: Path) -> None:
    first = min(scan.glob("*.cbf"))
    counts = np.asarray(read_image(first).counts)
    geometry = read_geometry(scan / "geometry.poni")
    gaps = module_gaps(geometry, (counts.shape[0], counts.shape[1]))
    images = ImagesAgain(scan, geometry, lambda: gaps)
    picture = images.look(first.name)
    assert picture.counts.shape == picture.two_theta.shape == picture.masked.shape == counts.shape
    assert picture.counts.max() == counts[counts >= 0].max()
    assert 0.0 < picture.two_theta.min() < picture.two_theta.max() < 40.0
    np.testing.assert_array_equal(picture.masked[100], counts[100] < 0)
    rows = picture.masked.all(axis=1)
    assert rows.sum() == 34  # two gaps of 17 rows between the three modules
    assert not picture.masked[~rows].all()


def test_an_image_of_another_shape_is_refused(scan: Path) -> None:
    images = ImagesAgain(scan, read_geometry(scan / "geometry.poni"), lambda: np.zeros((10, 10), bool))
    with pytest.raises(UserError, match="another shape"):
        images.look(min(scan.glob("*.cbf")).name)
