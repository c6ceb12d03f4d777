"""The model of a pattern and its analytic Jacobian, compiled.

y(2θ) = Σ_p s_p Σ_hkl b φ(L) exp(γ ln g(a_p)) V(2θ - 2θ_hkl(a_p); σ, Γ) + Chebyshev series + Σ_k e_k B_k(2θ), with the
true Voigt profile V, Γ = q_p S_p / cos θ (half width) and σ² = (S_p / cos θ)² + (c_p κ + u_p + t_p f) (2 tan θ / a)².
For two components κ = (a_2 - a_1)² and c_p = c_p0 + k_p ln²(d_start / d): crystals whose exchange rates differ by a
relative δk spread by δa = δk d |ln(d / d_start)|, so k_p is of the order of (δk / 2)². Else κ is UNIT_SPREAD and c_p
a strain. u_p is what spreads by no such law. t_p f is what one longer edge does: lines split by
l² / (h² + k² + l²), and f is the variance of that over the planes of a line, 1 for h00 and 0 for hhh. u_p and t_p are
in UNIT_SPREAD.
g is the change of a line's intensity with the cell: |F|² by Vegard, 1 / V and the Lorentz factor. φ is the
exponential near L = 0 and its tangents beyond ± STRAIGHT_FROM, so that a line that is not there has L = -2 and not
minus infinity, and the fit of it is linear.
"""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.model.faddeeva import NEAR, ROOT_PI, far, near
from latticewatch.processing.refinement.model.lines import Layout, Lines

Floats = NDArray[np.float64]
DEGREES = 180.0 / math.pi
ROOT_TWO = math.sqrt(2.0)
# What κ is where it cannot be the distance of two cells: (1e-3 Å)², so that c_p is a strain.
UNIT_SPREAD = 1e-6
# Beyond this many σ√2 three terms of the asymptotic series of w are right to 1e-7.
TAIL = 20.0
LEAST_WIDTH = 0.25
# Negative spread takes no more than this share, in squares, of a middling line's width by size.
NARROWER = 0.4
LEAST_SHAPE = 1e-4
LEAST_DISTANCE = 1e-5
LEAST_AMPLITUDE = 1e-3
STRAIGHT_FROM = 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def spread_of(x: Floats, phase: int, lines: Lines, lay: Layout) -> tuple[float, float, float, float]:
    """Variance of a component's cells in Å² but for what splits lines, and its derivatives by c, by k and by
    a_2 - a_1."""
    free = x[lay.free_variance + phase] * UNIT_SPREAD
    if lay.components != 2:
        return x[lay.cell_variance + phase] * UNIT_SPREAD + free, UNIT_SPREAD, 0.0, 0.0
    d = x[1] - x[0]
    start = abs(lines.cell[1] - lines.cell[0])
    log = 0.5 * math.log((start * start) / (d * d + LEAST_DISTANCE * LEAST_DISTANCE))
    fraction = x[lay.cell_variance + phase] + x[lay.cell_variance_growth + phase] * log * log
    log_d = -d / (d * d + LEAST_DISTANCE * LEAST_DISTANCE)
    by_d = 2.0 * d * fraction + d * d * x[lay.cell_variance_growth + phase] * 2.0 * log * log_d
    return fraction * d * d + free, d * d, log * log * d * d, by_d


@njit(nogil=True, cache=True, error_model="numpy")
def shape_of(x: Floats, phase: int, lay: Layout) -> float:
    """Lorentzian half width over Gaussian width of a component's lines."""
    return float(max(x[lay.shape] + (x[lay.shape_difference + phase - 1] if phase > 0 else 0.0), LEAST_SHAPE))


@njit(nogil=True, cache=True, error_model="numpy")
def least_free_variance(x: Floats, phase: int, lines: Lines, lay: Layout) -> float:
    """The least variance that follows no law: cells spread by less than nothing only as far as noise makes it so, or a
    larger size and a negative spread stand for a smaller size, and no spread is seen any more."""
    theta = bragg(x[phase], lines.middle_root, lines.wavelength_A)
    if not theta > 0.0:
        return float(x[lay.free_variance + phase])
    narrower = NARROWER * x[lay.gaussian_width + phase] * x[phase] / (2.0 * DEGREES * math.sin(theta))
    law = spread_of(x, phase, lines, lay)[0] - x[lay.free_variance + phase] * UNIT_SPREAD
    return float((-narrower * narrower - law) / UNIT_SPREAD)


@njit(nogil=True, cache=True, error_model="numpy")
def relative_intensity(correction: float) -> tuple[float, float]:
    """φ, a line's intensity over what the structure gives, and its derivative by the correction."""
    nearest = min(max(correction, -STRAIGHT_FROM), STRAIGHT_FROM)
    slope = math.exp(nearest)
    return slope * (1.0 + correction - nearest), slope


@njit(nogil=True, cache=True, error_model="numpy")
def line_intensity(x: Floats, line: int, theta: float, lines: Lines, lay: Layout) -> tuple[float, float, float, float]:
    """Area of a line, its derivative by the intensity correction, ln g, and d ln g / da."""
    phase = lines.phase[line]
    a, start = x[phase], lines.cell[phase]
    amplitude = 1.0 + (lines.slope[line] + lines.bend[line] * (a - start)) * (a - start)
    squared = amplitude * amplitude + LEAST_AMPLITUDE
    # 1 / (V sin²θ cosθ): sin θ is as 1 / a.
    cosine = math.cos(theta)
    sine_start = math.sin(theta) * a / start
    cosine_start = math.sqrt(max(1.0 - sine_start * sine_start, 1e-6))
    log_g = math.log(squared / (1.0 + LEAST_AMPLITUDE)) - math.log(a / start * cosine / cosine_start)
    by_a = lines.slope[line] + 2.0 * lines.bend[line] * (a - start)
    rise = 2.0 * amplitude * by_a / squared - (1.0 + math.tan(theta) ** 2) / a
    ratio = x[lay.ratio + phase - 1] if phase > 0 else 0.0
    exponent = x[lay.scale] + ratio + lines.log_base[line] + x[lay.vegard_intensity_fraction] * log_g
    given = math.exp(min(exponent, 600.0))
    relative, slope = relative_intensity(x[lay.intensity_correction + line])
    return given * relative, given * slope, log_g, rise


@njit(nogil=True, cache=True, error_model="numpy")
def bragg(a: float, root_n: float, wavelength_A: float) -> float:
    """θ in radians, NaN where the line does not exist."""
    sine = wavelength_A * root_n / (2.0 * a)
    if sine >= 1.0:
        return math.nan
    return math.asin(sine)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _near_part(
    x: Floats, centre: float, sigma: float, gamma: float, v: Floats, vx: Floats, vs: Floats, vg: Floats
) -> None:
    scale = 1.0 / (sigma * ROOT_TWO)
    y, norm = gamma * scale, scale / ROOT_PI
    for i in range(len(x)):
        t = (x[i] - centre) * scale
        re, im = near(t, y)
        slope = -2.0 * (t * re - y * im)
        rise = 2.0 / ROOT_PI - 2.0 * (t * im + y * re)
        v[i] = norm * re
        vx[i] = norm * scale * slope
        vs[i] = -norm * (re + slope * t - rise * y) / sigma
        vg[i] = -norm * scale * rise


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _far_part(
    x: Floats, centre: float, sigma: float, gamma: float, v: Floats, vx: Floats, vs: Floats, vg: Floats
) -> None:
    scale = 1.0 / (sigma * ROOT_TWO)
    y, norm = gamma * scale, scale / ROOT_PI
    for i in range(len(x)):
        t = (x[i] - centre) * scale
        re, im = far(t, y)
        slope = -2.0 * (t * re - y * im)
        rise = 2.0 / ROOT_PI - 2.0 * (t * im + y * re)
        v[i] = norm * re
        vx[i] = norm * scale * slope
        vs[i] = -norm * (re + slope * t - rise * y) / sigma
        vg[i] = -norm * scale * rise


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _tail_part(
    x: Floats, centre: float, sigma: float, gamma: float, v: Floats, vx: Floats, vs: Floats, vg: Floats
) -> None:
    # w = i/√π (1/z)(1 + u/2 + 3u²/4), its derivative = -i/√π u (1 + 3u/2 + 15u²/4), u = 1/z².
    scale = 1.0 / (sigma * ROOT_TWO)
    y, norm = gamma * scale, scale / ROOT_PI
    for i in range(len(x)):
        t = (x[i] - centre) * scale
        inverse = 1.0 / (t * t + y * y)
        zr, zi = t * inverse, -y * inverse
        ur, ui = zr * zr - zi * zi, 2.0 * zr * zi
        pr, pi = 0.75 * ur + 0.5, 0.75 * ui
        pr, pi = ur * pr - ui * pi + 1.0, ur * pi + ui * pr
        re = -(zr * pi + zi * pr) / ROOT_PI
        qr, qi = 3.75 * ur + 1.5, 3.75 * ui
        qr, qi = ur * qr - ui * qi + 1.0, ur * qi + ui * qr
        slope = (ur * qi + ui * qr) / ROOT_PI
        rise = -(ur * qr - ui * qi) / ROOT_PI
        v[i] = norm * re
        vx[i] = norm * scale * slope
        vs[i] = -norm * (re + slope * t - rise * y) / sigma
        vg[i] = -norm * scale * rise


@njit(nogil=True, cache=True, error_model="numpy")
def voigt(grid: Floats, centre: float, sigma: float, gamma: float, out: Floats) -> None:
    """V, dV/dx, dV/dσ and dV/dΓ over the grid into out (4, bins); unit area, Γ the Lorentzian's half width."""
    scale = sigma * ROOT_TWO
    tail = TAIL * scale if gamma < TAIL * scale else 0.0
    core = NEAR * scale if gamma < NEAR * scale else 0.0
    edges = (centre - tail, centre - core, centre + core, centre + tail)
    i0, i1 = np.searchsorted(grid, edges[0]), np.searchsorted(grid, edges[1])
    i2, i3 = np.searchsorted(grid, edges[2]), np.searchsorted(grid, edges[3])
    v, vx, vs, vg = out[0], out[1], out[2], out[3]
    _tail_part(grid[:i0], centre, sigma, gamma, v[:i0], vx[:i0], vs[:i0], vg[:i0])
    _far_part(grid[i0:i1], centre, sigma, gamma, v[i0:i1], vx[i0:i1], vs[i0:i1], vg[i0:i1])
    _near_part(grid[i1:i2], centre, sigma, gamma, v[i1:i2], vx[i1:i2], vs[i1:i2], vg[i1:i2])
    _far_part(grid[i2:i3], centre, sigma, gamma, v[i2:i3], vx[i2:i3], vs[i2:i3], vg[i2:i3])
    _tail_part(grid[i3:], centre, sigma, gamma, v[i3:], vx[i3:], vs[i3:], vg[i3:])


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_near(x: Floats, centre: float, scale: float, y: float, height: float, out: Floats) -> None:
    for i in range(len(x)):
        out[i] += height * near((x[i] - centre) * scale, y)[0]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_far(x: Floats, centre: float, scale: float, y: float, height: float, out: Floats) -> None:
    for i in range(len(x)):
        out[i] += height * far((x[i] - centre) * scale, y)[0]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_tail(x: Floats, centre: float, scale: float, y: float, height: float, out: Floats) -> None:
    for i in range(len(x)):
        t = (x[i] - centre) * scale
        inverse = 1.0 / (t * t + y * y)
        zr, zi = t * inverse, -y * inverse
        ur, ui = zr * zr - zi * zi, 2.0 * zr * zi
        pr, pi = 0.75 * ur + 0.5, 0.75 * ui
        pr, pi = ur * pr - ui * pi + 1.0, ur * pi + ui * pr
        out[i] -= height / ROOT_PI * (zr * pi + zi * pr)


@njit(nogil=True, cache=True, error_model="numpy")
def add_voigt(grid: Floats, centre: float, sigma: float, gamma: float, area: float, out: Floats) -> None:
    """Adds a Voigt line of this area to out (bins,); the same parts as in ``voigt``."""
    scale = 1.0 / (sigma * ROOT_TWO)
    y, height = gamma * scale, area * scale / ROOT_PI
    tail = TAIL / scale if y < TAIL else 0.0
    core = NEAR / scale if y < NEAR else 0.0
    i0, i1 = np.searchsorted(grid, centre - tail), np.searchsorted(grid, centre - core)
    i2, i3 = np.searchsorted(grid, centre + core), np.searchsorted(grid, centre + tail)
    _add_tail(grid[:i0], centre, scale, y, height, out[:i0])
    _add_far(grid[i0:i1], centre, scale, y, height, out[i0:i1])
    _add_near(grid[i1:i2], centre, scale, y, height, out[i1:i2])
    _add_far(grid[i2:i3], centre, scale, y, height, out[i2:i3])
    _add_tail(grid[i3:], centre, scale, y, height, out[i3:])


@njit(nogil=True, cache=True, error_model="numpy")
def draw_pattern(x: Floats, grid: Floats, basis: Floats, lines: Lines, lay: Layout, y: Floats) -> None:
    """The model alone: y (bins,)."""
    y[:] = 0.0
    for line in range(lay.lines):
        phase = lines.phase[line]
        theta = bragg(x[phase], lines.root_n[line], lines.wavelength_A)
        if theta > 0.0:
            area, _, _, _ = line_intensity(x, line, theta, lines, lay)
            scaled = x[lay.gaussian_width + phase] / math.cos(theta)
            lever = 2.0 * DEGREES * math.tan(theta) / x[phase]
            cells = spread_of(x, phase, lines, lay)[0] + x[lay.split + phase] * lines.split[line] * UNIT_SPREAD
            sigma = math.sqrt(max(scaled * scaled + cells * lever * lever, LEAST_WIDTH * scaled * scaled))
            add_voigt(grid, 2.0 * DEGREES * theta, sigma, shape_of(x, phase, lay) * scaled, area, y)
    for term in range(lay.ratio - lay.background):
        _add(x[lay.background + term], basis[term], y)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _scaled(factor: float, a: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] = factor * a[i]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add(factor: float, a: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += factor * a[i]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _add_two(f: float, a: Floats, g: float, b: Floats, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += f * a[i] + g * b[i]


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def calculate(x: Floats, grid: Floats, basis: Floats, lines: Lines, lay: Layout, y: Floats, J: Floats) -> None:
    """Model and Jacobian: y (bins,), J (parameters, bins). basis: (terms, bins), Chebyshev terms and extra rows."""
    bins = len(grid)
    J[:, :] = 0.0
    y[:] = 0.0
    work = np.empty((4, bins))
    for line in range(lay.lines):
        phase = lines.phase[line]
        a = x[phase]
        theta = bragg(a, lines.root_n[line], lines.wavelength_A)
        if not theta > 0.0:
            continue
        area, by_correction, log_g, rise = line_intensity(x, line, theta, lines, lay)
        tangent = math.tan(theta)
        # θ moves with a by -tan θ / a; the widths move with θ.
        theta_a = -tangent / a
        scaled = x[lay.gaussian_width + phase] / math.cos(theta)
        lever = 2.0 * DEGREES * tangent / a
        lever_a = 2.0 * DEGREES * theta_a / (math.cos(theta) ** 2 * a) - lever / a
        cells = spread_of(x, phase, lines, lay)[0] + x[lay.split + phase] * lines.split[line] * UNIT_SPREAD
        sigma = math.sqrt(max(scaled * scaled + cells * lever * lever, LEAST_WIDTH * scaled * scaled))
        gamma = shape_of(x, phase, lay) * scaled
        voigt(grid, 2.0 * DEGREES * theta, sigma, gamma, work)
        free = sigma * sigma > LEAST_WIDTH * scaled * scaled * (1.0 + 1e-12)
        half = 0.5 * lever * lever / sigma if free else 0.0
        by_scaled = (1.0 if free else LEAST_WIDTH) * scaled / sigma
        sigma_a = by_scaled * scaled * tangent * theta_a + (cells * lever * lever_a / sigma if free else 0.0)
        sigma_size = by_scaled * scaled / x[lay.gaussian_width + phase]
        gamma_size = gamma / x[lay.gaussian_width + phase]
        c_v = area * x[lay.vegard_intensity_fraction] * rise
        c_x = -area * 2.0 * DEGREES * theta_a
        c_s, c_g = area * sigma_a, area * gamma * tangent * theta_a
        v, vx, vs, vg = work[0], work[1], work[2], work[3]
        _scaled(by_correction, v, J[lay.intensity_correction + line])
        _add_two(c_v, v, c_x, vx, J[phase])
        _add_two(c_s, vs, c_g, vg, J[phase])
        _add_two(area * sigma_size, vs, area * gamma_size, vg, J[lay.gaussian_width + phase])
        _add(area * scaled, vg, J[lay.shape] if phase == 0 else J[lay.shape_difference + phase - 1])
        _add(area * half * UNIT_SPREAD, vs, J[lay.free_variance + phase])
        if lines.split[line] > 0.0:
            _add(area * half * UNIT_SPREAD * lines.split[line], vs, J[lay.split + phase])
        _add(area * log_g, v, J[lay.vegard_intensity_fraction])
        _add(area, v, J[lay.scale] if phase == 0 else J[lay.ratio + phase - 1])
    _finish(x, basis, lines, lay, y, J)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _finish(x: Floats, basis: Floats, lines: Lines, lay: Layout, y: Floats, J: Floats) -> None:
    """What the lines of a component or of all of them have in common, the background and the sum."""
    for phase in range(lay.components):
        _, by_c, by_k, by_d = spread_of(x, phase, lines, lay)
        by_variance = J[lay.free_variance + phase]
        _add(by_c / UNIT_SPREAD, by_variance, J[lay.cell_variance + phase])
        if lay.components == 2:
            _add(by_k / UNIT_SPREAD, by_variance, J[lay.cell_variance_growth + phase])
            _add(-by_d / UNIT_SPREAD, by_variance, J[0])
            _add(by_d / UNIT_SPREAD, by_variance, J[1])
    scale = J[lay.scale]
    for phase in range(1, lay.components):
        scale += J[lay.ratio + phase - 1]
        J[lay.shape] += J[lay.shape_difference + phase - 1]
    y += scale
    for term in range(lay.ratio - lay.background):
        J[lay.background + term] = basis[term]
        y += x[lay.background + term] * basis[term]


def lines_in(x: Floats, J: Floats, lay: Layout) -> Floats:
    """Each line by itself, (lines, bins), from the Jacobian at these parameters."""
    corrections = slice(lay.intensity_correction, lay.gaussian_width)
    factors = [value / slope for value, slope in (relative_intensity(one) for one in x[corrections])]
    return np.asarray(J[corrections] * np.array(factors)[:, np.newaxis])
