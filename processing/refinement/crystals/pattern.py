"""The pattern of crystals of any system and its analytic Jacobian, compiled.

y(2θ) = Σ_p s_p Σ_hkl b L(θ) r V(2θ - 2θ_hkl; σ, Γ) + Chebyshev series, with 1/d² = hᵀ G* h of the phase's cell,
L = 1/(sin²θ cosθ), r the line's intensity over what the structure gives, V the true Voigt profile with
σ² = (S/cosθ)² + e (tanθ/t)² and half width Γ = l/cosθ; t is tan θ of a middling line. A displaced sample moves all
lines by z cosθ + ½ w sin 4θ: by so many degrees across the beam, and along it, where w is its share of the distance.
"""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.crystals.planes import Places, Planes
from latticewatch.processing.refinement.model.pattern_model import DEGREES, add_voigt, voigt

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
# Derivatives by one line alone are worked out to so many full widths of it.
REACH_WIDTHS = 12.0
# σ² is at least this share of what the size gives.
LEAST_WIDTH = 0.25


@njit(nogil=True, cache=True, error_model="numpy")
def cell_numbers(x: Floats, phase: int, planes: Planes, out: Floats) -> None:
    """The six numbers of a phase's cell into out: Å, then radians."""
    for i in range(6):
        total, follows = 0.0, False
        for j in range(6):
            if planes.tied[phase, i, j] != 0.0:
                total += planes.tied[phase, i, j] * x[planes.place[phase, j]]
                follows = True
        out[i] = total if follows else planes.numbers[phase, i]
        if i > 2:
            out[i] *= math.pi / 180.0


@njit(nogil=True, cache=True, error_model="numpy")
def _inverted(m: Floats, out: Floats) -> None:
    """Inverse of a symmetric (3, 3) matrix."""
    out[0, 0] = m[1, 1] * m[2, 2] - m[1, 2] * m[1, 2]
    out[0, 1] = m[0, 2] * m[1, 2] - m[0, 1] * m[2, 2]
    out[0, 2] = m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]
    out[1, 1] = m[0, 0] * m[2, 2] - m[0, 2] * m[0, 2]
    out[1, 2] = m[0, 1] * m[0, 2] - m[0, 0] * m[1, 2]
    out[2, 2] = m[0, 0] * m[1, 1] - m[0, 1] * m[0, 1]
    determinant = m[0, 0] * out[0, 0] + m[0, 1] * out[0, 1] + m[0, 2] * out[0, 2]
    for i in range(3):
        for j in range(i, 3):
            out[i, j] /= determinant
            out[j, i] = out[i, j]


@njit(nogil=True, cache=True, error_model="numpy")
def reciprocal(  # noqa: C901 — index loops over small tensors
    x: Floats, phase: int, planes: Planes, metric: Floats, slopes: Floats
) -> None:
    """Reciprocal metric (3, 3) of a phase, and its derivatives by the parameters of its cell (6, 3, 3); zero where
    there is none."""
    numbers, direct, by = np.empty(6), np.empty((3, 3)), np.empty((6, 3, 3))
    cell_numbers(x, phase, planes, numbers)
    by[:] = 0.0
    for i in range(3):
        for j in range(i, 3):
            # Of edges i and j the angle between them is the one that is left.
            angle = 3 + (3 - i - j) if i != j else 0
            cosine = math.cos(numbers[angle]) if i != j else 1.0
            direct[i, j] = numbers[i] * numbers[j] * cosine
            direct[j, i] = direct[i, j]
            by[i, i, j] += numbers[j] * cosine
            by[j, i, j] += numbers[i] * cosine
            if i != j:
                by[angle, i, j] = -numbers[i] * numbers[j] * math.sin(numbers[angle]) * math.pi / 180.0
    for k in range(6):
        for i in range(3):
            for j in range(i):
                by[k, i, j] = by[k, j, i]
    _inverted(direct, metric)
    slopes[:] = 0.0
    for name in range(6):
        if planes.place[phase, name] < 0:
            continue
        for number in range(6):
            factor = planes.tied[phase, number, name]
            if factor == 0.0:
                continue
            # d G* = - G* dG G*
            for i in range(3):
                for j in range(3):
                    total = 0.0
                    for k in range(3):
                        for m in range(3):
                            total += metric[i, k] * by[number, k, m] * metric[m, j]
                    slopes[name, i, j] -= factor * total


@njit(nogil=True, cache=True, error_model="numpy")
def quadratic(metric: Floats, h: Floats) -> float:
    """hᵀ metric h."""
    return float(
        metric[0, 0] * h[0] * h[0]
        + metric[1, 1] * h[1] * h[1]
        + metric[2, 2] * h[2] * h[2]
        + 2.0 * (metric[0, 1] * h[0] * h[1] + metric[0, 2] * h[0] * h[2] + metric[1, 2] * h[1] * h[2])
    )


@njit(nogil=True, cache=True, error_model="numpy")
def theta_of(inverse_d2: float, wavelength_A: float) -> float:
    """θ in radians, NaN where the line does not exist."""
    sine = 0.5 * wavelength_A * math.sqrt(max(inverse_d2, 0.0))
    return math.asin(sine) if 0.0 < sine < 0.9999 else math.nan


@njit(nogil=True, cache=True, error_model="numpy")
def widths(x: Floats, phase: int, theta: float, planes: Planes, places: Places) -> tuple[float, float, bool]:
    """σ and Γ in degrees, and whether σ follows the strain."""
    scaled = x[places.width + phase] / math.cos(theta)
    lever = math.tan(theta) / planes.tangent[phase]
    variance = scaled * scaled + x[places.strain + phase] * lever * lever
    least = LEAST_WIDTH * scaled * scaled
    return math.sqrt(max(variance, least)), x[places.lorentz + phase] / math.cos(theta), variance > least


@njit(nogil=True, cache=True, error_model="numpy")
def shifted(x: Floats, theta: float, places: Places) -> float:
    """Where a line lies, in degrees 2θ."""
    return float(
        2.0 * DEGREES * theta + x[places.shift] * math.cos(theta) + 0.5 * x[places.shift + 1] * math.sin(4.0 * theta)
    )


@njit(nogil=True, cache=True, error_model="numpy")
def draw_phases(x: Floats, grid: Floats, planes: Planes, places: Places, out: Floats) -> None:
    """Each phase by itself without background: out (phases, bins)."""
    out[:] = 0.0
    metric, slopes = np.empty((3, 3)), np.empty((6, 3, 3))
    before = -1
    for line in range(places.lines):
        phase = planes.phase[line]
        if phase != before:
            reciprocal(x, phase, planes, metric, slopes)
            before = phase
        if x[places.scale + phase] == 0.0:
            continue
        theta = theta_of(quadratic(metric, planes.hkl[line]), planes.wavelength_A)
        if not theta > 0.0:
            continue
        sigma, gamma, _ = widths(x, phase, theta, planes, places)
        factor = 1.0 / (math.sin(theta) ** 2 * math.cos(theta))
        area = x[places.scale + phase] * planes.base[line] * factor * x[places.relative + line]
        add_voigt(grid, shifted(x, theta, places), sigma, gamma, area, out[phase])


@njit(nogil=True, cache=True, error_model="numpy")
def draw(x: Floats, grid: Floats, basis: Floats, planes: Planes, places: Places, y: Floats) -> None:
    """The model alone: y (bins,)."""
    each = np.empty((places.phases, len(grid)))
    draw_phases(x, grid, planes, places, each)
    y[:] = 0.0
    for phase in range(places.phases):
        if x[places.scale + phase] != 0.0:
            _add(1.0, each[phase], y)
    for term in range(places.width - places.background):
        _add(x[places.background + term], basis[term], y)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add(factor: float, a: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += factor * a[i]


@njit(nogil=True, cache=True, error_model="numpy")
def calculate(  # noqa: C901 — one pass over the lines, every derivative in it
    x: Floats,
    grid: Floats,
    basis: Floats,
    planes: Planes,
    places: Places,
    free: NDArray[np.bool_],
    y: Floats,
    J: Floats,
    reach: Indices,
) -> None:
    """Model and Jacobian: y (bins,), J (parameters, bins) of the parameters that are free.

    reach: (parameters, 2) the bins that a row has a say in; the others of it are zero.
    """
    bins = len(grid)
    work, metric, slopes = np.empty((4, bins)), np.empty((3, 3)), np.empty((6, 3, 3))
    y[:] = 0.0
    for row in range(places.length):
        reach[row, 0], reach[row, 1] = 0, bins
        if free[row] or places.shift <= row < places.background:
            J[row] = 0.0
    before, moved = -1, free[places.shift] or free[places.shift + 1]
    for line in range(places.lines):
        phase = planes.phase[line]
        if phase != before:
            reciprocal(x, phase, planes, metric, slopes)
            before = phase
        scale, by_line = x[places.scale + phase], places.relative + line
        inverse_d2 = quadratic(metric, planes.hkl[line])
        theta = theta_of(inverse_d2, planes.wavelength_A)
        if not theta > 0.0:
            reach[by_line, 0], reach[by_line, 1] = 0, 0
            continue
        cosine, tangent = math.cos(theta), math.tan(theta)
        sigma, gamma, strained = widths(x, phase, theta, planes, places)
        unit = planes.base[line] / (math.sin(theta) ** 2 * cosine)
        centre, area = shifted(x, theta, places), scale * unit * x[by_line]
        voigt(grid, centre, sigma, gamma, work)
        v, vx, vs, vg = work[0], work[1], work[2], work[3]
        _add(unit * x[by_line], v, J[places.scale + phase])
        far = REACH_WIDTHS * (2.36 * sigma + 2.0 * gamma)
        first, last = np.searchsorted(grid, centre - far), np.searchsorted(grid, centre + far)
        reach[by_line, 0], reach[by_line, 1] = first, last
        if free[by_line]:
            J[by_line, first:last] = scale * unit * v[first:last]
        if area == 0.0:
            continue
        # By θ: the place, the Lorentz factor, and the widths.
        by_place = 2.0 * DEGREES - x[places.shift] * math.sin(theta) + 2.0 * x[places.shift + 1] * math.cos(4.0 * theta)
        scaled = x[places.width + phase] / cosine
        lever = tangent / planes.tangent[phase]
        strain = x[places.strain + phase] if strained else 0.0
        own = 1.0 if strained else LEAST_WIDTH
        by_lever = lever / (planes.tangent[phase] * cosine * cosine)
        by_sigma = (own * scaled * scaled * tangent + strain * by_lever) / sigma
        c_v, c_x = area * (tangent - 2.0 / tangent), -area * by_place
        c_s, c_g = area * by_sigma, area * gamma * tangent
        for name in range(6):
            place = planes.place[phase, name]
            if place >= 0 and free[place]:
                slope = 0.5 * tangent * quadratic(slopes[name], planes.hkl[line]) / inverse_d2
                out = J[place]
                for i in range(first, last):
                    out[i] += slope * (c_v * v[i] + c_x * vx[i] + c_s * vs[i] + c_g * vg[i])
        if moved:
            _add(-area * cosine, vx, J[places.shift])
            _add(-0.5 * area * math.sin(4.0 * theta), vx, J[places.shift + 1])
        if free[places.width + phase]:
            _add(area * own * scaled / (sigma * cosine), vs, J[places.width + phase])
            if strained:
                _add(0.5 * area * lever * lever / sigma, vs, J[places.strain + phase])
            _add(area / cosine, vg, J[places.lorentz + phase])
    for phase in range(places.phases):
        if x[places.scale + phase] != 0.0:
            _add(x[places.scale + phase], J[places.scale + phase], y)
    for term in range(places.width - places.background):
        J[places.background + term] = basis[term]
        _add(x[places.background + term], basis[term], y)
