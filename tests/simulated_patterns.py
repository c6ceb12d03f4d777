"""Noisy one-dimensional patterns of the recipes, as unsplit integration of simulated frames would give them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.simulation.detector import DETECTORS, Pixels, pixels_of
from latticewatch.processing.simulation.powder import expected_pattern
from latticewatch.processing.simulation.recipes import Recipe
from latticewatch.processing.simulation.scan import exposed, frame_generator
from latticewatch.processing.simulation.truth import Truth

Floats = NDArray[np.float64]

FIRST_DEG, LAST_DEG, BINS = 4.3, 25.5, 530
# Three Gauss-Legendre points stand for the pixels of a bin.
NODES, SHARES = np.polynomial.legendre.leggauss(3)


@dataclass(frozen=True, slots=True, eq=False)
class Binning:
    """Unsplit bins: two_theta, centres in degrees, and response, summed over the good pixels; both (bins,)."""

    two_theta: Floats
    response: Floats


def binning(
    pixels: Pixels | None = None, first_deg: float = FIRST_DEG, last_deg: float = LAST_DEG, bins: int = BINS
) -> Binning:
    """Bins of one width and what falls into them; without pixels, those of the PILATUS 300K."""
    pixels = pixels or pixels_of(DETECTORS["pilatus300k"], 0)
    edges = np.linspace(first_deg, last_deg, bins + 1)
    good = ~(pixels.gap | pixels.dead | pixels.hot)
    response, _ = np.histogram(pixels.two_theta[good], edges, weights=pixels.response[good])
    return Binning((edges[1:] + edges[:-1]) / 2.0, np.asarray(response, dtype=np.float64))


def patterns_1d(
    recipe: Recipe, seed: int = 0, bins: Binning | None = None, frames: int | None = None
) -> Iterator[tuple[Pattern, Truth]]:
    """Pattern and truth of every frame of a recipe; the same seed gives the same numbers.

    Counts of a bin are Poisson, sigma is their root over the bin's response, as for pyFAI's unsplit pixels.
    """
    bins = bins or binning()
    for number in range(recipe.frames if frames is None else frames):
        rng = frame_generator(seed, number)
        truth = exposed(recipe, number, rng)
        yield noisy_pattern(truth, bins, rng), truth


def noisy_pattern(truth: Truth, bins: Binning, rng: np.random.Generator) -> Pattern:
    """One pattern of this truth with counting noise; NaN in bins without a pixel."""
    counts = rng.poisson(bin_means(truth, bins.two_theta) * bins.response)
    seen = np.where(bins.response > 0.0, bins.response, np.nan)
    return Pattern(
        two_theta=bins.two_theta,
        intensity=(counts / seen).astype(np.float32),
        sigma=(np.sqrt(counts) / seen).astype(np.float32),
    )


def bin_means(truth: Truth, two_theta: Floats) -> Floats:
    """Expected intensity averaged over evenly spaced bins with these centres."""
    half = (two_theta[1] - two_theta[0]) / 2.0
    inside = (two_theta[:, np.newaxis] + half * NODES).ravel()
    return np.asarray(expected_pattern(truth, inside).reshape(-1, NODES.size) @ SHARES / 2.0, dtype=np.float64)
