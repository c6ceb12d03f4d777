"""Detector images of a truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.simulation.detector import HOT_COUNTS, Pixels
from latticewatch.processing.simulation.noise import PoissonTable, draw, poisson_table
from latticewatch.processing.simulation.powder import expected_pattern
from latticewatch.processing.simulation.recipes import Recipe
from latticewatch.processing.simulation.truth import Truth, expected

# The profile is drawn on a grid this many times finer than the narrowest line.
POINTS_PER_FWHM = 40
# Jitter of the flux may take a frame above the means looked at beforehand; what is higher still is drawn slowly.
HEADROOM = 1.05


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
    table: PoissonTable


def exposure(recipe: Recipe, pixels: Pixels) -> Exposure:
    """Prepare the images of this recipe on these pixels."""
    times = np.linspace(0.0, recipe.frames * recipe.frame_period_s, 9)
    truths = [expected(recipe, float(time_s)) for time_s in times]
    step = min(lattice.fwhm_deg for truth in truths for lattice in truth.lattices) / POINTS_PER_FWHM
    grid = np.arange(0.0, float(pixels.two_theta.max()) + 2.0 * step, step)
    place = pixels.two_theta / step
    cell = place.astype(np.int32)
    response = np.where(pixels.gap, -1.0, np.where(pixels.dead, 0.0, pixels.response))
    largest = max(float(expected_pattern(truth, grid).max()) for truth in truths)
    return Exposure(
        grid=grid,
        cell=cell,
        part=(place - cell).astype(np.float32),
        response=response.astype(np.float32),
        hot=np.flatnonzero(pixels.hot),
        table=poisson_table(HEADROOM * largest),
    )


def image(truth: Truth, exposure: Exposure, rng: np.random.Generator) -> NDArray[np.int32]:
    """Counts of every pixel for this truth, with counting noise; -1 in gaps."""
    profile = expected_pattern(truth, exposure.grid)
    counts = draw(profile, exposure.cell, exposure.part, exposure.response, exposure.table, rng)
    counts.flat[exposure.hot] = HOT_COUNTS + rng.integers(0, HOT_COUNTS, exposure.hot.size)
    return counts
