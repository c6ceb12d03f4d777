"""Patterns of azimuthal sectors, of a frame whose rings are elliptic."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.sector import Sector, even_sectors
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator

SHAPE = (200, 220)


@pytest.fixture
def geometry(tmp_path: Path) -> Geometry:
    poni = tmp_path / "g.poni"
    poni.write_text(
        'poni_version: 2.1\nDetector: Detector\nDetector_config: {"pixel1": 0.001, "pixel2": 0.001, '
        f'"max_shape": [{SHAPE[0]}, {SHAPE[1]}], "orientation": 3}}\nDistance: 0.4\nPoni1: 0.1\nPoni2: 0.11\n'
        "Rot1: 0\nRot2: 0\nRot3: 0\nWavelength: 6e-11\n"
    )
    return read_geometry(poni)


def image() -> Image:
    counts = np.random.default_rng(0).poisson(40.0, SHAPE).astype(np.int32)
    return Image(counts)


def test_the_sectors_together_are_the_whole_frame(geometry: Geometry) -> None:
    frame = Frame(0, "a", 0.0, 0.0, image())
    whole = ImageIntegrator(geometry, shape=SHAPE, find_defects=False).integrate(frame)
    divided = ImageIntegrator(geometry, shape=SHAPE, find_defects=False, sectors=even_sectors(5)).integrate(frame)
    assert isinstance(whole, Pattern)
    assert isinstance(divided, Pattern)
    np.testing.assert_array_equal(divided.intensity, whole.intensity)
    # sigma = √counts / weight and intensity = counts / weight: counts and weights add up.
    weights = [part.intensity.astype(float) / part.sigma.astype(float) ** 2 for part in divided.sectors]
    signals = [weight * part.intensity for weight, part in zip(weights, divided.sectors, strict=True)]
    known = np.all([np.isfinite(one) for one in weights], axis=0)
    assert known.sum() > 50
    np.testing.assert_allclose((np.sum(signals, 0) / np.sum(weights, 0))[known], whole.intensity[known], rtol=1e-5)


def test_each_sector_has_its_own_pixels_and_angles(geometry: Geometry) -> None:
    counts = np.zeros(SHAPE, np.int32)
    counts[:, 110:] = 50  # one half of the detector
    made = ImageIntegrator(geometry, shape=SHAPE, find_defects=False, sectors=even_sectors(4))
    pattern = made.integrate(Frame(0, "a", 0.0, 0.0, Image(counts)))
    assert isinstance(pattern, Pattern)
    means = [float(np.nanmedian(part.intensity)) for part in pattern.sectors]
    assert sorted(round(mean / 50.0, 1) for mean in means) == [0.0, 0.5, 0.5, 1.0] or means.count(0.0) >= 1
    for part in pattern.sectors:
        assert np.all(np.diff(part.two_theta) > 0.0)
        assert np.abs(part.two_theta - pattern.two_theta).max() < np.diff(pattern.two_theta).max()


def test_a_zinger_is_left_out_of_its_sector(geometry: Geometry) -> None:
    frame = image()
    counts = np.array(frame.counts)
    counts[150, 60] = 200_000
    made = ImageIntegrator(geometry, shape=SHAPE, find_defects=False, robust="on", sectors=even_sectors(4))
    spoiled = made.integrate(Frame(0, "a", 0.0, 0.0, replace(frame, counts=counts)))
    assert isinstance(spoiled, Pattern)
    assert spoiled.pixels_left_out
    assert max(float(np.nanmax(part.intensity)) for part in spoiled.sectors) < 200.0


def test_a_sector_without_pixels_is_refused(geometry: Geometry) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[:, 112:] = True
    with pytest.raises(UserError, match=r"^\[sectors\]: no pixel in use lies between -10 and 10 deg"):
        ImageIntegrator(geometry, shape=SHAPE, mask=mask, sectors=(Sector(1, -10.0, 10.0),))
