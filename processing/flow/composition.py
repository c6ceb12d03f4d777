"""Composition of a mixed halide from its lattice parameter."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class CompositionScale:
    """Vegard's rule between two cells: a(x) = first + x (second - first) + bowing x (1 - x), in Å.

    first_esd_A, second_esd_A: how well the two cells are known.
    """

    first_A: float
    second_A: float
    bowing_A: float = 0.0
    first_esd_A: float = 0.0
    second_esd_A: float = 0.0


def fraction_of(scale: CompositionScale, lp_A: float, lp_esd_A: float) -> tuple[float, float]:
    """Fraction x of the second end point at this lattice parameter, with its esd: of the fit and of both end points.

    Not clipped: a value outside 0 to 1 says that the scale does not hold. NaN where no real x solves a(x) = lp_A.

    >>> halides = CompositionScale(first_A=5.842, second_A=6.205)
    >>> fraction, esd = fraction_of(halides, lp_A=5.867, lp_esd_A=0.0002)
    >>> f"{fraction:.4f} ± {esd:.4f}"
    '0.0689 ± 0.0006'
    """
    slope = scale.second_A - scale.first_A + scale.bowing_A
    discriminant = slope**2 - 4.0 * scale.bowing_A * (lp_A - scale.first_A)
    if not discriminant > 0.0:
        return float("nan"), float("nan")
    root = float(np.copysign(np.sqrt(discriminant), slope))
    # This form of the quadratic's root stays exact as the bowing goes to 0.
    fraction = 2.0 * (lp_A - scale.first_A) / (slope + root)
    esd = math.hypot(lp_esd_A, (1.0 - fraction) * scale.first_esd_A, fraction * scale.second_esd_A)
    return fraction, esd / abs(root)


def cell_of(scale: CompositionScale, fraction: float) -> float:
    """Cell edge in Å of this fraction of the second end point; also outside 0 to 1.

    >>> round(cell_of(CompositionScale(first_A=5.842, second_A=6.205), 0.5), 4)
    6.0235
    """
    ends = scale.first_A + fraction * (scale.second_A - scale.first_A)
    return ends + scale.bowing_A * fraction * (1.0 - fraction)


def fraction_text(fraction: float, text: str) -> str:
    """The text of a fraction on a scale; in brackets outside 0 to 1, where the scale means nothing."""
    return text if -1e-9 <= fraction <= 1.0 + 1e-9 else f"({text})"
