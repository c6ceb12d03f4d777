"""Short simulated scans of known truth through the tracked refinement."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Component, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.choice import refinement_of as of_setup
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.realism.drawn import real_scan
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.sheets import experiment_text
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, Recipe, recipe_named
from latticewatch.processing.simulation.scan import exposed, frame_generator
from latticewatch.processing.simulation.truth import Truth
from tests.realistic_patterns import pilatus_bins, real_pattern
from tests.simulated_patterns import binning, noisy_pattern, patterns_1d

BINS = binning()
WEAKER = 300.0
Scan = list[tuple[Pattern, Truth]]


@cache
def simulated(name: str, frames: int, seed: int = 11) -> Scan:
    return list(patterns_1d(recipe_named(name), seed, BINS, frames))


def components_of(recipe: Recipe, off_A: tuple[float, ...] = (0.0, 0.0)) -> tuple[Component, ...]:
    return tuple(
        Component(one.name, read_phase(one.phase), one.start_A + off)
        for one, off in zip(recipe.ingredients, off_A, strict=False)
    )


def refinement_of(name: str, off_A: tuple[float, ...] = (0.0, 0.0)) -> TrackedRefinement:
    return TrackedRefinement(components_of(recipe_named(name), off_A), WAVELENGTH_A, BINS.two_theta)


def fits_of(name: str, scan: Scan) -> list[Fit | NoResult]:
    refinement = refinement_of(name)
    return [refinement.refine(pattern) for pattern, _ in scan]


def pulls(fit: Fit, truth: Truth) -> list[float]:
    return [(found.lp_A - true.lp_A) / found.lp_esd_A for found, true in zip(fit.lattices, truth.lattices, strict=True)]


def errors(fit: Fit, truth: Truth) -> list[float]:
    return [abs(found.lp_A - true.lp_A) for found, true in zip(fit.lattices, truth.lattices, strict=True)]


@pytest.mark.parametrize("name", ["iodide", "iodide-bare", "chloride", "iodide-bare-constant"])
def test_resolved_lattices_are_within_their_esds(name: str) -> None:
    """Errors below 2e-4 Å at once, and pulls of about 1."""
    scan = simulated(name, 14)
    all_pulls: list[float] = []
    for fit, (_, truth) in zip(fits_of(name, scan), scan, strict=True):
        if np.isnan(truth.separation_fwhm):
            assert fit == NoResult("no peaks")
        elif truth.separation_fwhm > 0.6:
            assert isinstance(fit, Fit)
            assert fit.components == 2
            assert fit.converged
            all_pulls += pulls(fit, truth)
            assert (
                max(abs(found.lp_A - true.lp_A) for found, true in zip(fit.lattices, truth.lattices, strict=True))
                < 3e-4
            )
            weights = [lattice.weight for lattice in fit.lattices]
            assert sum(weights) == pytest.approx(1.0)
            assert weights[1] == pytest.approx(truth.lattices[1].weight, abs=0.01)
    assert 0.6 < np.sqrt(np.mean(np.square(all_pulls))) < 1.5


def test_bare_exchange_to_the_end_keeps_labels_and_says_one_lattice() -> None:
    scan = simulated("iodide-bare", 120)
    told, largest, means = 0, 0.0, []
    for fit, (_, truth) in zip(fits_of("iodide-bare", scan), scan, strict=True):
        if np.isnan(truth.separation_fwhm):
            continue
        assert isinstance(fit, Fit)
        true_mean = sum(lattice.lp_A * lattice.weight for lattice in truth.lattices)
        means.append((fit.lp_mean_A - true_mean) / fit.lp_mean_esd_A)
        if truth.separation_fwhm < 0.005:
            told += fit.components == 2
            assert abs(fit.lp_mean_A - true_mean) < 2e-4
        if fit.components == 2:
            assert fit.lattices[0].lp_A < fit.lattices[1].lp_A
            largest = max(largest, *errors(fit, truth))
        else:
            assert all(np.isnan([lattice.lp_A, lattice.lp_esd_A]).all() for lattice in fit.lattices)
    assert told == 0
    assert largest < 30e-4
    assert np.sqrt(np.mean(np.square(means))) < 1.8


def test_same_input_same_bits() -> None:
    scan = simulated("iodide-bare", 30)
    one, other = fits_of("iodide-bare", scan), fits_of("iodide-bare", scan)
    for first, second in zip(one, other, strict=True):
        assert isinstance(first, Fit) == isinstance(second, Fit)
        if isinstance(first, Fit) and isinstance(second, Fit):
            assert first.parameters.tobytes() == second.parameters.tobytes()
            assert (first.lp_mean_A, first.lp_mean_esd_A) == (second.lp_mean_A, second.lp_mean_esd_A)


def test_solvent_alone_is_never_fitted() -> None:
    assert all(fit == NoResult("no peaks") for fit in fits_of("iodide", simulated("solvent", 60)))


def test_humps_of_solvent_and_of_a_foreign_line_are_no_lattice() -> None:
    scan, bins = real_scan(23), pilatus_bins()
    setup = resolve(
        parse_experiment(experiment_text(scan, "geometry.poni"), "test"), Path(), WAVELENGTH_A, bins.two_theta
    )
    refinement = of_setup(setup, bins.two_theta)
    for number in range(15):
        pattern = real_pattern(scan, frame_truth(scan, number), bins)
        assert pattern is not None
        assert isinstance(refinement.refine(pattern), NoResult)


def test_sample_gone_and_back_after_200_empty_frames() -> None:
    scan = simulated("iodide", 40)
    refinement = refinement_of("iodide")
    for pattern, _ in scan[:35]:
        refinement.refine(pattern)
    solvent = simulated("solvent", 20)
    assert all(refinement.refine(solvent[k % 20][0]) == NoResult("no peaks") for k in range(200))
    fits = [refinement.refine(pattern) for pattern, _ in scan[35:]]
    for fit, (_, truth) in zip(fits, scan[35:], strict=True):
        assert isinstance(fit, Fit)
        assert max(map(abs, pulls(fit, truth))) < 4.5


def test_beam_dump_is_no_beam_and_the_first_frame_after_it_is_fitted() -> None:
    scan = simulated("iodide", 70)
    refinement = refinement_of("iodide")
    for pattern, _ in scan[:40]:
        refinement.refine(pattern)
    dark = Pattern(BINS.two_theta, np.zeros(530, dtype=np.float32), np.ones(530, dtype=np.float32))
    assert all(refinement.refine(dark) == NoResult("no beam") for _ in range(25))
    fit = refinement.refine(scan[65][0])
    assert isinstance(fit, Fit)
    assert max(map(abs, pulls(fit, scan[65][1]))) < 4.5


def test_new_injection_is_followed_at_once() -> None:
    scan = simulated("iodide", 90)
    refinement = refinement_of("iodide")
    for pattern, _ in [*scan[:5], *scan[80:90]]:
        refinement.refine(pattern)
    for pattern, truth in scan[5:9]:
        fit = refinement.refine(pattern)
        assert isinstance(fit, Fit)
        assert max(map(abs, pulls(fit, truth))) < 4.5


@pytest.mark.parametrize(("name", "frame"), [("iodide", 8), ("chloride", 4)])
@pytest.mark.parametrize("off_A", [(-0.15, 0.15), (0.15, -0.15), (0.15, 0.15), (-0.15, -0.15)])
def test_start_cells_far_off(name: str, frame: int, off_A: tuple[float, float]) -> None:
    pattern, truth = simulated(name, frame + 1)[frame]
    fit = refinement_of(name, off_A).refine(pattern)
    assert isinstance(fit, Fit)
    assert max(map(abs, pulls(fit, truth))) < 4.5


def test_a_scan_begun_when_the_lines_have_merged_gives_the_mean_alone() -> None:
    recipe = recipe_named("iodide")
    refinement = refinement_of("iodide")
    for number in range(200, 204):
        truth = exposed(recipe, number, frame_generator(3, number))
        fit = refinement.refine(noisy_pattern(truth, BINS, frame_generator(4, number)))
        assert isinstance(fit, Fit)
        assert fit.components == 1
        assert np.isnan(fit.lattices[0].lp_A)
        mean = sum(lattice.lp_A * lattice.weight for lattice in truth.lattices)
        assert abs(fit.lp_mean_A - mean) < 4.5 * fit.lp_mean_esd_A


@pytest.mark.parametrize("absent", [0, 1])
def test_a_component_that_is_not_there_has_no_lattice_parameter(absent: int) -> None:
    recipe = recipe_named("iodide")
    refinement = refinement_of("iodide")
    for number in range(5, 14):
        truth = exposed(recipe, number, frame_generator(3, number))
        if number < 11:
            lattices = list(truth.lattices)
            lattices[absent] = replace(lattices[absent], areas=0.0 * lattices[absent].areas)
            truth = replace(truth, lattices=tuple(lattices))
        fit = refinement.refine(noisy_pattern(truth, BINS, frame_generator(4, number)))
        assert isinstance(fit, Fit)
        present = fit.lattices[1 - absent]
        assert abs(present.lp_A - truth.lattices[1 - absent].lp_A) < 4.5 * present.lp_esd_A
        assert fit.components == (1 if number < 11 else 2)
        assert np.isnan(fit.lattices[absent].lp_A) == (number < 11)


def test_missing_bins_are_left_out() -> None:
    scan = simulated("iodide", 12)
    refinement = refinement_of("iodide")
    for number, (pattern, truth) in enumerate(scan):
        intensity, sigma = pattern.intensity.copy(), pattern.sigma.copy()
        holes = slice(200 + number, 215)
        intensity[holes] = sigma[holes] = np.nan
        fit = refinement.refine(Pattern(pattern.two_theta, intensity, sigma))
        if number > 4:
            assert isinstance(fit, Fit)
            assert max(map(abs, pulls(fit, truth))) < 4.5


def test_nothing_known_is_a_gap() -> None:
    nothing = np.full(530, np.nan, dtype=np.float32)
    assert refinement_of("iodide").refine(Pattern(BINS.two_theta, nothing, nothing)) == NoResult("no beam")
    almost = nothing.copy()
    almost[100:130] = 5.0
    fit = refinement_of("iodide").refine(Pattern(BINS.two_theta, almost, almost))
    assert isinstance(fit, NoResult)
    assert fit.reason.startswith("fit refused: ")


def test_curves_draw_the_fit_again() -> None:
    scan = simulated("iodide", 10)
    refinement = refinement_of("iodide")
    fit = [refinement.refine(pattern) for pattern, _ in scan][-1]
    assert isinstance(fit, Fit)
    curves = refinement.curves(fit.parameters)
    known = np.isfinite(curves.calculated)
    assert curves.components.shape == (2, 530)
    assert known.mean() > 0.9
    np.testing.assert_allclose(
        curves.calculated[known], (curves.background + curves.components.sum(axis=0))[known], rtol=1e-12
    )
    pattern = scan[-1][0]
    rest = (pattern.intensity - curves.calculated)[known] / pattern.sigma[known]
    assert np.mean(np.square(rest)) == pytest.approx(fit.chi2_reduced, rel=0.1)


def test_few_counts_do_not_bias() -> None:
    """A tenth of a count in most bins' pixels: the lattice parameter stays within its esd."""
    recipe = replace(recipe_named("iodide"), strength=1.0)
    sparse = replace(BINS, response=BINS.response / 300.0)
    refinement = TrackedRefinement(components_of(recipe), WAVELENGTH_A, BINS.two_theta)
    found = []
    for number in range(5, 45):
        truth = exposed(recipe, number, frame_generator(3, number))
        fit = refinement.refine(noisy_pattern(truth, sparse, frame_generator(4, number)))
        if isinstance(fit, Fit) and fit.components == 2:
            found.append(pulls(fit, truth))
    assert len(found) > 30
    assert np.abs(np.mean(found, axis=0)).max() < 1.0


def test_one_standard_alone() -> None:
    recipe = recipe_named("standard")
    refinement = TrackedRefinement(components_of(recipe), WAVELENGTH_A, BINS.two_theta)
    for pattern, truth in patterns_1d(recipe, 0, BINS, 5):
        fit = refinement.refine(pattern)
        assert isinstance(fit, Fit)
        assert fit.components == 1
        assert fit.lp_mean_A == fit.lattices[0].lp_A
        assert fit.lattices[0].weight == 1.0
        assert fit.lattices[0].lp_A == pytest.approx(truth.lattices[0].lp_A, rel=100e-6)


def test_a_phase_without_a_line_on_the_detector_is_said() -> None:
    with pytest.raises(UserError, match="component Si: none of its reflections falls on the detector"):
        TrackedRefinement((Component("Si", read_phase("Si"), 5.431),), WAVELENGTH_A, np.linspace(0.5, 3.0, 200))


@pytest.mark.parametrize(("name", "frames"), [("iodide-bare", 60), ("iodide", 260)])
def test_labels_are_kept_when_lines_merge_and_separate_again(name: str, frames: int) -> None:
    """The exchange up to where the lines are .1 FWHM apart, then the same frames backwards."""
    apart = [(pattern, truth) for pattern, truth in simulated(name, frames) if truth.separation_fwhm > 0.1]
    there_and_back = [*apart, *apart[::-1]]
    fits = fits_of(name, there_and_back)
    told = 0
    for fit, (_, truth) in zip(fits, there_and_back, strict=True):
        assert isinstance(fit, Fit)
        assert np.nanmax([*errors(fit, truth), 0.0]) < 30e-4
        told += fit.components == 2
    assert min(truth.separation_fwhm for _, truth in apart) < 0.12
    assert told > 0.9 * len(fits)


@pytest.mark.parametrize("gain", [15.0, 40.0])
def test_a_weak_sample_on_a_detector_that_counts_in_units_of_its_own(gain: float) -> None:
    refinement = refinement_of("iodide")
    found = []
    for number in range(40, 52):
        rng = frame_generator(11, number)
        truth = exposed(recipe_named("iodide"), number, rng)
        counts = noisy_pattern(truth, replace(BINS, response=BINS.response / (WEAKER * gain)), rng)
        # Sigmas are those of single counts, as if the gain were one.
        pattern = replace(counts, sigma=counts.sigma / np.float32(np.sqrt(gain)))
        found.append((refinement.refine(pattern), truth))
    for fit, truth in found:
        assert isinstance(fit, Fit)
        assert max(map(abs, pulls(fit, truth))) < 5.0
