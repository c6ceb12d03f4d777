"""Simulated scans run through the refinement, frame by frame, next to their truth."""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, Recipe, recipe_named
from latticewatch.processing.simulation.truth import Truth
from tests.benchmarks.fit.bound import Bound, bound_of
from tests.simulated_patterns import Binning, patterns_1d

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One frame with two lattices in the beam.

    separation: of their lines in FWHM. error_A, esd_A, bound_A: of the two lattice parameters and of the weighted
    mean, in this order; NaN where not told. chi2: reduced. reason: of a gap, else empty. cpu_ms: of the fit.
    """

    separation: float
    error_A: tuple[float, float, float]
    esd_A: tuple[float, float, float]
    bound_A: tuple[float, float, float]
    chi2: float
    iterations: int
    reason: str
    cpu_ms: float


def components_of(recipe: Recipe, off_A: tuple[float, ...] = (0.0, 0.0)) -> tuple[Component, ...]:
    """The recipe's ingredients, their start cells off by so much."""
    return tuple(
        Component(one.name, read_phase(one.phase), one.start_A + off)
        for one, off in zip(recipe.ingredients, off_A, strict=False)
    )


def refinement_of(recipe: Recipe, two_theta: NDArray[np.float64]) -> TrackedRefinement:
    """A fresh refinement for this recipe."""
    return TrackedRefinement(components_of(recipe), WAVELENGTH_A, two_theta)


def outcomes(name: str, seed: int, bins: Binning) -> list[Outcome]:
    """Every frame of a recipe in which there are two lattices."""
    recipe = recipe_named(name)
    refinement = refinement_of(recipe, bins.two_theta)
    scan = list(patterns_1d(recipe, seed, bins))
    fits = [timed(refinement, pattern) for pattern, _ in scan]
    return [
        _outcome(fit, truth, bound_of(truth, bins), cpu_ms)
        for (fit, cpu_ms), (_, truth) in zip(fits, scan, strict=True)
        if math.isfinite(truth.separation_fwhm)
    ]


def timed(refinement: TrackedRefinement, pattern: Pattern) -> tuple[Fit | NoResult, float]:
    """The fit and the milliseconds of CPU it took."""
    begun = time.thread_time()
    fit = refinement.refine(pattern)
    return fit, (time.thread_time() - begun) * 1e3


def _outcome(fit: Fit | NoResult, truth: Truth, bound: Bound, cpu_ms: float) -> Outcome:
    bounds = (bound.lp_A[0], bound.lp_A[1], bound.lp_mean_A)
    none = (NAN, NAN, NAN)
    if isinstance(fit, NoResult):
        return Outcome(truth.separation_fwhm, none, none, bounds, NAN, 0, fit.reason, cpu_ms)
    true = [lattice.lp_A for lattice in truth.lattices]
    mean = sum(lattice.lp_A * lattice.weight for lattice in truth.lattices)
    first, second = fit.lattices
    return Outcome(
        truth.separation_fwhm,
        (first.lp_A - true[0], second.lp_A - true[1], fit.lp_mean_A - mean),
        (first.lp_esd_A, second.lp_esd_A, fit.lp_mean_esd_A),
        bounds,
        fit.chi2_reduced,
        fit.iterations,
        "",
        cpu_ms,
    )
