"""Patterns of a truth against scipy, areas and finite differences; noise of the one-dimensional generator."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import voigt_profile

from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.simulation.powder import background, expected_pattern, lattice_pattern, voigt
from latticewatch.processing.simulation.recipes import RECIPES, WAVELENGTH_A
from latticewatch.processing.simulation.truth import expected, line_positions, line_widths
from tests.simulated_patterns import Binning, bin_means, binning, noisy_pattern, patterns_1d

GRID = np.arange(4.3, 25.5, 0.01)
IODIDE = RECIPES["iodide"]


@pytest.mark.parametrize(("sigma", "gamma"), [(0.16, 0.09), (0.02, 0.001), (0.16, 1e-4), (0.05, 0.2)])
def test_voigt_is_scipys(sigma: float, gamma: float) -> None:
    offset = np.linspace(-20.0, 20.0, 100_001)
    theirs = voigt_profile(offset, sigma, gamma)
    ours = voigt(offset, np.array(sigma), np.array(gamma))
    assert abs(ours - theirs).max() < 1e-6 * theirs.max()


def test_lattice_pattern_is_a_plain_sum() -> None:
    lattice = expected(IODIDE, 150.0).lattices[1]
    positions = line_positions(lattice)
    sigma, gamma = line_widths(lattice, positions)
    plain = sum(
        area * voigt_profile(GRID - x, s, g)
        for area, x, s, g in zip(lattice.areas, positions, sigma, gamma, strict=True)
    )
    np.testing.assert_allclose(lattice_pattern(lattice, GRID), plain, rtol=1e-4)


def test_peak_lies_where_bragg_has_it() -> None:
    truth = expected(RECIPES["standard"], 10.0)
    fine = np.arange(12.0, 13.5, 0.0005)
    peak = fine[np.argmax(lattice_pattern(truth.lattices[0], fine))]
    assert peak == pytest.approx(two_theta_deg(4.156826 / np.sqrt(2.0), WAVELENGTH_A), abs=1e-3)


def test_before_mixing_there_is_only_solvent() -> None:
    np.testing.assert_array_equal(expected_pattern(expected(IODIDE, 5.0), GRID), background(GRID))


def test_flux_scales_all_and_a_dump_is_dark() -> None:
    truth = expected(IODIDE, 100.0)
    np.testing.assert_allclose(
        expected_pattern(replace(truth, flux=0.5), GRID), 0.5 * expected_pattern(truth, GRID), rtol=1e-12
    )
    assert not expected_pattern(expected(RECIPES["beam-dump"], 260.0), GRID).any()


def test_twelve_chebyshev_terms_draw_the_background() -> None:
    """A fit with that many terms must not be wrong for the background's sake."""
    bins = binning()
    noise = np.sqrt(expected_pattern(expected(IODIDE, 100.0), bins.two_theta) / bins.response)
    scaled = 2.0 * (bins.two_theta - bins.two_theta[0]) / np.ptp(bins.two_theta) - 1.0
    terms = np.polynomial.chebyshev.chebvander(scaled, 11) / noise[:, np.newaxis]
    wanted = background(bins.two_theta) / noise
    fitted = terms @ np.linalg.lstsq(terms, wanted, rcond=None)[0]
    assert np.mean((fitted - wanted) ** 2) < 0.02


def test_a_pattern_can_be_differentiated() -> None:
    """Central differences of two step sizes agree: no kink is felt by a Cramér-Rao bound."""

    def slope(step: float) -> np.ndarray:
        truth = expected(IODIDE, 300.0)

        def moved(by: float) -> np.ndarray:
            first = replace(truth.lattices[0], lp_A=truth.lattices[0].lp_A + by)
            return expected_pattern(replace(truth, lattices=(first, truth.lattices[1])), GRID)

        return np.asarray((moved(step) - moved(-step)) / (2.0 * step))

    coarse, fine = slope(2e-4), slope(1e-4)
    assert abs(coarse - fine).max() < 2e-3 * abs(fine).max()


def test_bin_means_are_means_over_the_bin() -> None:
    truth = expected(RECIPES["standard"], 10.0)
    centres = np.arange(12.0, 13.0, 0.04)
    fine = (centres[:, np.newaxis] + np.linspace(-0.02, 0.02, 401)[:-1] + 0.00005).ravel()
    brute = expected_pattern(truth, fine).reshape(-1, 400).mean(axis=1)
    np.testing.assert_allclose(bin_means(truth, centres), brute, rtol=0.01)


def test_bins_are_those_of_the_pilatus_300k() -> None:
    bins = binning()
    assert len(bins.two_theta) == 530
    np.testing.assert_allclose(np.diff(bins.two_theta), 0.04, rtol=1e-9)
    assert bins.response.min() > 50.0


def test_patterns_have_poisson_noise_and_are_float32() -> None:
    bins = binning()
    misfits = []
    for pattern, truth in patterns_1d(IODIDE, seed=3, bins=bins, frames=20):
        assert pattern.intensity.dtype == pattern.sigma.dtype == np.float32
        assert pattern.two_theta is bins.two_theta
        mean = bin_means(truth, bins.two_theta)
        misfits.append((pattern.intensity - mean) / np.sqrt(mean / bins.response))
        np.testing.assert_allclose(pattern.sigma**2 * bins.response, pattern.intensity, rtol=1e-5)
    misfit = np.array(misfits)
    assert abs(misfit.mean()) < 5.0 / np.sqrt(misfit.size)
    assert np.mean(misfit**2) == pytest.approx(1.0, abs=5.0 * np.sqrt(2.0 / misfit.size))


def test_the_same_seed_gives_the_same_patterns_and_another_does_not() -> None:
    one, same, other = ([pattern.intensity for pattern, _ in patterns_1d(IODIDE, seed, frames=6)] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_flux_jitters_by_a_percent() -> None:
    flux = np.array([truth.flux for _, truth in patterns_1d(IODIDE, seed=0, frames=200)])
    assert 0.008 < flux.std() < 0.012


def test_a_bin_without_a_pixel_is_nan() -> None:
    bins = Binning(np.array([10.0, 10.04, 10.08]), np.array([100.0, 0.0, 100.0]))
    pattern = noisy_pattern(expected(IODIDE, 100.0), bins, np.random.default_rng(0))
    np.testing.assert_array_equal(np.isnan(pattern.intensity), [False, True, False])
    np.testing.assert_array_equal(np.isnan(pattern.sigma), [False, True, False])
