"""What must never or always happen: false accepts, starts far off, a beam dump."""

import math
from dataclasses import replace

import numpy as np

from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named
from latticewatch.processing.simulation.scan import exposed, frame_generator
from latticewatch.processing.simulation.truth import Truth
from tests.benchmarks.fit.scans import components_of, refinement_of
from tests.simulated_patterns import binning, noisy_pattern, patterns_1d

RIGHT_A = 10e-4
STRAY, STRAYED_TO_FWHM = 0.1, 0.2
OFFSETS_A = np.linspace(-0.15, 0.15, 9)
# One frame of each exchange in which both lattices are in the beam and apart.
FRAMES = {"iodide": 8, "chloride": 4}


def empty_frames(seeds: int = 5) -> dict[str, int]:
    """What is said of solvent alone, 200 frames a seed, by one refinement that has never seen a sample."""
    bins = binning()
    refinement = refinement_of(recipe_named("iodide"), bins.two_theta)
    said: dict[str, int] = {}
    for seed in range(seeds):
        for pattern, _ in patterns_1d(recipe_named("solvent"), seed, bins):
            fit = refinement.refine(pattern)
            name = fit.reason if isinstance(fit, NoResult) else "accepted"
            said[name] = said.get(name, 0) + 1
    return said


def starts() -> dict[str, int]:
    """Start cells off by up to 0.15 Å on either lattice, 81 of each exchange: right, refused, wrong."""
    said = {"right": 0, "refused": 0, "wrong": 0}
    bins = binning()
    for name, frame in FRAMES.items():
        recipe = recipe_named(name)
        pattern, truth = list(patterns_1d(recipe, 0, bins, frame + 1))[frame]
        for first in OFFSETS_A:
            for second in OFFSETS_A:
                components = components_of(recipe, (float(first), float(second)))
                fit = TrackedRefinement(components, WAVELENGTH_A, bins.two_theta).refine(pattern)
                said[_judged(fit, [lattice.lp_A for lattice in truth.lattices])] += 1
    return said


def _judged(fit: Fit | NoResult, true: list[float]) -> str:
    if isinstance(fit, NoResult):
        return "refused"
    off = [abs(lattice.lp_A - lp) for lattice, lp in zip(fit.lattices, true, strict=True)]
    return "right" if max(off) < RIGHT_A else "wrong"


def strayed(seeds: tuple[int, ...] = (11, 12, 13)) -> dict[str, float]:
    """An iodide exchange in which every other line gains, and the others lose, 10 % that no composition explains.

    The first component's error and esd in Å (root mean square), its pull and the largest error, while the lines
    are more than .2 FWHM apart.
    """
    recipe, bins = recipe_named("iodide"), binning()
    errors, esds, gaps = list[float](), list[float](), 0
    for seed in seeds:
        refinement = refinement_of(recipe, bins.two_theta)
        for number in range(recipe.frames):
            rng = frame_generator(seed, number)
            truth = _strayed(exposed(recipe, number, rng))
            if truth.separation_fwhm <= STRAYED_TO_FWHM:
                break
            fit = refinement.refine(noisy_pattern(truth, bins, rng))
            if math.isfinite(truth.separation_fwhm):
                gaps += isinstance(fit, NoResult)
                first = Lattice() if isinstance(fit, NoResult) else fit.lattices[0]
                errors.append(first.lp_A - truth.lattices[0].lp_A)
                esds.append(first.lp_esd_A)
    error, esd = np.array(errors), np.array(esds)
    return {
        "frames": len(error),
        "gaps": gaps,
        "rms_A": float(np.sqrt(np.nanmean(error**2))),
        "esd_A": float(np.sqrt(np.nanmean(esd**2))),
        "pull": float(np.sqrt(np.nanmean((error / esd) ** 2))),
        "largest_A": float(np.nanmax(np.abs(error))),
    }


def _strayed(truth: Truth) -> Truth:
    strayed = []
    for number, lattice in enumerate(truth.lattices):
        turns = (-1.0) ** (np.arange(len(lattice.lines)) + number)
        strayed.append(replace(lattice, areas=lattice.areas * np.exp(STRAY * max(truth.progress, 0.0) * turns)))
    return replace(truth, lattices=tuple(strayed))


def beam_dump(seeds: int = 5) -> dict[str, int]:
    """Frames from the return of the beam to the first fit that is right, the largest over the seeds; false accepts."""
    recipe, bins = recipe_named("beam-dump"), binning()
    slowest, accepted = 0, 0
    for seed in range(seeds):
        refinement, dark, back = refinement_of(recipe, bins.two_theta), 0, 0
        for pattern, truth in patterns_1d(recipe, seed, bins, 140):
            fit = refinement.refine(pattern)
            dark += truth.flux == 0.0
            accepted += truth.flux == 0.0 and not isinstance(fit, NoResult)
            if dark and truth.flux > 0.0:
                back += 1
                if _judged(fit, [lattice.lp_A for lattice in truth.lattices]) == "right":
                    break
        slowest = max(slowest, back)
    return {"dark_frames": dark, "frames_to_recover": slowest, "accepted_in_the_dark": accepted}
