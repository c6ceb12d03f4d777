"""The Faddeeva function, the Voigt profile and the model's derivatives against independent implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyFAI.calibrant import get_calibrant
from scipy.special import voigt_profile, wofz

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.first_fit.selection import positions
from latticewatch.processing.refinement.model.faddeeva import faddeeva
from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS, Layout, Lines, layout, lines_of
from latticewatch.processing.refinement.model.pattern_model import calculate, draw_pattern, voigt
from latticewatch.processing.refinement.solver.grid import chebyshev

WAVELENGTH_A = 0.64066
GRID = np.linspace(4.3, 25.5, 531)


@settings(deadline=None)
@given(st.floats(-60.0, 60.0), st.floats(0.0, 30.0))
def test_faddeeva_is_scipys(x: float, y: float) -> None:
    found = complex(*faddeeva(x, y))
    true = complex(wofz(complex(x, y)))
    assert abs(found - true) <= 1e-8 * abs(true)


@settings(deadline=None)
@given(st.floats(5.0, 25.0), st.floats(0.003, 0.4), st.floats(0.0, 3.0))
def test_voigt_is_scipys(centre: float, sigma: float, shape: float) -> None:
    out = np.empty((4, len(GRID)))
    voigt(GRID, centre, sigma, shape * sigma, out)
    true = voigt_profile(GRID - centre, sigma, shape * sigma)
    np.testing.assert_allclose(out[0], true, rtol=1e-6, atol=1e-9 * voigt_profile(0.0, sigma, shape * sigma))


def two_lattices() -> tuple[Lines, Layout]:
    components = (
        Component("Br", read_phase("CsPbBr3"), 5.842),
        Component("I", read_phase("CsPbI3"), 6.205),
    )
    lines = lines_of(components, WAVELENGTH_A, GRID[0], GRID[-1])
    return lines, layout(2, len(lines.phase))


LINES, LAYOUT = two_lattices()
BASIS = chebyshev(GRID, GRID[0], GRID[-1])


def model_at(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, jacobian = np.empty(len(GRID)), np.empty((LAYOUT.length, len(GRID)))
    calculate(x, GRID, BASIS, LINES, LAYOUT, y, jacobian)
    return y, jacobian


@st.composite
def parameters(draw: st.DrawFn) -> np.ndarray:
    x = np.zeros(LAYOUT.length)
    x[0] = draw(st.floats(5.75, 6.0))
    x[1] = x[0] + draw(st.floats(0.02, 0.3)) * draw(st.sampled_from([-1.0, 1.0]))
    x[LAYOUT.scale] = draw(st.floats(1.0, 5.0))
    x[LAYOUT.background : LAYOUT.ratio] = draw(st.lists(st.floats(-3.0, 30.0), min_size=12, max_size=12))
    x[LAYOUT.ratio] = draw(st.floats(-1.0, 1.0))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    # Both the exponential and the straight parts of a line's intensity.
    x[LAYOUT.intensity_correction : LAYOUT.gaussian_width] = generator.normal(0.0, 0.7, LAYOUT.lines)
    x[LAYOUT.gaussian_width : LAYOUT.shape] = draw(st.floats(0.05, 0.2)), draw(st.floats(0.05, 0.2))
    x[LAYOUT.shape] = draw(st.floats(0.05, 2.0))
    x[LAYOUT.cell_variance : LAYOUT.cell_variance_growth] = draw(st.floats(0.0, 0.05)), draw(st.floats(0.0, 0.05))
    x[LAYOUT.shape_difference] = draw(st.floats(-0.04, 0.5))
    x[LAYOUT.cell_variance_growth : LAYOUT.free_variance] = draw(st.floats(0.0, 0.05)), draw(st.floats(0.0, 0.05))
    x[LAYOUT.free_variance : LAYOUT.split] = draw(st.floats(0.0, 150.0)), draw(st.floats(0.0, 150.0))
    x[LAYOUT.split : LAYOUT.vegard_intensity_fraction] = draw(st.floats(0.0, 150.0)), draw(st.floats(0.0, 150.0))
    x[LAYOUT.vegard_intensity_fraction] = draw(st.floats(0.0, 1.5))
    return x


@settings(max_examples=25, deadline=None)
@given(parameters(), st.integers(0, LAYOUT.length - 1))
def test_derivatives_are_finite_differences(x: np.ndarray, which: int) -> None:
    y, jacobian = model_at(x)
    step = 2e-6 * max(abs(x[which]), 0.1)
    low, high = x.copy(), x.copy()
    low[which] -= step
    high[which] += step
    difference = (model_at(high)[0] - model_at(low)[0]) / (2.0 * step)
    scale = max(float(np.abs(jacobian[which]).max()), 1e-9)
    np.testing.assert_allclose(jacobian[which], difference, atol=3e-6 * scale + 2e-15 * np.abs(y).max() / step)


@settings(max_examples=25, deadline=None)
@given(parameters())
def test_the_pattern_alone_is_the_pattern_with_derivatives(x: np.ndarray) -> None:
    y, _ = model_at(x)
    alone = np.empty(len(GRID))
    draw_pattern(x, GRID, BASIS, LINES, LAYOUT, alone)
    np.testing.assert_allclose(alone, y, rtol=1e-11, atol=1e-11 * np.abs(y).max())


def test_model_is_linear_in_its_background() -> None:
    x = np.zeros(LAYOUT.length)
    x[:2], x[LAYOUT.gaussian_width : LAYOUT.shape], x[LAYOUT.scale] = (5.85, 6.2), 0.1, -30.0
    x[LAYOUT.background : LAYOUT.ratio] = np.arange(1.0, BACKGROUND_TERMS + 1)
    scaled = (2.0 * GRID - GRID[0] - GRID[-1]) / (GRID[-1] - GRID[0])
    true = np.polynomial.chebyshev.chebval(scaled, np.arange(1.0, BACKGROUND_TERMS + 1))
    np.testing.assert_allclose(model_at(x)[0], true, atol=1e-9)


def test_lines_lie_where_pyfais_calibrant_has_them() -> None:
    calibrant = get_calibrant("LaB6")
    calibrant.wavelength = WAVELENGTH_A * 1e-10
    theirs = np.degrees(np.array(calibrant.get_2th()))
    phase = read_phase("LaB6")
    component = Component("LaB6", phase, 4.156826)
    lines = lines_of((component,), WAVELENGTH_A, 5.0, 30.0)
    mine = positions(np.array([4.156826]), lines)
    inside = mine[(mine > 8.0) & (mine < 29.0)]
    theirs = theirs[(theirs > 8.0) & (theirs < 29.0)]
    assert len(inside) == len(theirs)
    np.testing.assert_allclose(inside, theirs, rtol=3e-5)


def test_fcc_absences_are_absent() -> None:
    lines = lines_of((Component("CeO2", read_phase("CeO2"), 5.411),), 0.4066, 5.0, 31.0)
    squares = {round(float(root) ** 2) for root in lines.root_n}
    assert {3, 4, 8, 11, 12}.issubset(squares)
    assert not squares & {1, 2, 5, 6, 9, 10}


def test_one_longer_edge_widens_lines_by_the_variance_of_its_share() -> None:
    """(200) is split by 2/9 of the square of the relative difference of the edges, (111) not at all."""
    lines, _ = two_lattices()
    split = {round(float(root) ** 2): float(value) for root, value in zip(lines.root_n, lines.split, strict=True)}
    assert split[3] == split[12] == pytest.approx(0.0)
    assert split[4] == split[16] == pytest.approx(1.0)
    assert split[2] == pytest.approx(0.25)
    shares = np.array([4.0, 1.0, 1.0]) / 6.0
    assert split[6] == pytest.approx(np.mean((shares - 1.0 / 3.0) ** 2) * 4.5)


def test_weak_mixing_of_structure_factors() -> None:
    """Intensities of the mixed crystal at the other's cell are the other's, up to form factors at another angle."""
    lines, _ = two_lattices()
    amplitude = 1.0 + lines.slope * (6.205 - 5.842) + lines.bend * (6.205 - 5.842) ** 2
    own = np.exp(lines.log_base) * amplitude**2
    first, other = lines.phase == 0, lines.phase == 1
    shared = [n for n in lines.root_n[first] if n in lines.root_n[other]]
    mine = np.array([own[first][list(lines.root_n[first]).index(n)] for n in shared])
    theirs = np.array([np.exp(lines.log_base[other])[list(lines.root_n[other]).index(n)] for n in shared])
    assert np.corrcoef(mine, theirs)[0, 1] == pytest.approx(1.0, abs=0.005)
