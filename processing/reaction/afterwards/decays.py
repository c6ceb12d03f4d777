"""One stretch of motion and the rests on either side of it, fitted to all their frames at once."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from latticewatch.processing.reaction.afterwards.correlated_errors import CorrelatedErrors, correlated_errors, whitened

Array = NDArray[np.float64]
NAN = float("nan")
FIRST, LN_K, END, BEGIN, CLOSE, BETA = range(6)
LEAST_FRAMES = 5
LEAST_SPARE = 4
# Difference in BIC from which another law than the exponential is said: "very strong" (Kass and Raftery 1995).
EVIDENCE = 10.0
# An Avrami exponent is at most 4 (constant nucleation, growth in three dimensions). Where the fits of one begin.
STEEPEST, BENT = 4.5, 2.5
# An exponent this near to 1 is what small errors of the fits make of an exponential; no chemistry is read into it.
PLAIN = 0.03


@dataclass(frozen=True, slots=True)
class Span:
    """Where a motion is looked for: from begin_s to close_s (infinite: it does not come to rest), in s.

    begin_free, close_free: there are frames at rest outside, so that this limit is fitted. free_end: the level it
    tends to is not known to be zero. is_amount: it is a share, which may also follow a power law.
    """

    begin_s: float
    close_s: float = math.inf
    begin_free: bool = False
    close_free: bool = False
    free_end: bool = False
    is_amount: bool = False

    @property
    def free(self) -> list[int]:
        """The parameters that are fitted, the exponent apart."""
        chosen = [(END, self.free_end), (BEGIN, self.begin_free), (CLOSE, self.close_free)]
        return [FIRST, LN_K, *(index for index, yes in chosen if yes)]


@dataclass(frozen=True, slots=True)
class Decay:
    """y = end + (first - end) exp(-(k s)^beta); s: seconds after begin, not beyond close: at rest before and after.

    With an exponent beta over 1 this is the law of Avrami (1939). A power law, y = first ± (k s)^beta, has an infinite
    end.

    values (6,): first, ln k, end, begin, close, beta. free: which were fitted; covariance (6, 6) is zero elsewhere.
    """

    values: Array
    covariance: Array
    free: tuple[int, ...]

    def limit(self, which: int) -> tuple[float, float]:
        """BEGIN or CLOSE in s, with its esd; NaN where it was not fitted."""
        known = which in self.free
        return (float(self.values[which]), math.sqrt(self.covariance[which, which])) if known else (NAN, NAN)

    @property
    def model(self) -> str:
        """The law in words."""
        if BETA in self.free:
            exponent = float(self.values[BETA])
            esd = math.sqrt(self.covariance[BETA, BETA])
            if math.isinf(self.values[END]):
                return f"power law, exponent {exponent:.2f} ± {esd:.2f}"
            return "stretched exponential" if exponent < 1.0 else f"Avrami, n = {exponent:.2f} ± {esd:.2f}"
        return "exponential to a level" if END in self.free and math.isfinite(self.values[CLOSE]) else "exponential"

    @property
    def rate(self) -> tuple[float, float]:
        """Rate constant in 1/s and its esd."""
        k = math.exp(self.values[LN_K])
        return k, k * math.sqrt(self.covariance[LN_K, LN_K])


def decay_at(values: Array, times_s: Array) -> Array:
    """y (n,) of the decay with these values (6,) at these times."""
    first, ln_k, end, begin, close, beta = values
    passed = np.clip(times_s, begin, max(close, begin)) - begin
    if math.isinf(end):
        return np.asarray(first + math.copysign(1.0, end) * (math.exp(ln_k) * passed) ** beta, dtype=np.float64)
    return np.asarray(end + (first - end) * np.exp(-((math.exp(ln_k) * passed) ** beta)), dtype=np.float64)


def fit_decay(span: Span, times_s: Array, y: Array, esd: Array) -> Decay | None:
    """The decay through these points (n,); another law than the exponential only where the evidence is strong.

    Other laws: a stretched exponential, or that of Avrami; of an amount a power law; before a rest, an exponential that
    tends to a level of its own. None: too few points, or no decay.
    """
    if len(y) < LEAST_FRAMES + len(span.free) - 2 or y[0] == y[-1] or not span.begin_s < min(span.close_s, times_s[-1]):
        return None
    rough = _solved(span.free, _guess(span, times_s, y), times_s, y, esd, None)
    if rough is None:
        return None
    common = correlated_errors(np.abs(decay_at(rough[0].values, times_s) - rough[0].values[END]), esd)
    plain = _solved(span.free, rough[0].values, times_s, y, esd, common) or rough
    others = [BETA] if span.free_end or not span.close_free else [BETA, END]
    begun = plain[0].values.copy()
    begun[[BEGIN, CLOSE]] = span.begin_s, span.close_s
    bent = [_solved([*span.free, other], begun, times_s, y, esd, common) for other in others]
    if span.free_end:
        steep = begun.copy()
        steep[BETA] = BENT
        bent.append(_solved([*span.free, BETA], steep, times_s, y, esd, common))
    if span.is_amount and span.free_end:
        bent.append(_power(span, begun, times_s, y, esd, common))
    told = [
        (decay, chi2)
        for decay, chi2 in filter(None, bent)
        if len(y) - len(decay.free) >= LEAST_SPARE
        and (BETA not in decay.free or abs(decay.values[BETA] - 1.0) >= PLAIN)
        and plain[1] - chi2 - math.log(len(y)) * (len(decay.free) - len(plain[0].free)) >= EVIDENCE
    ]
    return min(told, key=lambda other: other[1])[0] if told else plain[0]


def _power(
    span: Span, begun: Array, times_s: Array, y: Array, esd: Array, common: CorrelatedErrors | None
) -> tuple[Decay, float] | None:
    """The power law through these points; it has no end."""
    first, length = begun.copy(), max(min(span.close_s, float(times_s[-1])) - span.begin_s, 1e-9)
    change = float(y[-1] - y[0])
    first[END], first[BETA] = math.copysign(math.inf, change), 0.5
    first[LN_K] = math.log(max(change**2, 1e-12) / length)  # (k s)^.5 is the change at the last frame
    free = [index for index in span.free if index != END]
    return _solved([*free, BETA], first, times_s, y, esd, common)


def _guess(span: Span, times_s: Array, y: Array) -> Array:
    """Where the fit begins."""
    moving = (times_s >= span.begin_s) & (times_s <= span.close_s)
    t, z = (times_s[moving], y[moving]) if moving.sum() > 1 else (times_s, y)
    half = (z[0] + z[-1]) / 2.0 if span.free_end else z[0] / 2.0
    passed = np.flatnonzero(np.sign(z - half) != np.sign(z[0] - half))
    length = max(float(t[-1] - t[0]), 1e-9)
    if len(passed):
        ln_k = math.log(0.7 / max(float(t[passed[0]] - span.begin_s), length / len(t)))
    else:
        ln_k = (
            math.log(max(math.log(max(z[0] / z[-1], 1.0)), 0.05) / length)
            if z[-1] and not span.free_end
            else math.log(0.35 / length)
        )
    first = (
        float(np.median(y[times_s < span.begin_s]))
        if span.begin_free and (times_s < span.begin_s).any()
        else float(z[0])
    )
    return np.array([first, min(max(ln_k, -20.0), 9.0), float(z[-1]) * span.free_end, span.begin_s, span.close_s, 1.0])


def _solved(
    free: list[int], first: Array, times_s: Array, y: Array, esd: Array, common: CorrelatedErrors | None
) -> tuple[Decay, float] | None:
    """The decay with these parameters free, and its chi²."""

    def residuals(p: Array) -> Array:
        values = first.copy()
        values[free] = p
        r = (decay_at(values, times_s) - y) / esd
        return r if common is None else whitened(common, r)

    scale = np.array(
        [abs(first[FIRST]) or 1.0, 1.0, abs(first[FIRST]) or 1.0, *[(times_s[-1] - times_s[0]) / len(times_s)] * 2, 1.0]
    )
    # What was called a limit of the motion is not moved beyond half of what lies beside it.
    begin, close = float(first[BEGIN]), float(first[CLOSE])
    middle = (begin + min(close, float(times_s[-1]))) / 2.0
    earliest, latest = min(float(times_s[0]), begin) - 1e-9, max(float(times_s[-1]), close) + 1e-9
    low = np.array([-np.inf, -25.0, -np.inf, earliest, min(middle, close) - 1e-9, 0.2])
    high = np.array([np.inf, 10.0, np.inf, max(middle, begin) + 1e-9, latest, STEEPEST])
    first = np.clip(first, low, high)
    found = least_squares(
        residuals, first[free], bounds=(low[free], high[free]), x_scale=scale[free], loss="soft_l1", f_scale=3.0
    )
    chi2 = 2.0 * float(found.cost)
    # An esd that the scatter belies is no esd: scale it up, never down.
    excess = max(1.0, chi2 / max(len(y) - len(free), 1))
    jacobian = np.asarray(found.jac, dtype=np.float64)
    covariance = np.zeros((len(first), len(first)))
    covariance[np.ix_(free, free)] = np.linalg.pinv(jacobian.T @ jacobian) * excess
    if not np.isfinite(covariance).all() or covariance[LN_K, LN_K] > 1.0:
        return None
    values = first.copy()
    values[free] = found.x
    return Decay(values, covariance, tuple(free)), chi2
