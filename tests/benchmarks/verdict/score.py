"""What the verdicts of one trace are worth against its truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from latticewatch.processing.reaction.judge import Judge
from latticewatch.processing.reaction.verdict import State, Verdict
from tests.benchmarks.verdict.traces import TOLERANCE, Trace


@dataclass
class Score:
    """early: complete with more than twice the tolerance left. in_pause: complete during a pause. delay: of complete, in time
    constants (NaN: never called). pauses: (found, frames until called, frames needed, start error, end error in frames, end error NaN where the trace ends in it)."""

    early: bool = False
    in_pause: bool = False
    delay: float = math.nan
    due: bool = False
    false_pause: bool = False
    pauses: list[tuple[bool, float, int, float, float]] = field(default_factory=list)
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
    result.mixing_error = abs(verdicts[-1].mixing_s - trace.mixing_s) / trace.mixture.period_s
    return result


def _completion(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    complete = np.array([v.state is State.COMPLETE for v in verdicts])
    result.early = bool((complete & (trace.q > 2.0 * TOLERANCE)).any())
    paused = np.zeros(len(complete), bool)
    for start, end, _ in trace.pauses:
        paused |= (trace.times_s >= start) & (trace.times_s < end)
    result.in_pause = bool((complete & paused).any())
    # The trace must go on long enough after the end for a call in time to be possible.
    result.due = trace.complete_s + 0.9 * trace.tau_s < trace.times_s[-1]
    if result.due and complete.any():
        first = trace.times_s[np.flatnonzero(complete)[0]]
        result.delay = (first - trace.complete_s) / trace.tau_s


def _pauses(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    period, times = trace.mixture.period_s, trace.times_s
    calls = [
        i
        for i, v in enumerate(verdicts)
        if v.state is State.PAUSED and (i == 0 or verdicts[i - 1].state is not State.PAUSED)
    ]
    for start, end, needed in trace.pauses:
        frames = np.flatnonzero((times >= start) & (times < end))
        last = int(frames[-1]) if len(frames) else 0
        inside = [i for i in calls if len(frames) and frames[0] <= i <= last + 3]
        if not inside:
            result.pauses.append((False, math.nan, needed, math.nan, math.nan))
            continue
        call = inside[0]
        after = next((v for v in verdicts[call:] if v.state is State.REACTING), None)
        end_error = abs(after.since_s - end) / period if after is not None and end < times[-1] else math.nan
        start_error = abs(verdicts[call].since_s - start) / period
        result.pauses.append((True, call - frames[0] + 1, needed, start_error, end_error))
        calls = [i for i in calls if i not in inside]
    # A return from a beam dump into a pause already called is no new call.
    inside_any = [i for i in calls if not any(s <= times[i] < e for s, e, _ in trace.pauses)]
    result.false_pause = bool(inside_any)


def _forecasts(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    if not result.due:
        return
    for time, verdict in zip(trace.times_s, verdicts, strict=True):
        if verdict.forecast is not None and time > trace.settled_s and verdict.state is State.REACTING:
            result.forecasts += 1
            result.held += verdict.forecast.earliest_s <= trace.complete_s <= verdict.forecast.latest_s
