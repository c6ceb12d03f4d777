"""Two lattices whose lines merge: the posterior over their distance d >= 0, compiled.

Close to d = 0 the pattern is y(d) = y + J δ + K δ²/2 with δ = d - d_r: the first term lives on what is unlike between
the lattices (sizes, intensities), the second on the broadening, and both count. With all other parameters
minimised out, χ² is a polynomial of fourth degree in δ; its posterior is summed up over d >= 0, flat in d.
"""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.solver.algebra import normal_matrix, product
from latticewatch.processing.refinement.solver.solve import (
    Data,
    Limits,
    Prior,
    Solution,
    add_prior,
    all_numbers,
    evaluate,
    lines_in_light,
    second_share,
    solve,
    weigh,
)

Floats = NDArray[np.float64]
NODES = 200
# Sums over d, each over so many deviations to either side of what the one before has found.
PASSES = 3
TAILS = 8.0
# In units of a line's width: range of the sum over d, least distance to expand around, and how far the mean may
# lie from there. In units of the range: step of the second derivative.
REACH = 0.5
LEAST = 0.001
NEAR = 0.02
STEP = 0.05
REPEATS = 3
SOUND = 0.7
# An expansion that multiplies a lattice's size by less, or all intensities by more than e to this, leads nowhere.
NARROWEST, FURTHEST = 0.5, 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def at_distance(x: Floats, share: float, distance: float) -> Floats:
    """The parameters with the two cells this far apart (Å, signed) and their weighted mean where it was."""
    new = x.copy()
    m = (1.0 - share) * x[0] + share * x[1]
    new[0], new[1] = m - share * distance, m + (1.0 - share) * distance
    return new


@njit(nogil=True, cache=True, error_model="numpy")
def _moments(g: Floats, S: Floats, start: float, sign: float, reach: float) -> tuple[Floats, Floats]:
    """Mean and covariance of (δ, δ²/2) for d from 0 to reach, in the direction of sign; start: d_r >= 0.

    Summed up once more where the first sum finds d, since that may be less than the width of a node.
    """
    cost, weight = np.empty(NODES), np.empty(NODES)
    p = np.empty((2, NODES))
    low, high = 0.0, reach
    for _ in range(PASSES):
        node = (high - low) / NODES
        for k in range(NODES):
            delta = sign * (low + node * (k + 0.5) - start)
            p[0, k], p[1, k] = delta, 0.5 * delta * delta
            linear = g[0] * p[0, k] + g[1] * p[1, k]
            square = S[0, 0] * p[0, k] ** 2 + 2.0 * S[0, 1] * p[0, k] * p[1, k] + S[1, 1] * p[1, k] ** 2
            cost[k] = square - 2.0 * linear
        weight[:] = np.exp(-0.5 * (cost - cost.min()))
        weight /= weight.sum()
        middle = start + sign * np.sum(weight * p[0])
        away = math.sqrt(np.sum(weight * (start + sign * p[0] - middle) ** 2)) + node
        low, high = max(low, middle - TAILS * away), min(high, middle + TAILS * away)
    mean = np.array([np.sum(weight * p[0]), np.sum(weight * p[1])])
    covariance = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            covariance[i, j] = np.sum(weight * (p[i] - mean[i]) * (p[j] - mean[j]))
    return mean, covariance


@njit(nogil=True, cache=True, error_model="numpy")
def _schur(A: Floats, g: Floats, C: Floats) -> tuple[Floats, Floats, Floats]:
    """Response K (n, 2) of all parameters to δ and δ²/2, and the gradient and curvature left for these two.

    A, g: normal matrix and gradient with δ at index 1 and δ²/2 last; C: covariance of the others, 0 at index 1.
    """
    n = len(C)
    pair = np.array([1, n])
    columns = np.empty((n, 2))
    columns[:, 0], columns[:, 1] = A[:n, 1], A[:n, n]
    K = -product(C, columns)
    S, gradient = np.empty((2, 2)), np.empty(2)
    for a in range(2):
        gradient[a] = g[pair[a]] + np.sum(K[:, a] * g[:n])
        for b in range(2):
            S[a, b] = A[pair[a], pair[b]] + np.sum(columns[:, a] * K[:, b])
    K[1, 0], K[1, 1] = 1.0, 0.0
    return K, gradient, S


@njit(nogil=True, cache=True, error_model="numpy")
def _expand(held: Solution, data: Data, prior: Prior, lines: Lines, lay: Layout, sign: float, reach: float) -> Solution:
    """The posterior mean and covariance, expanded around a solution with its distance held."""
    share, bins, n = held.share, len(data.y), lay.length
    start = abs(held.x[1] - held.x[0])
    y, J = held.model, np.empty((n + 1, bins))
    after_y, after_J = np.empty(bins), np.empty((n, bins))
    step = sign * STEP * reach
    in_light = lines_in_light(held.x, data.grid, lines, lay)
    evaluate(at_distance(held.x, share, sign * start + step), share, in_light, data, lines, lay, after_y, after_J)
    J[:n] = held.jacobian
    J[n] = (after_J[1] - J[1]) / step
    w, A, g = np.empty(bins), np.empty((n + 1, n + 1)), np.empty(n + 1)
    weigh(y, data, w)
    normal_matrix(J, w, data.y - y, A, g)
    add_prior(A, g, held.x, prior, lay)
    C = held.covariance.copy()
    C[1, :] = 0.0
    C[:, 1] = 0.0
    K, gradient, S = _schur(A, g, C)
    mean, spread = _moments(gradient, S, start, sign, reach)
    shift = K[:, 0] * mean[0] + K[:, 1] * mean[1]
    x = held.x + shift
    x[0] = held.x[0] + shift[0] - share * shift[1]
    x[1] = held.x[1] + shift[0] + (1.0 - share) * shift[1]
    gained = 2.0 * np.sum(gradient * mean) - np.sum(mean * (S[0] * mean[0] + S[1] * mean[1]))
    covariance = C + product(product(K, spread), K.T)
    rest = held.chi2 - gained
    # Too far for the expansion to hold: no fit.
    fine = bool(held.converged and rest > SOUND * held.chi2 and all_numbers(x, covariance, rest))
    return Solution(
        x, share, covariance, rest, held.iterations, fine, held.wrss, held.residual, held.model, held.jacobian
    )


@njit(nogil=True, cache=True, error_model="numpy")
def solve_merged(
    x0: Floats, data: Data, prior: Prior, lines: Lines, lay: Layout, lim: Limits, sign: float, width: float
) -> Solution:
    """The posterior mean of this pattern's parameters, with their covariance over (m, d, ...). Where the expansion does
    not hold: the solution with its distance held, not converged.

    sign: of a_2 - a_1. width: of a line, in Å of the cell; d is summed up to REACH widths.
    """
    x, share = x0, second_share(x0, lines, lay)
    found = solve(at_distance(x, share, sign * _start(x, width)), data, prior, lines, lay, lim)
    for _ in range(REPEATS):
        held = abs(found.x[1] - found.x[0])
        result = _expand(found, data, prior, lines, lay, sign, REACH * width)
        if result.converged and abs(_start(result.x, width) - held) < NEAR * width:
            break
        x = at_distance(result.x, result.share, sign * _start(result.x, width))
        if not _possible(x, found.x, lay):
            break
        found = solve(x, data, prior, lines, lay, lim)
    return result if result.converged else _not_converged(found)


@njit(nogil=True, cache=True, error_model="numpy")
def _possible(x: Floats, held: Floats, lay: Layout) -> bool:
    """Whether an expansion that did not hold leads to parameters from which to start anew."""
    fine = bool(np.isfinite(x).all()) and abs(x[lay.scale] - held[lay.scale]) < FURTHEST
    for p in range(lay.components):
        fine = fine and x[lay.gaussian_width + p] > NARROWEST * held[lay.gaussian_width + p]
    return fine


@njit(nogil=True, cache=True, error_model="numpy")
def _not_converged(held: Solution) -> Solution:
    return Solution(
        held.x,
        held.share,
        held.covariance,
        held.chi2,
        held.iterations,
        False,
        held.wrss,
        held.residual,
        held.model,
        held.jacobian,
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _start(x: Floats, width: float) -> float:
    return float(max(abs(x[1] - x[0]), LEAST * width))
