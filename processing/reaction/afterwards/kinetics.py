"""The kinetics of a run, told after the fact from its rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.afterwards.decays import BEGIN, CLOSE, Decay, Span
from latticewatch.processing.reaction.afterwards.reached import SHARES, Reached, half_time, reached
from latticewatch.processing.reaction.afterwards.start_levels import Mixing, fitted_stretch, lp_at, mean_of, mean_of_all
from latticewatch.processing.reaction.observed import Observed, observed

NAN = float("nan")
# What takes so many times longer than the scan did is not told by it.
FARTHEST = 10.0


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which the watched lattice stood still.

    end_s: NaN while it lasts. declared_s: when it was called. Esds are NaN where the limits could not be fitted and
    stand as they were called. value, value_esd: of the quantity that is watched by its name, NaN where none is.
    """

    start_s: float
    end_s: float
    lp_A: float
    lp_esd_A: float
    declared_s: float
    start_esd_s: float = NAN
    end_esd_s: float = NAN
    value: float = NAN
    value_esd: float = NAN


@dataclass(frozen=True, slots=True)
class Watched:
    """The quantity that is told of where it was chosen by its name, and where it began and ended, with esds.

    column: of the trace, without its unit.
    """

    column: str
    unit: str
    start: float
    start_esd: float
    end: float
    end_esd: float


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
    """Rate constant of one stretch between pauses, NaN where it is not told.

    model: ``exponential``, ``stretched exponential``, ``exponential to a level``, ``Avrami, n = ...`` or ``power law,
    exponent ...`` with their esds; where the law is not that of the watched lattice or of the distance, what it is the
    law of stands in brackets.
    """

    start_s: float
    end_s: float
    rate_constant_per_s: float
    esd: float
    model: str = "exponential"


@dataclass(frozen=True, slots=True)
class Kinetics:
    """What the run shows as a whole. Times in seconds from the first frame, lattice parameters in Å, NaN: not known.

    mixing_s, half_time_s, reached: of the first reaction; half_time_s: from mixing until half the total change was
    done, reached: when shares of it were done. pauses, rates: of all reactions. complete: of the last one. withheld:
    what the data do not bear, and why, in sentences. watched: where a quantity is watched by its name.
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
    withheld: tuple[str, ...] = ()
    watched: Watched | None = None


@dataclass(frozen=True, slots=True)
class _Reaction:
    """One reaction of a run: its rows and its frames, from its mixing (the first: from all frames before) to until_s.

    pauses: as they were called. called: when the completion that stood at its end was called. decays: its stretches.
    """

    mixing: Mixing
    until_s: float
    pauses: tuple[Pause, ...]
    called: float | None
    decays: tuple[Decay | None, ...] = ()

    @property
    def whole(self) -> list[Decay]:
        """The stretches from the mixing to the end; none where one of them is not known."""
        still = self.pauses and math.isnan(self.pauses[-1].end_s)
        known = [decay for decay in (self.decays[:-1] if still else self.decays) if decay]
        return known if len(known) == len(self.decays) - bool(still) else []


def describe(setup: Setup, rows: Sequence[Row]) -> Kinetics:
    """The kinetics of these rows, watched on the first component. Never raises on data.

    What the verdicts called, and when, stands as it was called; levels, rates and times reached are fitted to all
    frames.
    """
    seen = observed(setup, rows)
    withheld: list[str] = []
    reactions = _reactions(setup, rows, seen, withheld)
    if not len(seen.times_s) or not reactions:
        return Kinetics(mixing_s=reactions[0].mixing.time_s if reactions else NAN)
    told = [_fitted(reactions, number, seen) for number in range(len(reactions))]
    first, last = told[0], told[-1]
    # Shares of the change need its end: two lattices meet, one must have come to rest for good.
    whole, ended = ([] if one.called is None and seen.free_end else one.whole for one in (first, last))
    half = half_time(whole)
    if half[0] > FARTHEST * seen.length_s:
        withheld.append(f"half time: {half[0]:.3g} s is far longer than the scan")
        half, whole = (NAN, NAN), []
    shares = [reached(share, whole) for share in (*SHARES, 1.0 - setup.tolerance)]
    end = _end(seen, last)
    start = lp_at(seen, first.mixing, first.pauses[0].start_s if first.pauses else first.until_s, first.decays[0])
    complete = None
    if last.called is not None:
        all_but = reached(1.0 - setup.tolerance, ended)
        at_s = all_but.at_s if math.isfinite(all_but.at_s) else last.called
        complete = Completion(last.called, at_s, *end, reached_esd_s=all_but.esd_s)
    return Kinetics(
        mixing_s=first.mixing.time_s,
        pauses=tuple(pause for one in told for pause in one.pauses),
        complete=complete,
        half_time_s=half[0],
        half_time_esd_s=half[1],
        reached=tuple(share for share in shares if share.at_s <= seen.times_s[-1]),
        rates=tuple(_rate(decay, one, seen, withheld) for one in told for decay in one.decays if decay),
        lp_start_A=start[0],
        lp_start_esd_A=start[1],
        lp_end_A=end[0],
        lp_end_esd_A=end[1],
        withheld=tuple(withheld),
        watched=_watched(setup, seen, first, last),
    )


def _watched(setup: Setup, seen: Observed, first: _Reaction, last: _Reaction) -> Watched | None:
    quantity = next((one for one in setup.quantities if one.column == seen.quantity), None)
    if quantity is None:
        return None
    alone, until_s = seen.told_alone, first.pauses[0].start_s if first.pauses else first.until_s
    start, end = lp_at(alone, first.mixing, until_s, first.decays[0]), _end(alone, last)
    return Watched(quantity.column, quantity.unit, *start, *end)


def _reactions(setup: Setup, rows: Sequence[Row], seen: Observed, withheld: list[str]) -> list[_Reaction]:
    """The reactions as they were called: one begins where a state begins at its own mixing."""
    begun: list[int] = []
    since_s = NAN
    for number, row in enumerate(rows):
        verdict = row.verdict
        if verdict.state is State.WAITING:
            begun = []
        elif math.isfinite(verdict.mixing_s) and (
            not begun or (verdict.state is State.REACTING and verdict.mixing_s == verdict.since_s != since_s)
        ):
            begun.append(number)
        since_s = verdict.since_s if verdict.state is not State.NO_BEAM else since_s
    parts = [rows[begin:end] for begin, end in pairwise([*begun, len(rows)])]
    mixings = [
        next((row.verdict.mixing_s for row in reversed(part) if math.isfinite(row.verdict.mixing_s)), NAN)
        for part in parts
    ]
    # A moment that was found may be anywhere within its frame.
    frame_esd_s = float(np.median(np.diff(seen.times_s))) / math.sqrt(12.0) if len(seen.times_s) > 1 else 0.0
    found = []
    for number, (part, mixing_s) in enumerate(zip(parts, mixings, strict=True)):
        given = number == 0 and setup.mixing_time_s is not None
        until_s = mixings[number + 1] if number + 1 < len(mixings) else math.inf
        pauses = _pauses(part, until_s, seen.free_end, withheld)
        found.append(_Reaction(Mixing(mixing_s, 0.0 if given else frame_esd_s), until_s, pauses, _called(part)))
    return found


def _fitted(reactions: list[_Reaction], number: int, seen: Observed) -> _Reaction:
    """With its stretches fitted, each together with the frames at rest beside it, and the limits of its pauses."""
    one, before = reactions[number], reactions[number - 1] if number else None
    mixing, pauses, last = one.mixing, one.pauses, min(float(seen.times_s[-1]), one.until_s)
    opened = -math.inf
    if before is not None:
        # One lattice leaves the level it had come to; two are suddenly apart.
        opened = before.called if seen.free_end and before.called is not None else mixing.time_s
    rested = mixing.esd_s > 0.0 and int(((seen.times_s >= opened) & (seen.times_s < mixing.time_s)).sum()) > 1
    begins = [mixing.time_s, *(pause.end_s for pause in pauses)]
    closes = [*(pause.start_s for pause in pauses), math.inf]
    opens = [opened if rested else mixing.time_s, *(pause.start_s for pause in pauses)]
    ends = [*(last if math.isnan(pause.end_s) else pause.end_s for pause in pauses), last]
    decays = []
    for at, (begin, close, *window) in enumerate(zip(begins, closes, opens, ends, strict=True)):
        span = Span(begin, close, rested or at > 0, math.isfinite(close), seen.free_end, seen.is_amount)
        decays.append(fitted_stretch(seen, span, (window[0], window[1]), mixing))
    limited = tuple(_with_limits(seen, *each) for each in zip(pauses, decays[:-1], decays[1:], strict=True))
    return replace(one, pauses=limited, decays=tuple(decays))


def _pauses(rows: Sequence[Row], until_s: float, free_end: bool, withheld: list[str]) -> tuple[Pause, ...]:
    """Every stretch of ``paused`` as it was called; gaps and lost beam within it do not end it. Rest that turns out to
    be the end of one lattice was no pause.
    """
    pauses: list[Pause] = []
    begun: tuple[float, float] | None = None
    for row in rows:
        state = row.verdict.state
        if state is State.PAUSED and begun is None:
            begun = (row.verdict.since_s, row.time_s)
        elif state in (State.REACTING, State.COMPLETE) and begun is not None:
            if state is State.REACTING or not free_end:
                pauses.append(Pause(begun[0], row.verdict.since_s, NAN, NAN, begun[1]))
            begun = None
    if begun is not None:
        pauses.append(Pause(begun[0], until_s if math.isfinite(until_s) else NAN, NAN, NAN, begun[1]))
    backwards = [pause for pause in pauses if pause.end_s <= pause.start_s]
    withheld += [
        f"pause: its end ({one.end_s:.3g} s) is not after its start ({one.start_s:.3g} s)" for one in backwards
    ]
    return tuple(pause for pause in pauses if pause not in backwards)


def _with_limits(seen: Observed, pause: Pause, before: Decay | None, after: Decay | None) -> Pause:
    """The pause between these two motions, where they tell its limits, and the lattice within it."""
    start, start_esd = before.limit(CLOSE) if before else (NAN, NAN)
    end, end_esd = after.limit(BEGIN) if after else (NAN, NAN)
    if not math.isfinite(start_esd) or start >= pause.end_s:
        start, start_esd = pause.start_s, NAN
    if not (math.isfinite(end_esd) and end > start):
        end, end_esd = pause.end_s, NAN
    within = (seen.times_s >= start) & ~(seen.times_s > end)
    value = (NAN, NAN) if seen.quantity in ("distance", seen.watched) else mean_of(seen.told_alone, within)
    return Pause(start, end, *mean_of(seen, within), pause.declared_s, start_esd, end_esd, *value)


def _called(rows: Sequence[Row]) -> float | None:
    """When the completion that stood at the end was called."""
    called = None
    for row in rows:
        if row.verdict.state is State.COMPLETE:
            called = row.time_s if called is None else called
        elif row.verdict.state is not State.NO_BEAM:
            called = None
    return called


def _rate(decay: Decay, one: _Reaction, seen: Observed, withheld: list[str]) -> Rate:
    start, end = float(decay.values[BEGIN]), min(float(decay.values[CLOSE]), float(seen.times_s[-1]), one.until_s)
    constant, esd = decay.rate
    model = decay.model if seen.quantity in ("distance", seen.watched) else f"{decay.model} ({seen.quantity})"
    half_s, frame_s = math.log(2.0) / constant, float(np.median(np.diff(seen.times_s)))
    if half_s > FARTHEST * seen.length_s or half_s < frame_s / FARTHEST:
        withheld.append(
            f"rate constant from {start:.3g} s on: a half time of {half_s:.3g} s cannot be seen in this scan"
        )
        constant, esd = NAN, NAN
    return Rate(start, end, constant, esd, model)


def _end(seen: Observed, last: _Reaction) -> tuple[float, float]:
    """Where the run ended: the one lattice of the complete part, else the watched one in the last rest or frame."""
    if last.called is not None:
        # The later half: what is left under the tolerance still goes on.
        late = seen.times_s >= (last.called + float(seen.times_s[-1])) / 2.0
        return mean_of(seen, late) if seen.free_end else mean_of_all(seen, late)
    if last.pauses and math.isnan(last.pauses[-1].end_s):
        return mean_of(seen, seen.times_s >= last.pauses[-1].start_s)
    return float(seen.lp_A[-1]), float(seen.lp_esd_A[-1])
