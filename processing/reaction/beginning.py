"""Levels of the lattices at the mixing, after the fact."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.reaction.observed import Observed
from latticewatch.processing.reaction.stretches import LEAST_FRAMES, Decay, fit_decay

NAN = float("nan")
# The first frames alone tell the level they came from: no law holds for ever.
EARLY = 12


@dataclass(frozen=True, slots=True)
class Beginning:
    """At the mixing: the watched lattice parameter and the coordinate that is judged, with their esds, in Å."""

    lp_A: float
    lp_esd_A: float
    coordinate_A: float
    coordinate_esd_A: float


def begun_at(seen: Observed, mixing: float, until_s: float) -> Beginning:
    """At rest before the mixing, or followed back to it from the first frames before until_s."""
    before = seen.times_s < mixing
    z = seen.lp_A if seen.single else seen.distance_A
    if (before & np.isfinite(z)).any():
        known = before & np.isfinite(z)
        spread = seen.lp_esd_A if seen.single else seen.distance_esd_A
        esd = float(np.median(spread[known])) / math.sqrt(int(known.sum()))
        return Beginning(*mean_of(seen, before), float(np.median(z[known])), esd)
    after = np.flatnonzero((seen.times_s >= mixing) & (seen.times_s <= until_s) & np.isfinite(z))[:EARLY]
    last = float(seen.times_s[after[-1]]) if len(after) else mixing
    decay = fitted_decay(seen, mixing, last)
    if decay is None:
        first = z[np.isfinite(z)]
        return Beginning(float(seen.lp_A[0]), float(seen.lp_esd_A[0]), float(first[0]) if len(first) else NAN, NAN)
    coordinate, variance = float(decay.values[0]), float(decay.covariance[0, 0])
    if seen.single:
        return Beginning(coordinate, math.sqrt(variance), coordinate, math.sqrt(variance))
    return Beginning(*_watched_at(seen, after, coordinate, variance), coordinate, math.sqrt(variance))


def fitted_decay(seen: Observed, start: float, end: float) -> Decay | None:
    """The decay of the coordinate from start to end, in s; None where there is none."""
    z, esd = (seen.lp_A, seen.lp_esd_A) if seen.single else (seen.distance_A, seen.distance_esd_A)
    chosen = (seen.times_s >= start) & (seen.times_s <= end) & np.isfinite(z) & (esd > 0.0)
    return fit_decay(start, seen.times_s[chosen], z[chosen], esd[chosen], free_end=seen.single)


def mean_of(seen: Observed, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Weighted mean of the watched lattice parameter over the chosen frames (n,), with its esd.

    The fits of neighbouring frames share what they learnt of profiles and amounts: that part of their errors, about the
    esd of one frame, does not average out.
    """
    chosen = chosen & np.isfinite(seen.lp_A) & (seen.lp_esd_A > 0.0)
    if not chosen.any():
        return NAN, NAN
    y, esd = seen.lp_A[chosen], seen.lp_esd_A[chosen]
    w = esd**-2
    mean = float(w @ y / w.sum())
    excess = float(w @ (y - mean) ** 2) / max(len(y) - 1, 1)
    shared = float(np.median(esd)) if len(y) > 1 else 0.0
    return mean, math.hypot(math.sqrt(max(excess, 1.0) / float(w.sum())), shared)


def _watched_at(seen: Observed, chosen: NDArray[np.intp], distance_A: float, variance: float) -> tuple[float, float]:
    """The watched lattice is a straight line against the distance to its partner: read it at this distance."""
    if len(chosen) < LEAST_FRAMES:
        return float(seen.lp_A[chosen[0]]), float(seen.lp_esd_A[chosen[0]])
    away, esd = seen.distance_A[chosen] - distance_A, seen.lp_esd_A[chosen]
    design = np.stack([np.ones_like(away), away], axis=1) / esd[:, None]
    (level, slope), *_ = np.linalg.lstsq(design, seen.lp_A[chosen] / esd, rcond=None)
    covariance = np.linalg.pinv(design.T @ design)
    return float(level), math.sqrt(float(covariance[0, 0] + slope**2 * variance))
