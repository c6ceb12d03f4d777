"""Pseudo-Voigt lines of unit area and their derivatives.

p(x) = η L(x) + (1 - η) G(x), with a Lorentzian and a Gaussian of one full width at half maximum w (G. K. Wertheim et
al., Rev. Sci. Instrum. 45, 1369 (1974)); u = (x - x₀) / w:

    G = 2 √(ln 2 / π) exp(-4 ln 2 u²) / w          L = 2 / (π w (1 + 4 u²))
"""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FOUR_LN2 = 4.0 * math.log(2.0)
GAUSS, LORENTZ = 2.0 * math.sqrt(math.log(2.0) / math.pi), 2.0 / math.pi


def profile(x: Floats, place: Floats, width: Floats, shape: Floats) -> Floats:
    """(lines, bins) at x (bins,); place, width in the unit of x and shape (0 to 1) are (lines, 1)."""
    square = ((x - place) / width) ** 2
    gauss, lorentz = GAUSS * np.exp(-FOUR_LN2 * square), LORENTZ / (1.0 + 4.0 * square)
    return np.asarray((shape * lorentz + (1.0 - shape) * gauss) / width)


def with_derivatives(x: Floats, place: Floats, width: Floats, shape: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The profile, and what it changes by with place, width and shape, each (lines, bins)."""
    u = (x - place) / width
    square = u * u
    fall = 1.0 / (1.0 + 4.0 * square)
    gauss, lorentz = GAUSS / width * np.exp(-FOUR_LN2 * square), LORENTZ / width * fall
    of_gauss, of_lorentz = (1.0 - shape) * gauss, shape * lorentz
    # Of G and of L: d ln p / d x₀ · w / u.
    steep_gauss, steep_lorentz = 2.0 * FOUR_LN2, 8.0 * fall
    steep = of_gauss * steep_gauss + of_lorentz * steep_lorentz
    value = of_gauss + of_lorentz
    return value, steep * u / width, (steep * square - value) / width, lorentz - gauss
