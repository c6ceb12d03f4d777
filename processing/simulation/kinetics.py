"""How far an exchange has gone: stretches of exponential approach, with rests between them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

FOREVER = math.inf


@dataclass(frozen=True, slots=True)
class Stretch:
    """An exponential approach with time constant tau_s that is at progress ``end`` after duration_s.

    Where duration_s is infinite, ``end`` is the asymptote. Where ``end`` is the progress it begins with, the
    stretch is a rest.
    """

    duration_s: float
    end: float
    tau_s: float = FOREVER


@dataclass(frozen=True, slots=True)
class Moment:
    """Progress at one time: 0 before the exchange, 1 when the lattices are one; resting: it stands still."""

    progress: float
    resting: bool


def moment(stretches: tuple[Stretch, ...], since_mixing_s: float) -> Moment:
    """The progress this time after mixing (s); before mixing it is 0."""
    if since_mixing_s < 0.0:
        return Moment(0.0, resting=False)
    last = Moment(0.0, resting=False)
    for start_s, begin, stretch in _placed(stretches):
        if start_s <= since_mixing_s:
            last = _within(stretch, begin, since_mixing_s - start_s)
    return last


def rests(stretches: tuple[Stretch, ...]) -> tuple[tuple[float, float, float], ...]:
    """Start, end (s after mixing, infinite where it lasts) and progress of every rest."""
    return tuple(
        (start_s, start_s + stretch.duration_s, begin)
        for start_s, begin, stretch in _placed(stretches)
        if stretch.end == begin
    )


def time_of(stretches: tuple[Stretch, ...], progress: float) -> float:
    """Seconds after mixing when this progress is reached; infinite where it never is."""
    for start_s, begin, stretch in _placed(stretches):
        if begin < progress and (progress < stretch.end or (progress == stretch.end and stretch.duration_s < FOREVER)):
            return start_s - stretch.tau_s * math.log1p(-(progress - begin) / (_asymptote(stretch, begin) - begin))
    return 0.0 if progress <= 0.0 else FOREVER


def _placed(stretches: tuple[Stretch, ...]) -> Iterator[tuple[float, float, Stretch]]:
    """Every stretch with its start (s) and the progress it begins with."""
    start_s, begin = 0.0, 0.0
    for stretch in stretches:
        yield start_s, begin, stretch
        start_s, begin = start_s + stretch.duration_s, stretch.end


def _within(stretch: Stretch, begin: float, elapsed_s: float) -> Moment:
    if stretch.end == begin:
        return Moment(begin, resting=True)
    asymptote = _asymptote(stretch, begin)
    return Moment(asymptote + (begin - asymptote) * math.exp(-elapsed_s / stretch.tau_s), resting=False)


def _asymptote(stretch: Stretch, begin: float) -> float:
    return begin - (stretch.end - begin) / math.expm1(-stretch.duration_s / stretch.tau_s)
