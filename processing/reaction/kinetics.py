"""The kinetics of a run, told after the fact from its rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.reaction.beginning import Beginning, begun_at, fitted_decay, mean_of
from latticewatch.processing.reaction.observed import Observed, observed
from latticewatch.processing.reaction.stretches import LEAST_FRAMES, Decay
from latticewatch.processing.reaction.verdict import State
from latticewatch.processing.series import Row
from latticewatch.processing.setup import Setup

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which the watched lattice stood still.

    end_s: NaN while it lasts. declared_s: when it was called.
    """

    start_s: float
    end_s: float
    lp_A: float
    lp_esd_A: float
    declared_s: float


@dataclass(frozen=True, slots=True)
class Completion:
    """The end: when it was called, and the best estimate of when the remaining change fell under the tolerance."""

    declared_s: float
    reached_s: float
    lp_A: float
    lp_esd_A: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate constant of one stretch between pauses. model: ``exponential`` or ``stretched exponential``."""

    start_s: float
    end_s: float
    rate_constant_per_s: float
    esd: float
    model: str = "exponential"


@dataclass(frozen=True, slots=True)
class Kinetics:
    """What the run shows as a whole. Times in seconds from the first frame, lattice parameters in Å, NaN: not known.

    half_time_s: from mixing until half the total change was done.
    """

    mixing_s: float = NAN
    pauses: tuple[Pause, ...] = ()
    complete: Completion | None = None
    half_time_s: float = NAN
    half_time_esd_s: float = NAN
    rates: tuple[Rate, ...] = ()
    lp_start_A: float = NAN
    lp_start_esd_A: float = NAN
    lp_end_A: float = NAN
    lp_end_esd_A: float = NAN


def describe(setup: Setup, rows: Sequence[Row]) -> Kinetics:
    """The kinetics of these rows, watched on the first component. Never raises on data.

    What the verdicts called, and when, stands as it was called; levels, rates and times reached are fitted to all
    frames.
    """
    seen = observed(setup, rows)
    mixing = next((row.verdict.mixing_s for row in reversed(rows) if math.isfinite(row.verdict.mixing_s)), NAN)
    if not len(seen.times_s):
        return Kinetics(mixing_s=mixing)
    pauses = _pauses(rows, seen)
    called = _called(rows)
    stretches = _stretches(mixing, pauses, seen)
    decays = [fitted_decay(seen, start, end) for start, end in stretches]
    begun = begun_at(seen, mixing, pauses[0].start_s if pauses else math.inf)
    end = _end(seen, pauses, called)
    complete = None
    if called is not None:
        reached = _reached(decays[-1] if decays else None, begun, called[0], setup.tolerance)
        complete = Completion(called[0], reached, *end)
    half = _half_time(seen, mixing, begun)
    return Kinetics(
        mixing_s=mixing,
        pauses=pauses,
        complete=complete,
        half_time_s=half[0],
        half_time_esd_s=half[1],
        rates=tuple(_rate(*limits, decay) for limits, decay in zip(stretches, decays, strict=True) if decay),
        lp_start_A=begun.lp_A,
        lp_start_esd_A=begun.lp_esd_A,
        lp_end_A=end[0],
        lp_end_esd_A=end[1],
    )


def _pauses(rows: Sequence[Row], seen: Observed) -> tuple[Pause, ...]:
    """Every stretch of ``paused``; gaps and lost beam within it do not end it."""
    pauses: list[Pause] = []
    begun: tuple[float, float] | None = None
    for row in rows:
        state = row.verdict.state
        if state is State.PAUSED and begun is None:
            begun = (row.verdict.since_s, row.time_s)
        elif state in (State.REACTING, State.COMPLETE) and begun is not None:
            pauses.append(_pause(seen, begun, row.verdict.since_s))
            begun = None
    if begun is not None:
        pauses.append(_pause(seen, begun, NAN))
    return tuple(pauses)


def _pause(seen: Observed, begun: tuple[float, float], end_s: float) -> Pause:
    start_s, declared_s = begun
    within = (seen.times_s >= start_s) & ~(seen.times_s > end_s)
    return Pause(start_s, end_s, *mean_of(seen, within), declared_s)


def _called(rows: Sequence[Row]) -> tuple[float, float] | None:
    """When the completion that stood at the end was called, and since when it was true as known then."""
    called = None
    for row in rows:
        if row.verdict.state is State.COMPLETE:
            called = called or (row.time_s, row.verdict.since_s)
        elif row.verdict.state is not State.NO_BEAM:
            called = None
    return called


def _stretches(mixing: float, pauses: tuple[Pause, ...], seen: Observed) -> list[tuple[float, float]]:
    """Start and end of the motion between the pauses."""
    begins = [mixing, *(pause.end_s for pause in pauses)]
    last = float(seen.times_s[-1])
    ends = [*(pause.start_s for pause in pauses), last]
    return [(a, b) for a, b in zip(begins, ends, strict=True) if a < b]


def _rate(start: float, end: float, decay: Decay) -> Rate:
    k, esd = decay.rate
    return Rate(start, end, k, esd, "stretched exponential" if decay.stretched else "exponential")


def _end(seen: Observed, pauses: tuple[Pause, ...], called: tuple[float, float] | None) -> tuple[float, float]:
    """The watched lattice where the run ended: over the complete part, the last rest, or the last frame."""
    if called is not None:
        # The later half: what is left under the tolerance still goes on.
        return mean_of(seen, seen.times_s >= (called[0] + float(seen.times_s[-1])) / 2.0)
    if pauses and math.isnan(pauses[-1].end_s):
        return pauses[-1].lp_A, pauses[-1].lp_esd_A
    return float(seen.lp_A[-1]), float(seen.lp_esd_A[-1])


def _reached(last: Decay | None, begun: Beginning, declared_s: float, tolerance: float) -> float:
    """When what remained fell under the tolerance: on the decay of the last stretch, else when it was called."""
    if last is None:
        return declared_s
    end = float(last.values[2]) if last.free_end else 0.0
    total = abs(begun.coordinate_A - end)
    share = abs(float(last.values[0]) - end) / (tolerance * total) if total > 0.0 else NAN
    if not share > 1.0:
        return declared_s
    beta = float(last.values[-1]) if last.stretched else 1.0
    return float(last.start_s + math.log(share) ** (1.0 / beta) / last.rate[0])


def _half_time(seen: Observed, mixing: float, begun: Beginning) -> tuple[float, float]:
    """From mixing until half the total change, from the nine frames around the crossing."""
    z = seen.lp_A if seen.single else seen.distance_A
    esd = seen.lp_esd_A if seen.single else seen.distance_esd_A
    chosen = np.isfinite(z) & (esd > 0.0) & (seen.times_s >= mixing)
    t, z, esd = seen.times_s[chosen], z[chosen], esd[chosen]
    if len(z) < LEAST_FRAMES:
        return NAN, NAN
    first = begun.coordinate_A
    half = (first + float(np.mean(z[-LEAST_FRAMES:]))) / 2.0 if seen.single else first / 2.0
    passed = np.sign(z - half) != np.sign(first - half)
    # Three in a row: one outlier is no crossing.
    steady = np.flatnonzero(passed[2:] & passed[1:-1] & passed[:-2])
    if not len(steady):
        return NAN, NAN
    near = slice(max(0, int(steady[0]) - 4), int(steady[0]) + 5)
    # Half way is known no better than half of what the start is uncertain by.
    level_esd = begun.coordinate_esd_A / 2.0
    passed_s, esd_s = _crossing(t[near] - t[steady[0]], z[near] - half, esd[near], level_esd)
    return float(t[steady[0]]) + passed_s - mixing, esd_s


def _crossing(
    t: NDArray[np.float64], z: NDArray[np.float64], esd: NDArray[np.float64], level_esd: float
) -> tuple[float, float]:
    """Where a parabola through these points (n,) is zero, nearest to t = 0, with its esd; level_esd: of that zero."""
    design = np.vander(t, 3, increasing=True) / esd[:, None]
    level, slope, bend = (float(value) for value in np.linalg.lstsq(design, z / esd, rcond=None)[0])
    inside = slope**2 - 4.0 * bend * level
    if not slope or inside < 0.0:
        return NAN, NAN
    root = -2.0 * level / (slope + math.copysign(math.sqrt(inside), slope))
    speed = slope + 2.0 * bend * root or slope
    gradient = np.array([1.0, root, root**2])
    variance = float(gradient @ np.linalg.pinv(design.T @ design) @ gradient) + level_esd**2
    return root, math.sqrt(max(variance, 0.0)) / abs(speed)
