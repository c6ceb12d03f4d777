"""Detector images of an expected pattern."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.simulation.detector import HOT_COUNTS, Pixels

# The profile is drawn on a grid this many times finer than the narrowest line.
POINTS_PER_FWHM = 40
GAP_COUNTS = -1


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What turns a truth into an image, computed once for a scan.

    grid: 2θ of the profile's points in degrees. cell, part: each pixel lies at this part of the way between grid
    points ``cell`` and ``cell`` + 1. response: negative in gaps, 0 where a pixel is dead. hot: (pixels,) indices.
    """

    grid: NDArray[np.float64]
    cell: NDArray[np.int32]
    part: NDArray[np.float32]
    response: NDArray[np.float32]
    hot: NDArray[np.int64]


def angle_grid(pixels: Pixels, narrowest_fwhm_deg: float) -> NDArray[np.float64]:
    """Angles in degrees on which a pattern with lines of this width is drawn."""
    step = narrowest_fwhm_deg / POINTS_PER_FWHM
    return np.arange(0.0, float(pixels.two_theta.max()) + 2.0 * step, step)


def exposure(pixels: Pixels, grid: NDArray[np.float64]) -> Exposure:
    """Prepare images on these pixels. grid: evenly spaced angles from 0 on."""
    place = pixels.two_theta / grid[1]
    cell = place.astype(np.int32)
    response = np.where(pixels.gap, -1.0, np.where(pixels.dead, 0.0, pixels.response))
    return Exposure(
        grid=grid,
        cell=cell,
        part=(place - cell).astype(np.float32),
        response=response.astype(np.float32),
        hot=np.flatnonzero(pixels.hot),
    )


def image(profile: NDArray[np.float64], exposure: Exposure, rng: np.random.Generator) -> NDArray[np.int32]:
    """Counts of every pixel for the expected pattern on the exposure's grid, with counting noise; -1 in gaps."""
    low = profile[exposure.cell]
    mean = (low + exposure.part * (profile[exposure.cell + 1] - low)) * exposure.response
    counts = np.where(exposure.response < 0.0, GAP_COUNTS, rng.poisson(np.maximum(mean, 0.0))).astype(np.int32)
    counts.flat[exposure.hot] = HOT_COUNTS + rng.integers(0, HOT_COUNTS, exposure.hot.size)
    return counts
