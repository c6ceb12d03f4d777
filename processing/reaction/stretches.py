"""Rate constants of one stretch, fitted to all its frames at once."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Array = NDArray[np.float64]
LEAST_FRAMES = 5
# Difference in BIC from which a stretched exponential is said: "very strong" (Kass and Raftery 1995).
EVIDENCE = 10.0
# An exponent this near to 1 is what small errors of the fits make of an exponential; no chemistry is read into it.
PLAIN = 0.03


@dataclass(frozen=True, slots=True)
class Decay:
    """y = end + (first - end) exp(-(k s)^beta), s seconds after start_s; covariance (p, p) of ``values``.

    values: first, ln k, then end where it was not known, then beta where the data ask for it.
    """

    start_s: float
    values: Array
    covariance: Array
    free_end: bool
    stretched: bool

    @property
    def rate(self) -> tuple[float, float]:
        """Rate constant in 1/s and its esd."""
        k = math.exp(self.values[1])
        return k, k * math.sqrt(self.covariance[1, 1])


def decay_at(decay: Decay, times_s: Array) -> Array:
    """y (n,) of this decay at these times."""
    return _shape(decay.values, times_s - decay.start_s, decay.free_end, decay.stretched)


def fit_decay(start_s: float, times_s: Array, y: Array, esd: Array, free_end: bool) -> Decay | None:
    """The decay through these points (n,); stretched only where the evidence is strong. None: too few, or no decay.

    free_end: the level it ends at is not known to be zero.
    """
    if len(y) < LEAST_FRAMES + free_end or y[0] == y[-1]:
        return None
    plain = _solved(start_s, times_s, y, esd, free_end, stretched=False)
    if plain is None or len(y) < 4 * LEAST_FRAMES:
        return plain[0] if plain else None
    bent = _solved(start_s, times_s, y, esd, free_end, stretched=True)
    if bent is None or plain[1] - bent[1] - math.log(len(y)) < EVIDENCE or abs(bent[0].values[-1] - 1.0) < PLAIN:
        return plain[0]
    return bent[0]


def _solved(
    start_s: float, times_s: Array, y: Array, esd: Array, free_end: bool, stretched: bool
) -> tuple[Decay, float] | None:
    s = times_s - start_s
    span = max(float(s[-1] - s[0]), 1e-9)
    half = (y[0] + y[-1]) / 2.0 if free_end else y[0] / 2.0
    passed = np.flatnonzero(np.sign(y - half) != np.sign(y[0] - half))
    guess = max(float(s[passed[0]]), span / len(s)) if len(passed) else 2.0 * span
    first = [float(y[0]), min(max(math.log(0.7 / guess), -20.0), 9.0)] + [float(y[-1])] * free_end + [1.0] * stretched
    low = [-np.inf, -25.0] + [-np.inf] * free_end + [0.2] * stretched
    high = [np.inf, 10.0] + [np.inf] * free_end + [3.0] * stretched

    def residuals(p: Array) -> Array:
        return (_shape(p, s, free_end, stretched) - y) / esd

    found = least_squares(residuals, first, bounds=(low, high), loss="soft_l1", f_scale=3.0)
    degrees = len(y) - len(first)
    chi2 = 2.0 * float(found.cost)
    # An esd that the scatter belies is no esd: scale it up, never down.
    jacobian = np.asarray(found.jac, dtype=np.float64)
    scale = max(1.0, chi2 / max(degrees, 1))
    covariance = np.asarray(np.linalg.pinv(jacobian.T @ jacobian) * scale, dtype=np.float64)
    if not np.isfinite(covariance).all() or math.sqrt(covariance[1, 1]) > 1.0:
        return None
    return Decay(start_s, np.asarray(found.x, dtype=np.float64), covariance, free_end, stretched), chi2


def _shape(p: Array, s: Array, free_end: bool, stretched: bool) -> Array:
    end = p[2] if free_end else 0.0
    beta = p[-1] if stretched else 1.0
    passed = np.exp(p[1]) * np.maximum(s, 0.0)
    return np.asarray(end + (p[0] - end) * np.exp(-(passed**beta)), dtype=np.float64)
