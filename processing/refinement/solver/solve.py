"""Levenberg-Marquardt on one pattern with a Gaussian prior on the tracked parameters, compiled.

Two components are solved for their weighted mean m and their distance d = a_2 - a_1. Weights follow the model
(iteratively reweighted), so that bins with few or no counts do not bias the fit.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import (
    DEGREES,
    LEAST_SHAPE,
    bragg,
    calculate,
    draw_pattern,
    line_intensity,
    shape_of,
)
from latticewatch.processing.refinement.solver.algebra import (
    RIDGE,
    back_substitute,
    factorise,
    gradient,
    inverse,
    normal_matrix,
)

Floats = NDArray[np.float64]
# A line further from every bin, in full widths, has no say.
NEAR_WIDTHS = 1.5
# Weights follow the model for so many iterations only, so that they cannot keep a fit going round in circles.
REWEIGHTED = 8
# Steps in a row of no more than this share of a cell's esd, while χ² has less than this to gain: the cells have
# converged, whatever a strength that the data do not know still does.
STILL_STEPS = 3
STILL_ESD = 0.03
STILL_GAIN = 0.5
# A step is taken where it gains at least this share of what it promised: less, and steps may go round in circles.
LEAST_GAIN = 0.1
# Over a step whose gain in χ² differs by less from what the normal matrix promised, this matrix is not formed anew.
LINEAR = 1.0


class Data(NamedTuple):
    """What is fitted: bin centres (deg), the basis of what is linear (terms, bins: background and extra rows),
    intensity, its variance at that intensity, how the variance changes with the intensity, and the least variance
    that is believed."""

    grid: Floats
    basis: Floats
    y: Floats
    variance: Floats
    gain: Floats
    floor: Floats


class Prior(NamedTuple):
    """Gaussian prior on the tracked parameters, from Layout.extra on: mean and inverse covariance."""

    mean: Floats
    information: Floats


class Limits(NamedTuple):
    """Largest change of a cell in one step (Å), whether the distance of two cells is held, most iterations, and
    the decrease of χ² at which to stop."""

    cell_step: float
    hold_distance: bool
    most_iterations: int
    tolerance: float


class Solution(NamedTuple):
    """x: parameters. share: the second component's weight that m was defined with. covariance: over (m, d, ...)
    for two components, over x else. chi2: data part. iterations, converged. wrss: Σ w y² for Rwp.
    residual: (bins,) in sigmas. model: (bins,)."""

    x: Floats
    share: float
    covariance: Floats
    chi2: float
    iterations: int
    converged: bool
    wrss: float
    residual: Floats
    model: Floats
    jacobian: Floats


@njit(nogil=True, cache=True, error_model="numpy")
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
    return float(total[1] / (total[0] + total[1]))


@njit(nogil=True, cache=True, error_model="numpy")
def evaluate(
    x: Floats, share: float, in_light: NDArray[np.bool_], data: Data, lines: Lines, lay: Layout, y: Floats, J: Floats
) -> None:
    """Model and Jacobian; for two components over (m, d, ...). in_light: (lines,) whose intensity is free."""
    calculate(x, data.grid, data.basis, lines, lay, y, J)
    if lay.components == 2:
        for i in range(len(y)):
            j0, j1 = J[0, i], J[1, i]
            J[0, i] = j0 + j1
            J[1, i] = (1.0 - share) * j1 - share * j0
    for line in range(lay.lines):
        if not in_light[line]:
            J[lay.intensity_correction + line] = 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def lines_in_light(x: Floats, grid: Floats, lines: Lines, lay: Layout) -> NDArray[np.bool_]:
    """(lines,) whether a line is near a bin. What is seen of another one is a tail, and no measure of its intensity.

    Asked once for a whole fit: a line that came and went from step to step would keep it from converging.
    """
    near = np.zeros(lay.lines, dtype=np.bool_)
    for line in range(lay.lines):
        phase = lines.phase[line]
        theta = bragg(x[phase], lines.root_n[line], lines.wavelength_A)
        if theta > 0.0:
            centre = 2.0 * DEGREES * theta
            full_width = (2.36 + 1.1 * shape_of(x, phase, lay)) * x[lay.gaussian_width + phase] / math.cos(theta)
            after = min(int(np.searchsorted(grid, centre)), len(grid) - 1)
            before = max(after - 1, 0)
            away = min(abs(float(grid[after]) - centre), abs(float(grid[before]) - centre))
            near[line] = away <= NEAR_WIDTHS * full_width
    return near


@njit(nogil=True, cache=True, error_model="numpy")
def _step(x: Floats, share: float, delta: Floats, lay: Layout, lim: Limits) -> Floats:
    """The parameters after a step, kept within what is possible."""
    new = x + delta
    limit = lim.cell_step
    if lay.components == 2:
        m = min(max(delta[0], -limit), limit)
        d = min(max(delta[1], -limit), limit)
        new[0] = x[0] + m - share * d
        new[1] = x[1] + m + (1.0 - share) * d
    else:
        for p in range(lay.components):
            new[p] = x[p] + min(max(delta[p], -limit), limit)
            new[lay.cell_variance + p] = max(new[lay.cell_variance + p], 0.0)
    for p in range(lay.components):
        size = x[lay.gaussian_width + p]
        new[lay.gaussian_width + p] = min(max(new[lay.gaussian_width + p], 0.5 * size), 2.0 * size)
    new[lay.shape] = min(max(new[lay.shape], LEAST_SHAPE), 20.0)
    for k in range(lay.shape_difference, lay.cell_variance):
        new[k] = min(max(new[k], LEAST_SHAPE - new[lay.shape]), 20.0)
    for k in range(lay.ratio, lay.intensity_correction):
        new[k] = x[k] + min(max(new[k] - x[k], -1.0), 1.0)
    for k in range(lay.intensity_correction, lay.gaussian_width):
        furthest = 2.0 + abs(x[k])
        new[k] = x[k] + min(max(new[k] - x[k], -furthest), furthest)
    new[lay.scale] = x[lay.scale] + min(max(new[lay.scale] - x[lay.scale], -1.0), 1.0)
    return new


@njit(nogil=True, cache=True, error_model="numpy")
def weigh(y: Floats, data: Data, w: Floats) -> None:
    for i in range(len(y)):
        variance = data.variance[i] + data.gain[i] * (y[i] - data.y[i])
        w[i] = 1.0 / max(variance, data.floor[i])


@njit(nogil=True, cache=True, error_model="numpy")
def _prior_cost(x: Floats, prior: Prior, lay: Layout) -> float:
    d = x[lay.extra :] - prior.mean
    total = 0.0
    for i in range(len(d)):
        part = 0.0
        for j in range(len(d)):
            part += prior.information[i, j] * d[j]
        total += part * d[i]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def chi2_of(y: Floats, data: Data, w: Floats) -> float:
    total = 0.0
    for i in range(len(y)):
        r = data.y[i] - y[i]
        total += w[i] * r * r
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def add_prior_gradient(g: Floats, x: Floats, prior: Prior, lay: Layout) -> None:
    n = len(prior.mean)
    for i in range(n):
        for j in range(n):
            g[lay.extra + i] -= prior.information[i, j] * (x[lay.extra + j] - prior.mean[j])


@njit(nogil=True, cache=True, error_model="numpy")
def add_prior(A: Floats, g: Floats, x: Floats, prior: Prior, lay: Layout) -> None:
    """A may have rows beyond the parameters, of which the prior knows nothing. Compiled code does not check shapes."""
    known = slice(lay.extra, lay.extra + len(prior.mean))
    A[known, known] += prior.information
    add_prior_gradient(g, x, prior, lay)


@njit(nogil=True, cache=True, error_model="numpy")
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
        scaled[i, i] = 1.0 + RIDGE + damping if A[i, i] > 0.0 else 1.0
    if not factorise(scaled, L):
        return b, False
    return back_substitute(L, b) * s, True


@njit(nogil=True, cache=True, error_model="numpy")
def _hold(A: Floats, g: Floats, i: int) -> None:
    A[i, :] = 0.0
    A[:, i] = 0.0
    A[i, i] = 1.0
    g[i] = 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _hold_bounds(A: Floats, g: Floats, x: Floats, lay: Layout) -> None:
    """Parameters at their bound that want to go beyond stay there."""
    if x[lay.shape] <= LEAST_SHAPE and g[lay.shape] < 0.0:
        _hold(A, g, lay.shape)
    for i in range(lay.shape_difference, lay.cell_variance):
        if x[lay.shape] + x[i] <= LEAST_SHAPE and g[i] < 0.0:
            _hold(A, g, i)
    if lay.components != 2:
        for i in range(lay.cell_variance, lay.cell_variance_growth):
            if x[i] <= 0.0 and g[i] < 0.0:
                _hold(A, g, i)


@njit(nogil=True, cache=True, error_model="numpy")
def _form(
    J: Floats,
    w: Floats,
    r: Floats,
    x: Floats,
    reused: bool,
    prior: Prior,
    lay: Layout,
    lim: Limits,
    A: Floats,
    g: Floats,
) -> None:
    """Normal matrix and gradient of data and prior; with ``reused`` the gradient alone."""
    if reused:
        gradient(J, w, r, g)
        add_prior_gradient(g, x, prior, lay)
        if lim.hold_distance:
            g[1] = 0.0
    else:
        normal_matrix(J, w, r, A, g)
        add_prior(A, g, x, prior, lay)
        _hold_bounds(A, g, x, lay)
        if lim.hold_distance:
            _hold(A, g, 1)


@njit(nogil=True, cache=True, error_model="numpy")
def _at_bound(x: Floats, lay: Layout) -> bool:
    at = x[lay.shape] <= LEAST_SHAPE
    for i in range(lay.shape_difference, lay.cell_variance):
        at = at or x[lay.shape] + x[i] <= LEAST_SHAPE
    for i in range(lay.cell_variance, lay.cell_variance_growth):
        at = at or (lay.components != 2 and x[i] <= 0.0)
    return bool(at)


@njit(nogil=True, cache=True, error_model="numpy")
def _cells_still(delta: Floats, A: Floats, misfit: float, lay: Layout) -> bool:
    """Whether this step leaves the cells where they are. The esd with all else held is the least that it can be."""
    still = True
    for p in range(lay.components):
        still = still and delta[p] * delta[p] * A[p, p] < STILL_ESD * STILL_ESD * misfit
    return still


@njit(nogil=True, cache=True, error_model="numpy")
def _try(
    x: Floats,
    last: bool,
    share: float,
    in_light: NDArray[np.bool_],
    data: Data,
    lines: Lines,
    lay: Layout,
    y: Floats,
    J: Floats,
) -> None:
    """Model at a trial; its Jacobian only where there is a next step."""
    if last:
        draw_pattern(x, data.grid, data.basis, lines, lay, y)
    else:
        evaluate(x, share, in_light, data, lines, lay, y, J)


@njit(nogil=True, cache=True, error_model="numpy")
def solve(x0: Floats, data: Data, prior: Prior, lines: Lines, lay: Layout, lim: Limits) -> Solution:
    """The most probable parameters of this pattern, with their covariance."""
    bins, n = len(data.y), lay.length
    x = x0.copy()
    share, in_light = second_share(x, lines, lay), lines_in_light(x, data.grid, lines, lay)
    y, trial_y = np.empty(bins), np.empty(bins)
    J, trial_J = np.empty((n, bins)), np.empty((n, bins))
    w, A, g, L = np.empty(bins), np.empty((n, n)), np.empty(n), np.zeros((n, n))
    evaluate(x, share, in_light, data, lines, lay, y, J)
    weigh(y, data, w)
    damping, converged, iteration, stale, still, linear = 0.0, False, 0, True, 0, False
    cost = chi2_of(y, data, w) + _prior_cost(x, prior, lay)
    while iteration < lim.most_iterations and damping < 1e8:
        iteration += 1
        reused = stale and linear
        if stale:
            _form(J, w, data.y - y, x, reused, prior, lay, lim, A, g)
            stale = False
        delta, fine = _damped(A, g, damping, L)
        promised = float(np.sum(delta * g)) if fine else 0.0
        new = _step(x, share, delta, lay, lim)
        # Where the model misfits, χ² has no meaning to the last digit.
        misfit = max(1.0, cost / bins)
        enough = lim.tolerance * misfit
        last = fine and promised < enough and damping < 0.1
        _try(new, last, share, in_light, data, lines, lay, trial_y, trial_J)
        trial = chi2_of(trial_y, data, w) + _prior_cost(new, prior, lay)
        if not (fine and trial <= (cost + enough if last else cost - LEAST_GAIN * promised)):
            damping = max(10.0 * damping, 1e-4)
            continue
        # A step that gains what it promised leaves the normal matrix as it is: it serves once more.
        off = abs(cost - trial - promised)
        linear = not reused and damping == 0.0 and off < LINEAR * misfit and not _at_bound(new, lay)
        x, stale = new, True
        y, trial_y = trial_y, y
        if not last:
            J, trial_J = trial_J, J
        if iteration < REWEIGHTED:
            weigh(y, data, w)
        cost = chi2_of(y, data, w) + _prior_cost(x, prior, lay)
        damping = damping * 0.1 if damping > 1e-6 else 0.0
        still = still + 1 if promised < STILL_GAIN * misfit and _cells_still(delta, A, misfit, lay) else 0
        if last or still >= STILL_STEPS:
            converged = True
            break
    if not converged or _at_bound(x, lay):
        evaluate(x, share, in_light, data, lines, lay, y, J)
        normal_matrix(J, w, data.y - y, A, g)
        add_prior(A, g, x, prior, lay)
        if lim.hold_distance:
            _hold(A, g, 1)
    covariance, fine = inverse(A)
    wrss = float(np.sum(w * data.y * data.y))
    residual = (data.y - y) * np.sqrt(w)
    chi2 = chi2_of(y, data, w)
    converged = converged and fine and all_numbers(x, covariance, chi2)
    return Solution(x, share, covariance, chi2, iteration, converged, wrss, residual, y, J)


@njit(nogil=True, cache=True, error_model="numpy")
def all_numbers(x: Floats, covariance: Floats, chi2: float) -> bool:
    """Whether parameters, their variances and χ² are numbers, and no variance is negative: else there is no fit."""
    fine = math.isfinite(chi2) and chi2 >= 0.0
    for i in range(len(x)):
        fine = fine and math.isfinite(x[i]) and math.isfinite(covariance[i, i]) and covariance[i, i] >= 0.0
    return bool(fine)
