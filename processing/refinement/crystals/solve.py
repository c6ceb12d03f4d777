"""Damped Gauss-Newton on one pattern of crystals, with a Gaussian prior on what is tracked, compiled."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.crystals.pattern import calculate, draw
from latticewatch.processing.refinement.crystals.planes import Places, Planes
from latticewatch.processing.refinement.solver.algebra import back_substitute, dot, factorise, inverse
from latticewatch.processing.refinement.solver.solve import REWEIGHTED, Data, Prior, chi2_of, weigh

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
RIDGE = 1e-11
# A step is taken where it gains at least this share of what it promised.
LEAST_GAIN = 0.1
# Cells are known beforehand to this share, and angles to so many degrees: what the data do not know at all has an esd.
KNOWN, KNOWN_DEG = 0.03, 3.0


class Limits(NamedTuple):
    """cell_step: the largest step of an edge as its share. least_width: of a Gaussian in degrees. tolerance: a step
    that promises to lower χ² by no more than this share of χ² per bin is taken and is the last."""

    cell_step: float
    least_width: float
    most_iterations: int
    tolerance: float


class Solution(NamedTuple):
    """x: (parameters,), covariance of the free ones (zero of the others), chi2 of the data, iterations, whether it
    converged, wrss: Σ w y², residual: (bins,) in sigmas, model: (bins,), jacobian: (parameters, bins) near it, free:
    (parameters,) which were."""

    x: Floats
    covariance: Floats
    chi2: float
    iterations: int
    converged: bool
    wrss: float
    residual: Floats
    model: Floats
    jacobian: Floats
    free: NDArray[np.bool_]


@njit(nogil=True, cache=True, error_model="numpy")
def _normal(J: Floats, w: Floats, r: Floats, rows: Indices, reach: Indices, A: Floats, g: Floats) -> None:
    """A = J W Jᵀ and g = J W r of these rows, each over the bins that it has a say in."""
    weighted = np.empty(len(w))
    for i in range(len(rows)):
        row = rows[i]
        first, last = reach[row, 0], reach[row, 1]
        for k in range(first, last):
            weighted[k] = J[row, k] * w[k]
        g[i] = dot(weighted[first:last], r[first:last])
        for j in range(i + 1):
            low, high = max(first, reach[rows[j], 0]), min(last, reach[rows[j], 1])
            A[i, j] = dot(weighted[low:high], J[rows[j], low:high]) if high > low else 0.0
            A[j, i] = A[i, j]


@njit(nogil=True, cache=True, error_model="numpy")
def _with_prior(A: Floats, g: Floats, x: Floats, rows: Indices, prior: Prior, places: Places) -> None:
    start = places.width
    for i in range(len(rows)):
        if rows[i] < start:
            continue
        for j in range(len(rows)):
            if rows[j] >= start:
                A[i, j] += prior.information[rows[i] - start, rows[j] - start]
        for j in range(len(prior.mean)):
            g[i] -= prior.information[rows[i] - start, j] * (x[start + j] - prior.mean[j])


@njit(nogil=True, cache=True, error_model="numpy")
def prior_cost(x: Floats, prior: Prior, places: Places) -> float:
    d = x[places.width :] - prior.mean
    total = 0.0
    for i in range(len(d)):
        if d[i] != 0.0:
            for j in range(len(d)):
                total += prior.information[i, j] * d[i] * d[j]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _solved(A: Floats, g: Floats, damping: float, L: Floats) -> tuple[Floats, bool]:
    n = len(g)
    s, scaled, b = np.empty(n), np.empty((n, n)), np.empty(n)
    for i in range(n):
        s[i] = 1.0 / math.sqrt(A[i, i]) if A[i, i] > 0.0 else 1.0
    for i in range(n):
        b[i] = g[i] * s[i]
        for j in range(n):
            scaled[i, j] = A[i, j] * s[i] * s[j]
        scaled[i, i] = 1.0 + RIDGE + damping
    if not factorise(scaled, L):
        return b, False
    return back_substitute(L, b) * s, True


@njit(nogil=True, cache=True, error_model="numpy")
def _is_bound(row: int, places: Places) -> bool:
    """Whether a parameter cannot be negative."""
    return bool(places.scale <= row < places.background or row >= places.lorentz)


@njit(nogil=True, cache=True, error_model="numpy")
def _hold_bounds(A: Floats, g: Floats, x: Floats, rows: Indices, places: Places) -> None:
    """Parameters at their bound that want to go beyond stay there; so does what has no say."""
    for i in range(len(rows)):
        beyond = _is_bound(rows[i], places) and x[rows[i]] <= 0.0 and g[i] < 0.0
        if beyond or not A[i, i] > 0.0:
            A[i, :] = 0.0
            A[:, i] = 0.0
            A[i, i], g[i] = 1.0, 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _stepped(x: Floats, delta: Floats, rows: Indices, planes: Planes, places: Places, lim: Limits) -> Floats:
    """The parameters after a step, kept within what is possible."""
    new = x.copy()
    whole = 1.0
    for i in range(len(rows)):
        if rows[i] < places.shift:
            limit = lim.cell_step * (60.0 if _is_angle(rows[i], planes) else x[rows[i]])
            whole = min(whole, limit / max(abs(delta[i]), 1e-300))
    for i in range(len(rows)):
        row = rows[i]
        new[row] = x[row] + (whole * delta[i] if row < places.shift else delta[i])
        if _is_bound(row, places):
            new[row] = max(new[row], 0.0)
    for p in range(places.phases):
        size = x[places.width + p]
        new[places.width + p] = max(min(max(new[places.width + p], 0.5 * size), 2.0 * size), lim.least_width)
        least = -0.5 * new[places.width + p] ** 2
        new[places.strain + p] = max(new[places.strain + p], least)
    return new


@njit(nogil=True, cache=True, error_model="numpy")
def _is_angle(row: int, planes: Planes) -> bool:
    for p in range(len(planes.place)):
        for name in range(3, 6):
            if planes.place[p, name] == row:
                return True
    return False


@njit(nogil=True, cache=True, error_model="numpy")
def _loosely_known(A: Floats, x: Floats, rows: Indices, planes: Planes, places: Places) -> None:
    for i in range(len(rows)):
        if rows[i] < places.shift:
            esd = KNOWN_DEG if _is_angle(rows[i], planes) else KNOWN * x[rows[i]]
            A[i, i] += 1.0 / (esd * esd)


@njit(nogil=True, cache=True, error_model="numpy")
def solve(  # noqa: C901 — the loop of Levenberg and Marquardt in one piece
    x0: Floats,
    data: Data,
    prior: Prior,
    planes: Planes,
    places: Places,
    free: NDArray[np.bool_],
    lim: Limits,
) -> Solution:
    """The most probable parameters of this pattern, with the covariance of those that are free."""
    bins, x, rows = len(data.y), x0.copy(), np.flatnonzero(free)
    n = len(rows)
    y, trial_y, w = np.empty(bins), np.empty(bins), np.empty(bins)
    J, trial_J = np.empty((places.length, bins)), np.empty((places.length, bins))
    reach, trial_reach = np.zeros((places.length, 2), np.int64), np.zeros((places.length, 2), np.int64)
    A, g, L = np.empty((n, n)), np.empty(n), np.zeros((n, n))
    calculate(x, data.grid, data.basis, planes, places, free, y, J, reach)
    weigh(y, data, w)
    damping, converged, iteration, stale = 0.0, False, 0, True
    cost = chi2_of(y, data, w) + prior_cost(x, prior, places)
    while iteration < lim.most_iterations and damping < 1e8:
        iteration += 1
        if stale:
            _normal(J, w, data.y - y, rows, reach, A, g)
            _with_prior(A, g, x, rows, prior, places)
            _hold_bounds(A, g, x, rows, places)
            stale = False
        delta, fine = _solved(A, g, damping, L)
        promised = dot(delta, g) if fine else 0.0
        enough = lim.tolerance * max(1.0, cost / bins)
        last = fine and promised < enough and damping < 0.1
        new = _stepped(x, delta, rows, planes, places, lim)
        calculate(new, data.grid, data.basis, planes, places, free, trial_y, trial_J, trial_reach)
        trial = chi2_of(trial_y, data, w) + prior_cost(new, prior, places)
        if not (fine and trial <= (cost + enough if last else cost - LEAST_GAIN * promised * 0.5)):
            damping = max(10.0 * damping, 1e-4)
            continue
        x, stale = new, True
        y, trial_y = trial_y, y
        J, trial_J = trial_J, J
        reach, trial_reach = trial_reach, reach
        if iteration < REWEIGHTED:
            weigh(y, data, w)
        gained = cost
        cost = chi2_of(y, data, w) + prior_cost(x, prior, places)
        damping = damping * 0.1 if damping > 1e-6 else 0.0
        if last or (abs(gained - cost) < 0.1 * enough and promised < 20.0 * enough):
            converged = True
            break
    _normal(J, w, data.y - y, rows, reach, A, g)
    _with_prior(A, g, x, rows, prior, places)
    _loosely_known(A, x, rows, planes, places)
    for i in range(n):
        if not A[i, i] > 0.0:
            A[i, i] = 1.0
    part, fine = inverse(A)
    covariance = np.zeros((places.length, places.length))
    for i in range(n):
        for j in range(n):
            covariance[rows[i], rows[j]] = part[i, j]
    chi2, wrss = chi2_of(y, data, w), 0.0
    residual = np.empty(bins)
    for k in range(bins):
        residual[k] = (data.y[k] - y[k]) * math.sqrt(w[k])
        wrss += w[k] * data.y[k] * data.y[k]
    for i in range(n):
        fine = fine and math.isfinite(x[rows[i]]) and math.isfinite(part[i, i]) and part[i, i] >= 0.0
    converged = converged and fine and math.isfinite(chi2)
    return Solution(x, covariance, chi2, iteration, converged, wrss, residual, y, J, free)


@njit(nogil=True, cache=True, error_model="numpy")
def cost_at(x: Floats, data: Data, prior: Prior, planes: Planes, places: Places, w: Floats) -> float:
    """χ² of data and prior at these parameters, with these weights (bins,)."""
    y = np.empty(len(data.y))
    draw(x, data.grid, data.basis, planes, places, y)
    return float(chi2_of(y, data, w) + prior_cost(x, prior, places))
