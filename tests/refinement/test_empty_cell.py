"""The pattern of the empty cell is part of the fit, with a scale of its own and its noise."""

from collections.abc import Iterator

import numpy as np
import pytest

from latticewatch.processing.flow.empty_cell import EmptyCell
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.model.lines import lines_of
from latticewatch.processing.refinement.solver.grid import window_of
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named
from latticewatch.processing.simulation.scan import exposed, frame_generator
from latticewatch.processing.simulation.truth import LatticeTruth
from tests.benchmarks.fit.scans import components_of
from tests.simulated_patterns import Binning, binning, noisy_pattern

RECIPE = recipe_named("iodide")
GRID = binning().two_theta
# Diamond windows' powder, a Kapton ring and an edge, in counts per pixel: on and beside the sample's lines.
WINDOWS = sum(
    height * np.exp(-0.5 * ((GRID - centre) / sigma) ** 2)
    for height, centre, sigma in ((25.0, 8.75, 0.11), (60.0, 12.45, 0.35), (30.0, 15.25, 0.12), (25.0, 17.7, 0.2))
) + 15.0 / (1.0 + np.exp((GRID - 10.6) / 0.05))


def empty_cell(bins: Binning, exposures: float, seed: int = 9) -> EmptyCell:
    """Measured for so many times what one frame takes, in a unit of its own."""
    seen = bins.response * exposures
    counts = np.random.default_rng(seed).poisson(WINDOWS * seen)
    known = seen > 0.0
    columns = (GRID, 7.0 * counts / seen, 7.0 * np.sqrt(np.maximum(counts, 1.0)) / seen)
    return EmptyCell(*(tuple(column[known].tolist()) for column in columns))


def patterns(bins: Binning, frames: range) -> Iterator[tuple[tuple[LatticeTruth, ...], Pattern]]:
    """In windows of which less and less is lit."""
    for number in frames:
        rng = frame_generator(1, number)
        truth = exposed(RECIPE, number, rng)
        sample = noisy_pattern(truth, bins, rng)
        scale = 1.0 - 0.01 * (number - frames[0])
        counts = rng.poisson(scale * WINDOWS * bins.response)
        seen = np.where(bins.response > 0.0, bins.response, np.nan)
        sigma = np.sqrt(sample.sigma.astype(float) ** 2 + counts / seen**2)
        total = sample.intensity + counts / seen
        yield truth.lattices[:2], Pattern(sample.two_theta, total.astype(np.float32), sigma.astype(np.float32))


def offsets(empty: EmptyCell | None) -> tuple[np.ndarray, list[Fit]]:
    """(frames, 2) how far each lattice is from the truth in its esds."""
    bins = binning()
    refinement = TrackedRefinement(components_of(RECIPE, (0.0, 0.0)), WAVELENGTH_A, bins.two_theta, empty=empty)
    found, fits = [], []
    for lattices, pattern in patterns(bins, range(5, 30)):
        fit = refinement.refine(pattern)
        assert isinstance(fit, Fit) or empty is None
        if isinstance(fit, Fit):
            fits.append(fit)
            found.append([(one.lp_A - t.lp_A) / one.lp_esd_A for one, t in zip(fit.lattices, lattices, strict=True)])
    return np.array(found), fits


def test_lattices_are_right_beside_windows_that_were_measured() -> None:
    away, fits = offsets(empty_cell(binning(), 40.0))
    assert len(away) == 25
    assert np.abs(away).max() < 5.0
    assert np.sqrt(np.mean(away**2)) < 1.5
    assert all(fit.foreign_lines == 0 for fit in fits)
    assert np.median([fit.chi2_reduced for fit in fits]) == pytest.approx(1.0, abs=0.15)


def test_without_them_what_the_windows_scatter_is_not_explained() -> None:
    _, fits = offsets(None)
    assert len(fits) < 20 or any(fit.foreign_lines for fit in fits)


def test_the_noise_of_a_short_exposure_is_in_the_esd() -> None:
    long, short = (offsets(empty_cell(binning(), exposures)) for exposures in (40.0, 0.05))
    assert np.abs(short[0]).max() < 5.0
    ratio = np.median(
        [s.lattices[0].lp_esd_A / fit.lattices[0].lp_esd_A for s, fit in zip(short[1], long[1], strict=True)]
    )
    assert 1.1 < ratio < 3.0


def test_a_fit_is_drawn_with_the_empty_cell_in_its_background() -> None:
    bins = binning()
    refinement = TrackedRefinement(
        components_of(RECIPE, (0.0, 0.0)), WAVELENGTH_A, bins.two_theta, empty=empty_cell(bins, 40.0)
    )
    for _, pattern in patterns(bins, range(5, 8)):
        fit = refinement.refine(pattern)
    assert isinstance(fit, Fit)
    curves = refinement.curves(fit.parameters)
    fitted = np.isfinite(curves.calculated + pattern.intensity)
    rest = ((pattern.intensity - curves.calculated) / pattern.sigma)[fitted]
    assert np.sqrt(np.mean(rest**2)) == pytest.approx(1.0, abs=0.15)


def test_it_is_not_known_outside_what_was_measured() -> None:
    cell = EmptyCell((5.0, 6.0, 7.0), (1.0, 3.0, 1.0), (0.1, 0.1, 0.1))
    intensity, _ = cell.over(np.array([4.9, 5.5, 7.0, 7.1]))
    assert intensity == pytest.approx([np.nan, 2.0, 1.0, np.nan], nan_ok=True)


def test_bins_that_are_joined_take_the_mean_of_its_parts() -> None:
    fine = np.linspace(4.3, 25.5, 2120)
    intensity, sigma = 5.0 + np.sin(20.0 * fine), np.full(len(fine), 0.3)
    cell = EmptyCell(*(tuple(each.tolist()) for each in (fine, intensity, sigma)))
    window = window_of(fine, lines_of(components_of(RECIPE), WAVELENGTH_A, fine[0], fine[-1]), empty=cell)
    assert window.factor > 1
    parts = intensity[window.first : window.last].reshape(-1, window.factor) / intensity.mean()
    assert window.basis[-1] == pytest.approx(parts.mean(axis=1))
    assert window.empty_variance == pytest.approx((0.3 / intensity.mean()) ** 2 / window.factor)
