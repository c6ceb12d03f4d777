"""The Faddeeva function w(z), fast: the Voigt profile and all its derivatives come from it.

Near the axis: J. A. C. Weideman, SIAM J. Numer. Anal. 31 (1994) 1497, eq. 38; far from it: the asymptotic
series, Abramowitz & Stegun 7.1.23. The relative error of w is below 1e-7 for Im z >= 0.
"""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit

TERMS = 22
NEAR = 6.0
LENGTH = math.sqrt(TERMS / math.sqrt(2.0))
ROOT_PI = math.sqrt(math.pi)


def _weideman_coefficients(terms: int) -> NDArray[np.float64]:
    """Coefficients of the polynomial in (L + iz)/(L - iz), highest power first."""
    half = 2 * terms
    angle = np.arange(-half + 1, half) * math.pi / half
    t = LENGTH * np.tan(angle / 2.0)
    values = np.concatenate([[0.0], np.exp(-(t**2)) * (LENGTH**2 + t**2)])
    spectrum = np.real(np.fft.fft(np.fft.fftshift(values))) / (2 * half)
    return np.ascontiguousarray(spectrum[1 : terms + 1][::-1])


COEFFICIENTS = _weideman_coefficients(TERMS)
(C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17, C18, C19, C20, C21) = (
    float(value) for value in COEFFICIENTS
)


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy", inline="always")
def near(x: float, y: float) -> tuple[float, float]:
    """Real and imaginary part of w(x + iy) for \\|x\\| below NEAR, y >= 0."""
    # Z = (L + iz)/(L - iz) with iz = -y + ix
    top, bottom = LENGTH - y, LENGTH + y
    scale = 1.0 / (bottom * bottom + x * x)
    zr = (top * bottom - x * x) * scale
    zi = x * (bottom + top) * scale
    # Real coefficients: two real recurrences (Knuth) instead of complex products.
    r, s = 2.0 * zr, zr * zr + zi * zi
    # Written out: a loop here would keep the compiler from doing several points at once.
    a, b = C0, C1
    a, b = b + r * a, C2 - s * a
    a, b = b + r * a, C3 - s * a
    a, b = b + r * a, C4 - s * a
    a, b = b + r * a, C5 - s * a
    a, b = b + r * a, C6 - s * a
    a, b = b + r * a, C7 - s * a
    a, b = b + r * a, C8 - s * a
    a, b = b + r * a, C9 - s * a
    a, b = b + r * a, C10 - s * a
    a, b = b + r * a, C11 - s * a
    a, b = b + r * a, C12 - s * a
    a, b = b + r * a, C13 - s * a
    a, b = b + r * a, C14 - s * a
    a, b = b + r * a, C15 - s * a
    a, b = b + r * a, C16 - s * a
    a, b = b + r * a, C17 - s * a
    a, b = b + r * a, C18 - s * a
    a, b = b + r * a, C19 - s * a
    a, b = b + r * a, C20 - s * a
    a, b = b + r * a, C21 - s * a
    pr, pi = a * zr + b, a * zi
    # w = 2 p / (L - iz)^2 + (1 / sqrt(pi)) / (L - iz), and 1 / (L - iz) = (bottom + ix) * scale
    ir, ii = bottom * scale, x * scale
    qr, qi = ir * ir - ii * ii, 2.0 * ir * ii
    return 2.0 * (pr * qr - pi * qi) + ir / ROOT_PI, 2.0 * (pr * qi + pi * qr) + ii / ROOT_PI


@njit(nogil=True, cache=True, fastmath=True, error_model="numpy", inline="always")
def far(x: float, y: float) -> tuple[float, float]:
    """Real and imaginary part of w(x + iy) where \\|x\\| or y is at least NEAR."""
    scale = 1.0 / (x * x + y * y)
    ir, ii = x * scale, -y * scale
    tr, ti = ir * ir - ii * ii, 2.0 * ir * ii
    # sum of (2n - 1)!! / (2 z^2)^n by Horner
    ar, ai = 7.5 * tr + 1.0, 7.5 * ti
    ar, ai = 6.5 * (tr * ar - ti * ai) + 1.0, 6.5 * (tr * ai + ti * ar)
    ar, ai = 5.5 * (tr * ar - ti * ai) + 1.0, 5.5 * (tr * ai + ti * ar)
    ar, ai = 4.5 * (tr * ar - ti * ai) + 1.0, 4.5 * (tr * ai + ti * ar)
    ar, ai = 3.5 * (tr * ar - ti * ai) + 1.0, 3.5 * (tr * ai + ti * ar)
    ar, ai = 2.5 * (tr * ar - ti * ai) + 1.0, 2.5 * (tr * ai + ti * ar)
    ar, ai = 1.5 * (tr * ar - ti * ai) + 1.0, 1.5 * (tr * ai + ti * ar)
    ar, ai = 0.5 * (tr * ar - ti * ai) + 1.0, 0.5 * (tr * ai + ti * ar)
    # times i / (sqrt(pi) z)
    return -(ir * ai + ii * ar) / ROOT_PI, (ir * ar - ii * ai) / ROOT_PI


@njit(nogil=True, cache=True, error_model="numpy")
def faddeeva(x: float, y: float) -> tuple[float, float]:
    """Real and imaginary part of w(x + iy), y >= 0."""
    if abs(x) < NEAR and y < NEAR:
        return near(x, y)
    return far(x, y)
