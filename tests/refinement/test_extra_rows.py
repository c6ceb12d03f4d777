"""Rows of the basis beyond the background's: linear amplitudes with a Gaussian prior."""

import numpy as np
import pytest

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.model.lines import Layout, Lines, layout, lines_of
from latticewatch.processing.refinement.model.pattern_model import add_voigt, draw_pattern
from latticewatch.processing.refinement.solver.grid import chebyshev
from latticewatch.processing.refinement.solver.solve import Data, Limits, Prior, Solution, add_prior, solve

WAVELENGTH_A = 0.64066
GRID = np.linspace(4.3, 25.5, 531)
LIMITS = Limits(0.05, False, 30, 1e-4)
AREA = 6.0


def model() -> tuple[Lines, Layout, np.ndarray]:
    lines = lines_of((Component("Br", read_phase("CsPbBr3"), 5.842),), WAVELENGTH_A, GRID[0], GRID[-1])
    lay = layout(1, len(lines.phase), extra_rows=2)
    basis = np.zeros((lay.ratio - lay.background, len(GRID)))
    basis[: lay.extra - lay.background] = chebyshev(GRID, GRID[0], GRID[-1])
    # One on the flank of (211), one away from all lines.
    add_voigt(GRID, 15.3, 0.05, 0.03, 1.0, basis[-2])
    add_voigt(GRID, 9.8, 0.05, 0.03, 1.0, basis[-1])
    return lines, lay, basis


LINES, LAYOUT, BASIS = model()


def start_values() -> np.ndarray:
    x = np.zeros(LAYOUT.length)
    x[0], x[LAYOUT.scale], x[LAYOUT.background] = 5.85, 3.0, 20.0
    x[LAYOUT.gaussian_width], x[LAYOUT.shape] = 0.15, 0.5
    return x


def solved(extra_esd: float) -> Solution:
    """Amplitudes of AREA and 0 where the prior has them at AREA ± extra_esd."""
    x = start_values()
    true = x.copy()
    true[LAYOUT.extra] = AREA
    expected = np.empty(len(GRID))
    draw_pattern(true, GRID, BASIS, LINES, LAYOUT, expected)
    counts = np.random.default_rng(5).poisson(expected * 300.0) / 300.0
    deviation = np.full(LAYOUT.length, 0.05)
    deviation[LAYOUT.extra : LAYOUT.ratio] = extra_esd
    mean = x[LAYOUT.extra :].copy()
    mean[:2] = AREA, 0.0
    prior = Prior(mean, np.diag(1.0 / deviation[LAYOUT.extra :] ** 2))
    x[0] += 0.004
    gain = np.full(len(GRID), 1.0 / 300.0)
    return solve(x, Data(GRID, BASIS, counts, counts * gain, gain, 0.05 * gain), prior, LINES, LAYOUT, LIMITS)


def test_amplitudes_come_out_with_their_esds() -> None:
    solution = solved(np.inf)
    assert solution.converged
    esds = np.sqrt(np.diag(solution.covariance))[LAYOUT.extra : LAYOUT.ratio]
    found = solution.x[LAYOUT.extra : LAYOUT.ratio]
    assert np.all(esds < 0.3)
    assert np.all(np.abs(found - [AREA, 0.0]) < 4.0 * esds)
    assert abs(solution.x[0] - 5.85) < 4.0 * np.sqrt(solution.covariance[0, 0])


def test_what_is_known_of_an_amplitude_makes_the_cell_surer() -> None:
    free, known = solved(np.inf), solved(0.01)
    assert known.covariance[0, 0] < free.covariance[0, 0]
    assert known.x[LAYOUT.extra] == pytest.approx(AREA, abs=0.03)


def test_a_prior_says_nothing_of_rows_beyond_the_parameters() -> None:
    """The fit of merged lattices has one more row. Compiled code that takes a slice too many adds what lies behind."""
    n = LAYOUT.length
    prior = Prior(np.zeros(n - LAYOUT.extra), np.eye(n - LAYOUT.extra))
    A, g = np.zeros((n + 1, n + 1)), np.zeros(n + 1)
    add_prior(A, g, np.zeros(n), prior, LAYOUT)
    wanted = np.zeros((n + 1, n + 1))
    wanted[LAYOUT.extra : n, LAYOUT.extra : n] = np.eye(n - LAYOUT.extra)
    assert np.array_equal(A, wanted)
    assert not g.any()
