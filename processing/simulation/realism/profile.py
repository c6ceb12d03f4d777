"""The pattern of one frame of a realistic scan: expected, and as unsplit integration of its image would give it."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.simulation.detector import DETECTORS, PIXEL_M, pixels_of
from latticewatch.processing.simulation.powder import voigt
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth, frame_truth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.truth import GAUSSIAN_FWHM

Floats = NDArray[np.float64]

DARK_COUNTS = 0.01
HOT_FRAMES = 12
"""Frames of a pattern with the spikes of hot pixels, before integration has learnt to leave them out."""
# Two Gauss-Legendre points stand for the pixels of a bin.
NODES, SHARES = np.polynomial.legendre.leggauss(2)


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins that the program makes of the PILATUS 300K.

    two_theta: mean angle of a bin's pixels. inside: (bins, 2), angles that stand for them. response: polarization
    times solid angle summed over them.
    """

    two_theta: Floats
    inside: Floats
    response: Floats


def pilatus_bins() -> Bins:
    """One bin for the angle that a pixel spans at the beam centre."""
    place = DETECTORS["pilatus300k"]
    pixels = pixels_of(place, 0)
    good = ~(pixels.gap | pixels.dead | pixels.hot)
    angles, response = pixels.two_theta[good], pixels.response[good]
    step = math.degrees(math.atan2(PIXEL_M, place.distance_m))
    edges = np.linspace(angles.min(), angles.max() * (1.0 + 1e-12), math.ceil(np.ptp(angles) / step) + 1)
    count, _ = np.histogram(angles, edges)
    sums, _ = np.histogram(angles, edges, weights=angles)
    total, _ = np.histogram(angles, edges, weights=response)
    two_theta = sums / np.maximum(count, 1)
    two_theta[count == 0] = (edges[1:] + edges[:-1])[count == 0] / 2.0
    half = (edges[1] - edges[0]) / 2.0
    return Bins(two_theta, two_theta[:, np.newaxis] + half * NODES, total)


def expected_profile(scan: RealScan, truth: FrameTruth, two_theta: Floats) -> Floats:
    """Expected counts per pixel at normal incidence at these angles (points,), degrees."""
    if truth.flux == 0.0:
        return np.full_like(two_theta, DARK_COUNTS)
    total = _background(scan, truth, two_theta)
    for lattice in truth.lattices:
        if lattice.amount > 0.0:
            offset = two_theta - lattice.angles[:, np.newaxis]
            total = total + lattice.areas @ voigt(offset, lattice.sigma[:, np.newaxis], lattice.gamma[:, np.newaxis])
    for line in scan.foreign:
        if truth.number >= line.since:
            sigma = line.fwhm_deg / GAUSSIAN_FWHM
            shape = np.exp(-0.5 * ((two_theta - line.two_theta_deg) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
            total = total + line.area * area_of_200(scan) * shape
    return np.asarray(truth.flux * total, dtype=np.float64)


@lru_cache(maxsize=8)
def area_of_200(scan: RealScan) -> float:
    """Of the first component's line (200) when just mixed, counts times degrees; foreign lines are measured by it."""
    mixed = frame_truth(scan, math.ceil(scan.epochs[1].begin)).lattices[0]
    nearest = np.abs(mixed.angles - 12.59).argmin()
    near = np.abs(mixed.angles - mixed.angles[nearest]) < 0.1
    scale = scan.epochs[1].amounts[0] / mixed.amount
    return float(mixed.areas[near].sum() * scale)


def real_pattern(scan: RealScan, truth: FrameTruth, bins: Bins) -> Pattern | None:
    """The pattern of this frame with counting noise; None where its file cannot be read."""
    if truth.number < scan.course.unreadable:
        return None
    rng = np.random.default_rng([scan.seed, 0xC0, truth.number])
    means = expected_profile(scan, truth, bins.inside.ravel()).reshape(bins.inside.shape) @ SHARES / 2.0
    counts = rng.poisson(means * bins.response).astype(np.float64)
    for angle, height in scan.hot if truth.number < HOT_FRAMES else ():
        counts[np.abs(bins.two_theta - angle).argmin()] += rng.poisson(height)
    if rng.random() < scan.course.zingers:
        counts[int(rng.integers(len(counts)))] += rng.poisson(300.0 * 100.0 ** rng.random())
    seen = np.where(bins.response > 0.0, bins.response, np.nan)
    return Pattern(
        two_theta=bins.two_theta,
        intensity=(counts / seen).astype(np.float32),
        sigma=(np.sqrt(counts) / seen).astype(np.float32),
    )


def _background(scan: RealScan, truth: FrameTruth, two_theta: Floats) -> Floats:
    """Air and a constant, the capillary's glass and the solvent, whose humps are asymmetric as a liquid's are."""
    air = 12.0 + 30.0 * np.exp(-two_theta / 4.0)
    glass = 20.0 * np.exp(-0.5 * ((two_theta - 13.0) / 5.5) ** 2)
    width = np.where(two_theta < 8.3, 2.4, 3.1)
    solvent = 30.0 * np.exp(-0.5 * ((two_theta - 8.3) / width) ** 2)
    return np.asarray(air + scan.glass * glass + scan.solvent * truth.filling * solvent)
