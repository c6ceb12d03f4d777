"""Frames of standards with known geometry, and the same geometry made wrong."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from latticewatch.processing.calibration.check import StandardFrame, left_out
from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.crystal.standard import Standard, read_standard
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.simulation.detector import DETECTORS, Pixels, pixels_of, poni_text

FWHM_DEG = 0.05


class Known(NamedTuple):
    """A frame whose geometry is known. masked: pixels without a count."""

    frame: StandardFrame
    geometry: Geometry
    standard: Standard
    masked: np.ndarray


def known(folder: Path, calibrant: str = "LaB6", seed: int = 0, detector: str = "pilatus300k") -> Known:
    """A frame of this standard with noise, gaps, hot and dead pixels; ``right.poni`` in folder is its own."""
    place = DETECTORS[detector]
    (folder / "right.poni").write_text(poni_text(place))
    geometry = read_geometry(folder / "right.poni")
    standard = read_standard(calibrant, geometry.wavelength_A)
    pixels = pixels_of(place, seed)
    frame = StandardFrame("standard.cbf", _counts(pixels, standard, geometry.wavelength_A, seed), pixels.hot)
    return Known(frame, geometry, standard, left_out(frame, pixels.hot, geometry))


def _counts(pixels: Pixels, standard: Standard, wavelength_A: float, seed: int) -> np.ndarray:
    mean = 10.0 + 30.0 * np.exp(-pixels.two_theta / 8.0)
    angles = [two_theta_deg(line.d_A, wavelength_A) for line in standard.lines]
    for number, angle in enumerate(angle for angle in angles if angle < pixels.two_theta.max() + 1.0):
        height = 18.0 + 12.0 * (7 * number % 5)
        mean += height * np.exp(-4.0 * np.log(2.0) * ((pixels.two_theta - angle) / FWHM_DEG) ** 2)
    counts = np.random.default_rng(seed).poisson(mean * np.where(pixels.dead, 0.0, pixels.response))
    return np.where(pixels.gap, -1, np.where(pixels.hot, 100_000, counts)).astype(np.int32)


def off(
    geometry: Geometry, up_mm: float = 0.0, side_mm: float = 0.0, longer: float = 0.0, tilt_deg: float = 0.0
) -> Geometry:
    """This geometry with another beam centre, distance (relative) and tilt."""
    return replace(
        geometry,
        poni1_m=geometry.poni1_m + 1e-3 * up_mm,
        poni2_m=geometry.poni2_m + 1e-3 * side_mm,
        distance_m=geometry.distance_m * (1.0 + longer),
        rot1_rad=geometry.rot1_rad + float(np.radians(tilt_deg)),
    )
