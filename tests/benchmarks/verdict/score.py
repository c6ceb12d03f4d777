"""What the verdicts of one trace are worth against its truth."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.reaction.judge import Judge
from latticewatch.processing.reaction.verdict import State, Verdict
from latticewatch.processing.refinement.fit import Fit
from tests.benchmarks.verdict.traces import FAMILIES, TOLERANCE, Trace, make


@dataclass(frozen=True)
class PauseScore:
    """One true pause. frames: from its first frame to the call, that frame counted. needed: what it may take.

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
    the first frame with a fit since then. false_pause: called where there is none. forecasts, held: how many were
    made on the last stretch, and how many 90 % intervals held the truth.
    """

    early: bool = False
    in_pause: bool = False
    due: bool = False
    delay: float = math.nan
    delay_seen: float = math.nan
    false_pause: bool = False
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
        fitted = np.array([isinstance(fit, Fit) for fit in trace.fits])
        seen = trace.times_s[(trace.times_s >= trace.complete_s) & fitted][0]
        result.delay = (first - trace.complete_s) / trace.tau_s
        result.delay_seen = min(first - seen, first - trace.complete_s) / trace.tau_s


def _pauses(trace: Trace, verdicts: Sequence[Verdict], result: Score) -> None:
    paused = [v.state is State.PAUSED for v in verdicts]
    calls = [i for i, now in enumerate(paused) if now and not (i and paused[i - 1])]
    for start, end, needed in trace.pauses:
        frames = np.flatnonzero((trace.times_s >= start) & (trace.times_s < end))
        # A pause that is over as soon as it can be known may still be called just after it.
        inside = [i for i in calls if len(frames) and frames[0] <= i <= frames[-1] + 3]
        if not _callable(trace, start, frames, needed):
            calls = [i for i in calls if i not in inside]
            continue
        result.pauses.append(
            _one_pause(trace, verdicts, inside[:1], int(frames[0]) if len(frames) else 0, start, end, needed)
        )
        calls = [i for i in calls if i not in inside]
    calls = [i for i in calls if not any(s <= trace.times_s[i] < e for s, e, _ in trace.pauses)]
    result.false_pause = bool(calls)


def _callable(trace: Trace, start: float, frames: NDArray[np.int64], needed: int) -> bool:
    """Where frames come unevenly or fail: enough of them within the pause, and a slope before it to rest against."""
    fitted = np.array([isinstance(fit, Fit) for fit in trace.fits])
    begun = max([trace.mixing_s, *(end for _, end, _ in trace.pauses if end < start)])
    moving = (trace.times_s >= begun) & (trace.times_s < start) & fitted
    return int(fitted[frames].sum()) >= needed and int(moving.sum()) >= 4


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
