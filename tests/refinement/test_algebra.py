"""The compiled linear algebra and minimiser against numpy and scipy."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from latticewatch.processing.refinement.model.pattern_model import calculate
from latticewatch.processing.refinement.solver.algebra import (
    back_substitute,
    factorise,
    inverse,
    normal_matrix,
    product,
)
from latticewatch.processing.refinement.solver.solve import Data, Limits, Prior, solve
from tests.refinement.test_profile import BASIS, GRID, LAYOUT, LINES, model_at


@pytest.mark.parametrize("rows", [1, 2, 3, 13, 57, 58])
def test_normal_matrix_and_inverse(rows: int) -> None:
    generator = np.random.default_rng(rows)
    jacobian, weight = generator.normal(size=(rows, 200)), generator.random(200)
    rest = generator.normal(size=200)
    matrix, gradient = np.empty((rows, rows)), np.empty(rows)
    normal_matrix(jacobian, weight, rest, matrix, gradient)
    np.testing.assert_allclose(matrix, (jacobian * weight) @ jacobian.T, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, (jacobian * weight) @ rest, rtol=1e-11, atol=1e-12)
    inverted, fine = inverse(matrix)
    assert fine
    np.testing.assert_allclose(inverted @ matrix, np.eye(rows), atol=1e-10)
    factor = np.zeros((rows, rows))
    assert factorise(matrix, factor)
    np.testing.assert_allclose(back_substitute(factor, gradient), np.linalg.solve(matrix, gradient), rtol=1e-9)


def test_product_of_any_two_matrices() -> None:
    generator = np.random.default_rng(1)
    one, other = generator.normal(size=(5, 3)), generator.normal(size=(4, 3))
    np.testing.assert_allclose(product(one, other.T), one @ other.T, rtol=1e-13)


def test_factorise_says_when_it_cannot() -> None:
    assert not factorise(np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros((2, 2)))


def test_solve_finds_scipys_minimum() -> None:
    """The same data, weights and prior: the same parameters and the same covariance as scipy's."""
    true = np.zeros(LAYOUT.length)
    true[:2], true[LAYOUT.scale] = (5.9, 6.1), 4.0
    true[LAYOUT.background] = 50.0
    true[LAYOUT.gaussian_width : LAYOUT.shape], true[LAYOUT.shape], true[LAYOUT.vegard_intensity_fraction] = (
        (0.14, 0.12),
        0.6,
        1.0,
    )
    generator = np.random.default_rng(5)
    expected = model_at(true)[0]
    y = expected + generator.normal(0.0, 0.3, len(GRID))
    deviation = np.full(LAYOUT.length - LAYOUT.ratio, 0.01)
    prior = Prior(true[LAYOUT.ratio :] + 0.003, np.diag(1.0 / deviation**2))
    ones = np.ones(len(GRID))
    data = Data(GRID, BASIS, y, 0.09 * ones, 0.0 * ones, 1e-9 * ones)
    start = true.copy()
    start[:2] += 0.002, -0.003
    found = solve(start, data, prior, LINES, LAYOUT, Limits(0.05, False, 50, 1e-9))
    model, jacobian = np.empty(len(GRID)), np.empty((LAYOUT.length, len(GRID)))

    def residual(x: np.ndarray) -> np.ndarray:
        calculate(x, GRID, BASIS, LINES, LAYOUT, model, jacobian)
        return np.concatenate([(model - y) / 0.3, (x[LAYOUT.ratio :] - prior.mean) / deviation])

    theirs = least_squares(residual, start, method="lm", x_scale="jac", xtol=1e-12, ftol=1e-12)
    assert found.converged
    esd = np.sqrt(np.diag(np.linalg.inv(theirs.jac.T @ theirs.jac)))
    np.testing.assert_allclose(found.x, theirs.x, atol=0.02 * esd.max(), rtol=0.0)
    np.testing.assert_array_less(np.abs(found.x - theirs.x), 0.02 * esd)
    turn = np.array([[1.0, -found.share], [1.0, 1.0 - found.share]])
    mine = np.sqrt(np.diag(turn @ found.covariance[:2, :2] @ turn.T))
    np.testing.assert_allclose(mine, esd[:2], rtol=0.01)
