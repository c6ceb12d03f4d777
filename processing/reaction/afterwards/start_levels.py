"""Levels of the lattices at the mixing, after the fact."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.reaction.afterwards.correlated_errors import LEAST_LEVEL, mean_esd
from latticewatch.processing.reaction.afterwards.decays import (
    BEGIN,
    END,
    FIRST,
    LEAST_FRAMES,
    LN_K,
    Decay,
    Span,
    fit_decay,
)
from latticewatch.processing.reaction.observed import Observed

NAN = float("nan")
# The first frames alone tell the level they came from: no law holds for ever.
EARLY = 12


@dataclass(frozen=True, slots=True)
class Mixing:
    """When it was, in s from the first frame, and its esd: 0 where it was given."""

    time_s: float
    esd_s: float


def lp_at(seen: Observed, mixing: Mixing, until_s: float, motion: Decay | None) -> tuple[float, float]:
    """The watched lattice at the mixing, with its esd: at rest before it, or followed back to it from the first
    frames before until_s. motion: the whole first stretch; its law is taken where it is known not to be the plain one.
    """
    before = seen.times_s < mixing.time_s
    if before.any():
        return mean_of(seen, before)
    known = np.isfinite(seen.z)
    after = np.flatnonzero((seen.times_s >= mixing.time_s) & (seen.times_s <= until_s) & known)[:EARLY]
    decay = motion if motion and motion.model != "exponential" else None
    if decay is None and len(after):
        window = mixing.time_s, float(seen.times_s[after[-1]])
        decay = fitted_stretch(seen, Span(mixing.time_s, free_end=seen.free_end), window, mixing)
    if decay is None or not len(after):
        return float(seen.lp_A[0]), float(seen.lp_esd_A[0])
    first, variance = float(decay.values[FIRST]), float(decay.covariance[FIRST, FIRST])
    return (first, math.sqrt(variance)) if seen.quantity == seen.watched else _watched_at(seen, after, first, variance)


def fitted_stretch(seen: Observed, span: Span, window_s: tuple[float, float], mixing: Mixing) -> Decay | None:
    """The motion of this span, from the frames within the window, rests on either side of it included."""
    z, esd = seen.z, seen.z_esd
    chosen = (seen.times_s >= window_s[0]) & (seen.times_s <= window_s[1]) & np.isfinite(z) & (esd > 0.0)
    decay = fit_decay(span, seen.times_s[chosen], z[chosen], esd[chosen])
    if decay is None or span.begin_free or span.begin_s != mixing.time_s:
        return decay
    # Its beginning is only known to ± esd_s: the curve stays, the level it began with moves along it.
    values, along = decay.values, np.zeros(len(decay.values))
    along[BEGIN] = 1.0
    if math.isfinite(values[END]):
        along[FIRST] = -math.exp(values[LN_K]) * (values[FIRST] - values[END])
    return Decay(values, decay.covariance + mixing.esd_s**2 * np.outer(along, along), decay.free)


def mean_of(seen: Observed, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """Weighted mean of the watched lattice parameter over the chosen frames (n,), with its esd."""
    apart = np.abs(seen.distance_A)
    told, left = np.isfinite(apart), 1.0
    if not seen.free_end and 2 * int((told & chosen).sum()) >= max(int(chosen.sum()), 1):
        # Share of the first distance that is left within these frames; 1 where they show one lattice.
        first = float(np.median(apart[told][:LEAST_FRAMES]))
        left = min(float(np.median(apart[told & chosen])) / first, 1.0) if first > 0.0 else 1.0
    return _weighted(seen.lp_A[chosen], seen.lp_esd_A[chosen], left)


def mean_of_all(seen: Observed, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """The same of the mean of all lattices: where they are one, or nearly so, it is better known than any of them."""
    return _weighted(seen.mean_A[chosen], seen.mean_esd_A[chosen], 1.0)


def _weighted(y: NDArray[np.float64], esd: NDArray[np.float64], left: float) -> tuple[float, float]:
    known = np.isfinite(y) & (esd > 0.0)
    if not known.any():
        return NAN, NAN
    y, esd = y[known], esd[known]
    w = esd**-2
    mean = float(w @ y / w.sum())
    return mean, mean_esd(esd, float(w @ (y - mean) ** 2) / max(len(y) - 1, 1), left)


def _watched_at(seen: Observed, chosen: NDArray[np.intp], z: float, variance: float) -> tuple[float, float]:
    """The watched lattice is a straight line against the distance to its partner, or what else is told: read there."""
    chosen = chosen[np.isfinite(seen.lp_A[chosen])]
    if len(chosen) < LEAST_FRAMES:
        return (float(seen.lp_A[chosen[0]]), float(seen.lp_esd_A[chosen[0]])) if len(chosen) else (NAN, NAN)
    away, esd = seen.z[chosen] - z, seen.lp_esd_A[chosen]
    design = np.stack([np.ones_like(away), away], axis=1) / esd[:, None]
    (level, slope), *_ = np.linalg.lstsq(design, seen.lp_A[chosen] / esd, rcond=None)
    covariance = np.linalg.pinv(design.T @ design)
    common = LEAST_LEVEL * float(np.median(esd))
    return float(level), math.sqrt(float(covariance[0, 0] + slope**2 * variance) + common**2)
