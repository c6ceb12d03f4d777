"""The second opinion and the geometry check on lines of known truth."""

import math

import numpy as np
import pytest
from scipy.special import voigt_profile

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.crystal.reflections import d_spacing, reflections, two_theta_deg
from latticewatch.processing.crystal.standard import read_standard
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.single_lines.geometry_check import check_geometry
from latticewatch.processing.refinement.single_lines.single_lines import fit_lines
from latticewatch.processing.refinement.single_lines.two_peaks import two_peaks
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named
from tests.simulated_patterns import binning, patterns_1d

CELL_A = 4.156826
GRID = np.arange(6.0, 30.0, 0.005)


def test_a_line_is_found_within_its_esd() -> None:
    generator = np.random.default_rng(1)
    x = np.linspace(9.0, 11.0, 200)
    offs = []
    for _ in range(30):
        expected = 40.0 * voigt_profile(x - 10.0123, 0.08, 0.05) + 20.0 + 2.0 * (x - 10.0)
        y = generator.poisson(expected).astype(float)
        fit = fit_lines(x, y, np.sqrt(np.maximum(y, 1.0)), [10.05], 0.2)
        assert fit is not None
        offs.append((fit.lines[0].two_theta_deg - 10.0123) / fit.lines[0].esd_deg)
    assert 0.6 < np.std(offs) < 1.5


def test_two_peaks_near_the_truth_where_the_lines_are_apart() -> None:
    recipe = recipe_named("iodide")
    pattern, truth = list(patterns_1d(recipe, 3, binning(), 10))[9]
    cells = tuple(lattice.lp_A for lattice in truth.lattices)
    opinion = two_peaks(pattern, (14.5, 15.7), (2, 1, 1), (cells[0] + 0.01, cells[1] - 0.01), WAVELENGTH_A)
    assert opinion.why == ""
    assert opinion.fit is not None
    assert opinion.lp_A == pytest.approx(cells, abs=0.01)


def test_two_peaks_of_nothing_says_so() -> None:
    solvent = next(iter(patterns_1d(recipe_named("solvent"), 0, binning(), 1)))[0]
    opinion = two_peaks(solvent, (14.5, 15.7), (2, 1, 1), (5.86, 6.19), WAVELENGTH_A)
    assert all(math.isnan(cell) for cell in opinion.lp_A)
    assert opinion.why
    outside = two_peaks(solvent, (14.5, 15.7), (2, 1, 1), (5.4, 6.19), WAVELENGTH_A)
    assert outside.fit is None


def standard(zero_deg: float = 0.0, scale: float = 1.0, shift: float = 0.0) -> Pattern:
    """LaB6 with a zero shift, a relative error of all 2θ, and a shift of one sector (degrees)."""
    generator = np.random.default_rng(7)
    total = np.full_like(GRID, 30.0)
    for line in reflections(read_phase("LaB6"), WAVELENGTH_A / 2.0 / math.sin(math.radians(15.5)), CELL_A):
        centre = two_theta_deg(d_spacing(CELL_A, line.hkl), WAVELENGTH_A) * scale + zero_deg + shift
        total += 60.0 * voigt_profile(GRID - centre, 0.012, 0.006)
    counts = generator.poisson(total * 50.0)
    return Pattern(GRID, (counts / 50.0).astype(np.float32), (np.sqrt(counts) / 50.0).astype(np.float32))


def test_geometry_check_tells_a_zero_shift() -> None:
    lab6 = read_standard("LaB6", WAVELENGTH_A)
    check = check_geometry(standard(zero_deg=0.004), [], lab6, WAVELENGTH_A)
    assert len(check.rings) > 8
    assert check.zero_shift_deg == pytest.approx(0.004, abs=6.0 * check.zero_shift_esd_deg + 2e-4)
    assert check.reference_A == CELL_A
    assert check.accuracy_ppm >= abs(check.offset_ppm)


def test_geometry_check_sees_a_tilt_round_the_ring() -> None:
    sectors = [standard(shift=0.003 * math.sin(angle)) for angle in np.linspace(0.0, 2.0 * math.pi, 8, endpoint=False)]
    lab6 = read_standard("LaB6", WAVELENGTH_A)
    check = check_geometry(standard(), sectors, lab6, WAVELENGTH_A)
    still = check_geometry(standard(), [standard()] * 8, lab6, WAVELENGTH_A)
    assert check.sector_scatter_ppm > 50.0
    assert still.sector_scatter_ppm < 1.0
    assert check.accuracy_ppm > still.accuracy_ppm
