"""Voigt lines fitted one by one in a window: position, width and area, each with its esd."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import voigt_profile

Floats = NDArray[np.float64]
MOST_EVALUATIONS = 200
# Lorentzian half width over Gaussian σ.
SHAPE = 0.6


@dataclass(frozen=True, slots=True)
class Line:
    """One line: two_theta_deg with its esd, fwhm_deg, area (intensity times degrees) with its esd."""

    two_theta_deg: float
    esd_deg: float
    fwhm_deg: float
    area: float
    area_esd: float


@dataclass(frozen=True, slots=True)
class LineFit:
    """Lines on a straight background. two_theta, calculated: (bins,) of the window; esds are scaled by √χ²."""

    lines: tuple[Line, ...]
    two_theta: Floats
    calculated: Floats
    background: Floats
    rwp_percent: float
    chi2_reduced: float


def fit_lines(x: Floats, y: Floats, sigma: Floats, centres_deg: list[float], fwhm_deg: float) -> LineFit | None:
    """Voigt lines near these centres on a straight background; None where it fails.

    Several lines share one width, and their shape is that of a middling size broadening: a window knows no more.
    x, y, sigma: (bins,) of one window, without NaN. fwhm_deg: start value.
    """
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(sigma) & (sigma > 0.0)
    x, y, sigma = x[known], y[known], sigma[known]
    count = len(centres_deg)
    if len(x) < 2 * count + 8:
        return None
    level = float(np.quantile(y, 0.1))
    height = max(float(y.max()) - level, float(sigma.mean()))
    reach = max(fwhm_deg, (x[-1] - x[0]) / 4.0)
    least = 0.2 * (x[-1] - x[0]) / (len(x) - 1)
    shape = (0.0, 5.0) if count == 1 else (0.999 * SHAPE, 1.001 * SHAPE)
    start = [*centres_deg, *[height * fwhm_deg] * count, max(fwhm_deg / 3.0, 1.1 * least), SHAPE, level, 0.0]
    low = [*(c - reach for c in centres_deg), *[0.0] * count, least, shape[0], -np.inf, -np.inf]
    high = [*(c + reach for c in centres_deg), *[np.inf] * count, x[-1] - x[0], shape[1], np.inf, np.inf]
    middle = float(x.mean())
    scale = np.maximum(np.abs(start), 1e-6)

    def residual(p: Floats) -> Floats:
        return (_curve(p, x, middle, count) - y) / sigma

    try:
        found = least_squares(
            residual,
            start,
            bounds=(low, high),
            x_scale=scale,
            max_nfev=MOST_EVALUATIONS,
        )
    except ValueError:
        return None
    return _fit(found.x, np.asarray(found.jac), x, y, sigma, count) if found.success else None


def _curve(p: Floats, x: Floats, middle: float, count: int) -> Floats:
    total = _straight(p, x, middle)
    for k in range(count):
        total = total + p[count + k] * voigt_profile(x - p[k], p[2 * count], p[2 * count + 1] * p[2 * count])
    return total


def _straight(p: Floats, x: Floats, middle: float) -> Floats:
    return np.asarray(p[-2] + p[-1] * (x - middle))


def _fit(p: Floats, jacobian: Floats, x: Floats, y: Floats, sigma: Floats, count: int) -> LineFit:
    middle = float(x.mean())
    calculated = _curve(p, x, middle, count)
    rest = (y - calculated) / sigma
    chi2 = float(rest @ rest) / max(len(x) - len(p), 1)
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0.0] = 1.0
    if count > 1:
        jacobian = np.delete(jacobian, 2 * count + 1, axis=1)
        scale = np.delete(scale, 2 * count + 1)
    covariance = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale), hermitian=True) / np.outer(scale, scale)
    esd = np.sqrt(np.maximum(np.diag(covariance), 0.0) * max(chi2, 1.0))
    width = _full_width(float(p[2 * count]), float(p[2 * count + 1] * p[2 * count]))
    lines = tuple(
        Line(float(p[k]), float(esd[k]), width, float(p[count + k]), float(esd[count + k])) for k in range(count)
    )
    rwp = 100.0 * math.sqrt(float(rest @ rest) / max(float(np.sum(np.square(y / sigma))), 1e-300))
    return LineFit(lines, x, calculated, _straight(p, x, middle), rwp, chi2)


def _full_width(sigma: float, gamma: float) -> float:
    """FWHM of a Voigt function (J. J. Olivero and R. L. Longbothum, JQSRT 17, 233 (1977)); gamma: half width."""
    return 1.0692 * gamma + math.sqrt(0.8664 * gamma**2 + (2.354820 * sigma) ** 2)
