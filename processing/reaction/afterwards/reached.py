"""When a share of the change was reached, with esd, on the decays of a run."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from latticewatch.processing.reaction.afterwards.decays import BEGIN, BETA, CLOSE, END, FIRST, LN_K, Array, Decay

NAN = float("nan")
# Half width of a 90 % interval in esds.
NINETY = 1.645
SHARES = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Reached:
    """A share of the total change (0 to 1) was done at at_s, seconds from the first frame, ± esd_s."""

    share: float
    at_s: float = NAN
    esd_s: float = NAN

    @property
    def interval_s(self) -> tuple[float, float]:
        """90 % interval."""
        return self.at_s - NINETY * self.esd_s, self.at_s + NINETY * self.esd_s


def reached(share: float, decays: Sequence[Decay]) -> Reached:
    """When this share of the change from the first decay's beginning to the last one's end was done."""
    return Reached(share, *_propagated(decays, lambda values: _time_of(share, values)))


def half_time(decays: Sequence[Decay]) -> tuple[float, float]:
    """From the beginning of the first decay until half the change was done, in s, with its esd."""
    return _propagated(decays, lambda values: _time_of(0.5, values) - float(values[0][BEGIN]))


def _time_of(share: float, decays: Array) -> float:
    """decays: values (stretches, 6). The first stretch that gets so far, or the last one, if it goes on; else NaN."""
    end = float(decays[-1][END])
    level = end + (1.0 - share) * (float(decays[0][FIRST]) - end)
    at = NAN
    for values in decays:
        at = _crossing(level, values)
        if at <= values[CLOSE]:
            return max(at, float(values[BEGIN]))
    return NAN


def _crossing(level: float, values: Array) -> float:
    if math.isinf(values[END]):  # a power law ends nowhere
        return NAN
    away = level - values[END]
    ratio = (values[FIRST] - values[END]) / away if away else NAN
    if not ratio > 0.0:
        return NAN
    depth = math.log(ratio)
    passed = math.copysign(abs(depth) ** (1.0 / values[BETA]), depth) / math.exp(values[LN_K])
    return float(values[BEGIN] + passed)


def _propagated(decays: Sequence[Decay], of: Callable[[Array], float]) -> tuple[float, float]:
    """``of`` the decays' values, and its esd; the stretches' errors are independent.

    From points √3 esds along the principal axes, those of Gauss and Hermite: a time that lies before a pause or after
    it is as uncertain as the pause is long.
    """
    if not decays:
        return NAN, NAN
    values = np.array([decay.values for decay in decays])
    value, variance = of(values), 0.0
    for number, decay in enumerate(decays):
        sizes, axes = np.linalg.eigh(decay.covariance)
        for size, axis in zip(sizes, axes.T, strict=True):
            away = np.zeros_like(values)
            away[number] = math.sqrt(3.0 * max(float(size), 0.0)) * axis
            variance += ((of(values + away) - of(values - away)) ** 2 / 12.0) if size > 0.0 else 0.0
    return value, math.sqrt(variance)
