"""The kinetics of a run, told after the fact from its rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.afterwards.decays import BEGIN, CLOSE, Decay, Span
from latticewatch.processing.reaction.afterwards.reached import SHARES, Reached, half_time, reached
from latticewatch.processing.reaction.afterwards.start_levels import Mixing, fitted_stretch, lp_at, mean_of, mean_of_all
from latticewatch.processing.reaction.observed import Observed, observed

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which the watched lattice stood still.

    end_s: NaN while it lasts. declared_s: when it was called. Esds are NaN where the limits could not be fitted and
    stand as they were called.
    """

    start_s: float
    end_s: float
    lp_A: float
    lp_esd_A: float
    declared_s: float
    start_esd_s: float = NAN
    end_esd_s: float = NAN


@dataclass(frozen=True, slots=True)
class Completion:
    """The end: when it was called, and the best estimate of when the remaining change fell under the tolerance.

    reached_esd_s: NaN where no law could be fitted; reached_s is then when it was called.
    """

    declared_s: float
    reached_s: float
    lp_A: float
    lp_esd_A: float
    reached_esd_s: float = NAN


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

    half_time_s: from mixing until half the total change was done. reached: when shares of it were done.
    """

    mixing_s: float = NAN
    pauses: tuple[Pause, ...] = ()
    complete: Completion | None = None
    half_time_s: float = NAN
    half_time_esd_s: float = NAN
    reached: tuple[Reached, ...] = ()
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
    found = next((row.verdict.mixing_s for row in reversed(rows) if math.isfinite(row.verdict.mixing_s)), NAN)
    if not len(seen.times_s):
        return Kinetics(mixing_s=found)
    mixing = Mixing(found, 0.0 if setup.mixing_time_s is not None else _within_a_frame(seen))
    pauses = _pauses(rows)
    called = _called(rows)
    spans = _spans(mixing, pauses, seen)
    decays = [fitted_stretch(seen, span, window, mixing) for span, window in spans]
    pauses = tuple(_with_limits(seen, *one) for one in zip(pauses, decays[:-1], decays[1:], strict=True))
    # Shares of the change need its end: two lattices meet, one must have come to rest for good.
    motions = decays[:-1] if pauses and math.isnan(pauses[-1].end_s) else decays
    whole = [decay for decay in motions if decay and (called is not None or not seen.single)]
    whole = whole if len(whole) == len(motions) else []
    shares = [reached(share, whole) for share in (*SHARES, 1.0 - setup.tolerance)]
    end = _end(seen, pauses, called)
    half = half_time(whole)
    return Kinetics(
        mixing_s=found,
        pauses=pauses,
        complete=None if called is None else _completion(called, end, shares[-1]),
        half_time_s=half[0],
        half_time_esd_s=half[1],
        reached=tuple(share for share in shares if share.at_s <= seen.times_s[-1]),
        rates=tuple(_rate(decay, seen) for decay in decays if decay),
        **_levels(lp_at(seen, mixing, pauses[0].start_s if pauses else math.inf, decays[0]), end),
    )


def _pauses(rows: Sequence[Row]) -> tuple[Pause, ...]:
    """Every stretch of ``paused`` as it was called; gaps and lost beam within it do not end it."""
    pauses: list[Pause] = []
    begun: tuple[float, float] | None = None
    for row in rows:
        state = row.verdict.state
        if state is State.PAUSED and begun is None:
            begun = (row.verdict.since_s, row.time_s)
        elif state in (State.REACTING, State.COMPLETE) and begun is not None:
            pauses.append(Pause(begun[0], row.verdict.since_s, NAN, NAN, begun[1]))
            begun = None
    if begun is not None:
        pauses.append(Pause(begun[0], NAN, NAN, NAN, begun[1]))
    return tuple(pauses)


def _with_limits(seen: Observed, pause: Pause, before: Decay | None, after: Decay | None) -> Pause:
    """The pause between these two motions, where they tell its limits, and the lattice within it."""
    start, start_esd = before.limit(CLOSE) if before else (NAN, NAN)
    end, end_esd = after.limit(BEGIN) if after else (NAN, NAN)
    if not math.isfinite(start_esd):
        start, start_esd = pause.start_s, NAN
    if not (math.isfinite(end_esd) and end > start):
        end, end_esd = pause.end_s, NAN
    within = (seen.times_s >= start) & ~(seen.times_s > end)
    return Pause(start, end, *mean_of(seen, within), pause.declared_s, start_esd, end_esd)


def _called(rows: Sequence[Row]) -> float | None:
    """When the completion that stood at the end was called."""
    called = None
    for row in rows:
        if row.verdict.state is State.COMPLETE:
            called = row.time_s if called is None else called
        elif row.verdict.state is not State.NO_BEAM:
            called = None
    return called


def _within_a_frame(seen: Observed) -> float:
    """Standard deviation of a moment that may be anywhere within one usual frame."""
    return float(np.median(np.diff(seen.times_s))) / math.sqrt(12.0) if len(seen.times_s) > 1 else 0.0


def _spans(mixing: Mixing, pauses: tuple[Pause, ...], seen: Observed) -> list[tuple[Span, tuple[float, float]]]:
    """The motion between the pauses, each with the frames that tell of it: the rests beside it included."""
    rested = mixing.esd_s > 0.0 and int((seen.times_s < mixing.time_s).sum()) > 1
    begins = [mixing.time_s, *(pause.end_s for pause in pauses)]
    closes = [*(pause.start_s for pause in pauses), math.inf]
    opens = [-math.inf if rested else mixing.time_s, *(pause.start_s for pause in pauses)]
    ends = [*(pause.end_s for pause in pauses), math.inf]
    last = float(seen.times_s[-1])
    return [
        (
            Span(begin, close, rested or number > 0, math.isfinite(close), free_end=seen.single),
            (opened, last if math.isnan(end) else end),
        )
        for number, (begin, close, opened, end) in enumerate(zip(begins, closes, opens, ends, strict=True))
    ]


def _rate(decay: Decay, seen: Observed) -> Rate:
    end = min(float(decay.values[CLOSE]), float(seen.times_s[-1]))
    return Rate(float(decay.values[BEGIN]), end, *decay.rate, decay.model)


def _levels(start: tuple[float, float], end: tuple[float, float]) -> dict[str, float]:
    return {"lp_start_A": start[0], "lp_start_esd_A": start[1], "lp_end_A": end[0], "lp_end_esd_A": end[1]}


def _end(seen: Observed, pauses: tuple[Pause, ...], called: float | None) -> tuple[float, float]:
    """Where the run ended: the one lattice of the complete part, else the watched one in the last rest or frame."""
    if called is not None:
        # The later half: what is left under the tolerance still goes on.
        late = seen.times_s >= (called + float(seen.times_s[-1])) / 2.0
        return mean_of(seen, late) if seen.single else mean_of_all(seen, late)
    if pauses and math.isnan(pauses[-1].end_s):
        return pauses[-1].lp_A, pauses[-1].lp_esd_A
    return float(seen.lp_A[-1]), float(seen.lp_esd_A[-1])


def _completion(called: float, end: tuple[float, float], share: Reached) -> Completion:
    return Completion(called, share.at_s if math.isfinite(share.at_s) else called, *end, reached_esd_s=share.esd_s)
