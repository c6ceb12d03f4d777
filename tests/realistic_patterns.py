"""Patterns of realistic scans, as unsplit integration of their images would give them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.simulation.detector import DETECTORS, PIXEL_M, pixels_of
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from latticewatch.processing.simulation.realism.profile import expected_profile
from latticewatch.processing.simulation.realism.real_scan import RealScan

Floats = NDArray[np.float64]

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
