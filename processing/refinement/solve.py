"""Levenberg-Marquardt on one pattern with a Gaussian prior on the tracked parameters, compiled.

Two components are solved for their mean and κ = (a_2 - a_1)²: where the lines merge the pattern depends on the
squared distance alone, and κ stays a well-behaved unknown, below zero too (there the model goes on linearly).
Weights follow the model (iteratively reweighted), so that bins with few or no counts do not bias the fit.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latticewatch.processing.refinement.lines import Layout, Lines
from latticewatch.processing.refinement.model import bragg, calculate, line_intensity

Floats = NDArray[np.float64]


class Data(NamedTuple):
    """What is fitted: bin centres (deg), the background's basis (terms, bins), intensity, its variance at that
    intensity, how the variance changes with the intensity, and the least variance that is believed."""

    grid: Floats
    basis: Floats
    y: Floats
    variance: Floats
    gain: Floats
    floor: Floats


class Prior(NamedTuple):
    """Gaussian prior on the tracked parameters: mean and inverse covariance."""

    mean: Floats
    information: Floats


class Limits(NamedTuple):
    """Step limits: largest change of a cell in one step (Å), d below which κ goes on linearly (Å), the sign of
    a_2 - a_1, most iterations, and the decrease of χ² at which to stop."""

    cell_step: float
    least_distance: float
    sign: float
    most_iterations: int
    tolerance: float


class Solution(NamedTuple):
    """x: parameters with cells as they stand. kappa: unclipped. share: the second component's weight that m was
    defined with. covariance: over (m, κ, ...) for two components, over x else. chi2: data part. iterations,
    converged. wrss: Σ w y² for Rwp. residual: (bins,) in sigmas.
    model: (bins,)."""

    x: Floats
    kappa: float
    share: float
    covariance: Floats
    chi2: float
    iterations: int
    converged: bool
    wrss: float
    residual: Floats
    model: Floats


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def normal_matrix(J: Floats, w: Floats, r: Floats, A: Floats, g: Floats) -> None:
    """A = J W Jᵀ, g = J W r, in a fixed order of summation: the same bits on any number of threads."""
    rows, bins = J.shape
    weighted = np.empty(bins)
    for i in range(rows):
        total = 0.0
        for k in range(bins):
            weighted[k] = J[i, k] * w[k]
            total += weighted[k] * r[k]
        g[i] = total
        j = 0
        while j + 3 <= i:
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            for k in range(bins):
                v = weighted[k]
                s0 += v * J[j, k]
                s1 += v * J[j + 1, k]
                s2 += v * J[j + 2, k]
                s3 += v * J[j + 3, k]
            A[i, j], A[i, j + 1], A[i, j + 2], A[i, j + 3] = s0, s1, s2, s3
            j += 4
        while j <= i:
            s0 = 0.0
            for k in range(bins):
                s0 += weighted[k] * J[j, k]
            A[i, j] = s0
            j += 1
    _mirror(A)


@njit(nogil=True, cache=True, error_model="numpy")
def factorise(A: Floats, L: Floats) -> bool:
    """Cholesky factor of A into L (lower); False where A is not positive definite."""
    n = len(A)
    for i in range(n):
        for j in range(i + 1):
            total = A[i, j]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                if not total > 1e-14 * A[i, i]:
                    return False
                L[i, i] = math.sqrt(total)
            else:
                L[i, j] = total / L[j, j]
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def back_substitute(L: Floats, b: Floats) -> Floats:
    """x of L Lᵀ x = b."""
    n = len(b)
    x = b.copy()
    for i in range(n):
        for k in range(i):
            x[i] -= L[i, k] * x[k]
        x[i] /= L[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            x[i] -= L[k, i] * x[k]
        x[i] /= L[i, i]
    return x


@njit(nogil=True, cache=True, error_model="numpy")
def inverse(A: Floats) -> tuple[Floats, bool]:
    """Inverse of a symmetric positive definite matrix, and whether there is one."""
    n = len(A)
    L, out = np.zeros((n, n)), np.zeros((n, n))
    s = np.ones(n)
    for i in range(n):
        if A[i, i] > 0.0:
            s[i] = 1.0 / math.sqrt(A[i, i])
    scaled = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            scaled[i, j] = A[i, j] * s[i] * s[j]
    if not factorise(scaled, L):
        return out, False
    M = _inverse_factor(L)
    for k in range(n):
        for i in range(k + 1):
            v = M[k, i] * s[i]
            for j in range(i + 1):
                out[i, j] += v * M[k, j] * s[j]
    _mirror(out)
    return out, True


@njit(nogil=True, cache=True, error_model="numpy")
def _inverse_factor(L: Floats) -> Floats:
    n = len(L)
    M = np.zeros((n, n))
    for j in range(n):
        M[j, j] = 1.0 / L[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total -= L[i, k] * M[k, j]
            M[i, j] = total / L[i, i]
    return M


@njit(nogil=True, cache=True)
def _mirror(A: Floats) -> None:
    for i in range(len(A)):
        for j in range(i):
            A[j, i] = A[i, j]


@njit(nogil=True, cache=True)
def second_share(x: Floats, lines: Lines, lay: Layout) -> float:
    """The second component's share of the scattering, 0 but for two components."""
    if lay.components != 2:
        return 0.0
    total = np.zeros(2)
    for line in range(lay.lines):
        phase = lines.phase[line]
        theta = bragg(x[phase], lines.root_n[line], lines.wavelength_A)
        if theta > 0.0:
            total[phase] += line_intensity(x, line, theta, lines, lay)[0]
    return total[1] / (total[0] + total[1])


@njit(nogil=True, cache=True)
def _evaluate(
    x: Floats, kappa: float, share: float, data: Data, lines: Lines, lay: Layout, y: Floats, J: Floats
) -> None:
    """Model and Jacobian; for two components over (m, κ, ...)."""
    calculate(x, data.grid, data.basis, lines, lay, y, J)
    if lay.components != 2:
        return
    d = x[1] - x[0]
    for i in range(len(y)):
        j0, j1 = J[0, i], J[1, i]
        J[0, i] = j0 + j1
        J[1, i] = ((1.0 - share) * j1 - share * j0) / (2.0 * d)
        y[i] += (kappa - d * d) * J[1, i]


@njit(nogil=True, cache=True)
def _step(x: Floats, kappa: float, share: float, delta: Floats, lay: Layout, lim: Limits) -> tuple[Floats, float]:
    """The parameters after a step, kept within what is possible."""
    new = x + delta
    after = kappa
    if lay.components == 2:
        d = x[1] - x[0]
        m = (1.0 - share) * x[0] + share * x[1] + min(max(delta[0], -lim.cell_step), lim.cell_step)
        after = kappa + delta[1]
        distance = math.sqrt(max(after, lim.least_distance**2))
        distance = min(max(distance, abs(d) - 2.0 * lim.cell_step), abs(d) + 2.0 * lim.cell_step)
        if after > lim.least_distance**2:
            after = distance * distance
        new[0] = m - share * lim.sign * distance
        new[1] = m + (1.0 - share) * lim.sign * distance
    else:
        for p in range(lay.components):
            new[p] = x[p] + min(max(delta[p], -lim.cell_step), lim.cell_step)
    for p in range(lay.components):
        size = x[lay.size + p]
        new[lay.size + p] = min(max(new[lay.size + p], 0.5 * size), 2.0 * size)
    new[lay.shape] = min(max(new[lay.shape], 1e-4), 20.0)
    for k in range(lay.ratio, lay.size):
        new[k] = x[k] + min(max(new[k] - x[k], -1.0), 1.0)
    new[lay.scale] = x[lay.scale] + min(max(new[lay.scale] - x[lay.scale], -1.0), 1.0)
    return new, after


@njit(nogil=True, cache=True)
def _weigh(y: Floats, data: Data, w: Floats) -> None:
    for i in range(len(y)):
        variance = data.variance[i] + data.gain[i] * (y[i] - data.y[i])
        w[i] = 1.0 / max(variance, data.floor[i])


@njit(nogil=True, cache=True)
def _prior_cost(x: Floats, prior: Prior, lay: Layout) -> float:
    d = x[lay.ratio :] - prior.mean
    total = 0.0
    for i in range(len(d)):
        part = 0.0
        for j in range(len(d)):
            part += prior.information[i, j] * d[j]
        total += part * d[i]
    return total


@njit(nogil=True, cache=True)
def _chi2(y: Floats, data: Data, w: Floats) -> float:
    total = 0.0
    for i in range(len(y)):
        r = data.y[i] - y[i]
        total += w[i] * r * r
    return total


@njit(nogil=True, cache=True)
def _add_prior(A: Floats, g: Floats, x: Floats, prior: Prior, lay: Layout) -> None:
    n = len(prior.mean)
    for i in range(n):
        for j in range(n):
            value = prior.information[i, j]
            A[lay.ratio + i, lay.ratio + j] += value
            g[lay.ratio + i] -= value * (x[lay.ratio + j] - prior.mean[j])


@njit(nogil=True, cache=True)
def _damped(A: Floats, g: Floats, damping: float, L: Floats) -> tuple[Floats, bool]:
    n = len(g)
    s = np.empty(n)
    for i in range(n):
        s[i] = 1.0 / math.sqrt(A[i, i]) if A[i, i] > 0.0 else 1.0
    scaled = np.empty((n, n))
    b = np.empty(n)
    for i in range(n):
        b[i] = g[i] * s[i]
        for j in range(n):
            scaled[i, j] = A[i, j] * s[i] * s[j]
        scaled[i, i] = 1.0 + damping if A[i, i] > 0.0 else 1.0
    if not factorise(scaled, L):
        return b, False
    return back_substitute(L, b) * s, True


@njit(nogil=True, cache=True)
def solve(x0: Floats, kappa0: float, data: Data, prior: Prior, lines: Lines, lay: Layout, lim: Limits) -> Solution:
    """The most probable parameters of this pattern, with their covariance."""
    bins, n = len(data.y), lay.length
    x, kappa = x0.copy(), kappa0
    share = second_share(x, lines, lay)
    y, trial_y = np.empty(bins), np.empty(bins)
    J, trial_J = np.empty((n, bins)), np.empty((n, bins))
    w, A, g, L = np.empty(bins), np.empty((n, n)), np.empty(n), np.zeros((n, n))
    _evaluate(x, kappa, share, data, lines, lay, y, J)
    _weigh(y, data, w)
    damping, converged, iteration, stale = 0.0, False, 0, True
    cost = _chi2(y, data, w) + _prior_cost(x, prior, lay)
    while iteration < lim.most_iterations:
        iteration += 1
        if stale:
            normal_matrix(J, w, data.y - y, A, g)
            _add_prior(A, g, x, prior, lay)
            stale = False
        delta, fine = _damped(A, g, damping, L)
        if not fine:
            damping = max(10.0 * damping, 1e-6)
            continue
        promised = float(np.sum(delta * g))
        new, after = _step(x, kappa, share, delta, lay, lim)
        _evaluate(new, after, share, data, lines, lay, trial_y, trial_J)
        trial = _chi2(trial_y, data, w) + _prior_cost(new, prior, lay)
        if not trial <= cost + lim.tolerance:
            if damping > 1e8:
                break
            damping = max(10.0 * damping, 1e-4)
            continue
        x, kappa, stale = new, after, True
        y, trial_y = trial_y, y
        J, trial_J = trial_J, J
        _weigh(y, data, w)
        cost = _chi2(y, data, w) + _prior_cost(x, prior, lay)
        damping = damping * 0.1 if damping > 1e-6 else 0.0
        if promised < lim.tolerance and damping < 1e-3:
            converged = True
            break
    if stale:
        normal_matrix(J, w, data.y - y, A, g)
        _add_prior(A, g, x, prior, lay)
    covariance, fine = inverse(A)
    chi2 = _chi2(y, data, w)
    return Solution(
        x,
        kappa,
        share,
        covariance,
        chi2,
        iteration,
        converged and fine,
        float(np.sum(w * data.y * data.y)),
        (data.y - y) * np.sqrt(w),
        y,
    )
