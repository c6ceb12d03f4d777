"""What the verdicts of one trace are worth against its truth."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.reaction.live.judge import Judge
from tests.benchmarks.verdict.traces import FAMILIES, TOLERANCE, Trace, make


@dataclass(frozen=True)
class PauseScore:
    """One true pause. frames: from its first frame to the call, that frame counted. needed: frames that 5 sigma needs.

    start_error, end_error: of ``since_s``, in frames; NaN where not called, or where the trace ends in the pause.
    """

    found: bool
    needed: int
    frames: int = 0
    start_error: float = math.nan
    end_error: float = math.nan


@dataclass
class Score:
    """One trace.

    early: complete with more than twice the tolerance left. in_pause: complete during a pause. due: complete can
    be asked for. delay: of complete after the true moment, in time constants (NaN: never called). delay_seen: after
    the first frame with a fit since then; floor: what that frame itself is late. false_pause: called where there is
    none. taken_back: a completion was called off. forecasts, held: how many were made on the last stretch, and how many
    90 % intervals held the truth.
    """

    early: bool = False
    in_pause: bool = False
    due: bool = False
    delay: float = math.nan
    delay_seen: float = math.nan
    floor: float = math.nan
    false_pause: bool = False
    taken_back: bool = False
    pauses: list[PauseScore] = field(default_factory=list)
    forecasts: int = 0
    held: int = 0
    mixing_error: float = math.nan


def judged(trace: Trace) -> list[Verdict]:
    """The verdicts of this trace, in order."""
    judge = Judge(trace.setup)
    return [judge.judge(float(t), fit) for t, fit in zip(trace.times_s, trace.fits, strict=True)]


def score(trace: Trace, verdicts: Sequence[Verdict]) -> Score:
    """Compare with the truth."""
    result = Score()
    _completion(trace, verdicts, result)
    _pauses(trace, verdicts, result)
    _forecasts(trace, verdicts, result)
    after = int(np.searchsorted(trace.times_s, trace.mixing_s))
    # The frame it fell into, from one time to the next.
    frame = trace.times_s[after] - trace.times_s[max(after - 1, 0)] or trace.mixture.period_s
    result.mixing_error = abs(verdicts[-1].mixing_s - trace.mixing_s) / frame
    return result


def _completion(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    complete = np.array([v.state is State.COMPLETE for v in verdicts])
    result.early = bool((complete & (trace.q > 2.0 * TOLERANCE)).any())
    went_on = np.array([v.state in (State.REACTING, State.PAUSED) for v in verdicts])
    result.taken_back = bool(complete.any() and went_on[np.argmax(complete) :].any())
    paused = np.zeros(len(complete), bool)
    for start, end, _ in trace.pauses:
        paused |= (trace.times_s >= start) & (trace.times_s < end)
    result.in_pause = bool((complete & paused).any())
    # The trace must go on long enough after the end for a call in time to be possible.
    result.due = trace.complete_s + 0.9 * trace.tau_s < trace.times_s[-1]
    fitted = np.array([isinstance(fit, Fit) for fit in trace.fits])
    later = trace.times_s[(trace.times_s >= trace.complete_s) & fitted]
    if result.due and len(later):
        result.floor = (later[0] - trace.complete_s) / trace.tau_s
    if result.due and complete.any():
        first, seen = trace.times_s[np.flatnonzero(complete)[0]], later[0]
        result.delay = (first - trace.complete_s) / trace.tau_s
        result.delay_seen = min(first - seen, first - trace.complete_s) / trace.tau_s


def _pauses(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    paused = [v.state is State.PAUSED for v in verdicts]
    calls = [i for i, now in enumerate(paused) if now and not (i and paused[i - 1])]
    for start, end, slope in trace.pauses:
        frames = np.flatnonzero((trace.times_s >= start) & (trace.times_s < end))
        # A pause that is over as soon as it can be known may still be called just after it.
        inside = [i for i in calls if len(frames) and frames[0] <= i <= frames[-1] + 3]
        calls = [i for i in calls if i not in inside]
        needed = _needed(trace, start, frames, slope)
        if needed is not None:
            result.pauses.append(_one_pause(trace, verdicts, inside[:1], int(frames[0]), start, end, needed))
    calls = [i for i in calls if not any(s <= trace.times_s[i] < e for s, e, _ in trace.pauses)]
    result.false_pause = bool(calls)


def _needed(trace: Trace, start: float, frames: NDArray[np.int64], slope: float) -> int | None:
    """Frames of this pause, at least four, whose straight line tells it from the slope before at 5 sigma, with the
    times and esds that these frames have. None: it has too few, or fewer than four frames of motion come before it.
    """
    begun = max([trace.mixing_s, *(end for _, end, _ in trace.pauses if end < start)])
    moving = (trace.times_s >= begun) & (trace.times_s < start)
    if sum(isinstance(trace.fits[i], Fit) for i in np.flatnonzero(moving)) < 4:
        return None
    weight = np.array([_weight(trace.fits[i]) for i in frames])
    at = trace.times_s[frames] - start
    total, first, second = (np.cumsum(weight * at**power) for power in (0, 1, 2))
    lever = np.sqrt(np.maximum(second - first**2 / np.maximum(total, 1e-300), 0.0))
    enough = np.flatnonzero((abs(slope) * lever >= 5.0) & (np.cumsum(weight > 0.0) >= 4))
    return int(enough[0]) + 1 if len(enough) else None


def _weight(fit: Fit | NoResult) -> float:
    """1 / esd² of the watched lattice; 0 where there is none."""
    known = isinstance(fit, Fit) and math.isfinite(fit.lattices[0].lp_esd_A)
    return fit.lattices[0].lp_esd_A ** -2.0 if isinstance(fit, Fit) and known else 0.0


def _one_pause(
    trace: Trace, verdicts: Sequence[Verdict], call: list[int], first: int, start: float, end: float, needed: int
) -> PauseScore:
    if not call:
        return PauseScore(False, needed)
    period = trace.mixture.period_s
    after = next((v for v in verdicts[call[0] :] if v.state is State.REACTING), None)
    ends = after is not None and end < trace.times_s[-1]
    end_error = abs(after.since_s - end) / period if after is not None and ends else math.nan
    return PauseScore(True, needed, call[0] - first + 1, abs(verdicts[call[0]].since_s - start) / period, end_error)


def _forecasts(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    if not result.due:
        return
    for at, verdict in zip(trace.times_s, verdicts, strict=True):
        if verdict.forecast is not None and at > trace.settled_s and verdict.state is State.REACTING:
            result.forecasts += 1
            result.held += verdict.forecast.earliest_s <= trace.complete_s <= verdict.forecast.latest_s


@dataclass(frozen=True)
class Done:
    """One trace judged: its score, and what it cost."""

    score: Score
    frames: int
    cpu_s: float


def scored(work: tuple[str, int, int]) -> Done:
    """The trace of this family, seed and number, made, judged and scored; for worker processes."""
    family, seed, number = work
    trace = make(family, np.random.default_rng([seed, list(FAMILIES).index(family), number]))
    begun = time.process_time()
    verdicts = judged(trace)
    return Done(score(trace, verdicts), len(verdicts), time.process_time() - begun)
