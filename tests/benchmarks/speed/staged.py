"""A pipeline whose stages note when each frame begins and ends there."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress, Row
from latticewatch.processing.pipeline.loop import Pipeline

STAGES = ("read", "integrated", "fitted", "judged", "recorded")


@dataclass(slots=True)
class Notes:
    """ends: clock (time.time) at the end of a stage, by frame. cpu: seconds of the stage's thread, by stage."""

    ends: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def timed(self, stage: str, work: Callable[[], Any], frames: int = 1) -> Any:
        """What ``work`` gives; its thread's time is noted."""
        begin = time.thread_time()
        result = work()
        self.cpu[stage].append((time.thread_time() - begin) / max(frames, 1))
        return result


@dataclass(frozen=True, slots=True)
class _Source:
    inner: Any
    notes: Notes

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        frames = self.inner.frames(stop)
        while (frame := self.notes.timed("read", lambda: next(frames, None))) is not None:
            self.notes.ends["read"][frame.index] = time.time()
            yield frame

    def progress(self) -> Progress:
        progress: Progress = self.inner.progress()
        return progress


@dataclass(frozen=True, slots=True)
class _Integrator:
    inner: Any
    notes: Notes

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        begin = time.time()
        result: list[Pattern | NoResult] = self.notes.timed(
            "integrated", lambda: self.inner.integrate_many(frames), len(frames)
        )
        end = time.time()
        for frame in frames:
            self.notes.ends["drawn"][frame.index] = begin
            self.notes.ends["integrated"][frame.index] = end
        return result


class _Refinement:
    """``refine`` is timed; all else is the refinement's own."""

    def __init__(self, inner: Any, notes: Notes) -> None:
        self._inner, self._notes, self._index = inner, notes, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def refine(self, pattern: Pattern) -> Any:
        return self._notes.timed("fitted", lambda: self._inner.refine(pattern))


class _Judge:
    def __init__(self, inner: Any, notes: Notes) -> None:
        self._inner, self._notes, self._index = inner, notes, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def judge(self, time_s: float, fit: Any, peaks: Any = ()) -> Any:
        self._notes.ends["fitted"][self._index] = time.time()
        verdict = self._notes.timed("judged", lambda: self._inner.judge(time_s, fit, peaks))
        self._notes.ends["judged"][self._index] = time.time()
        self._index += 1
        return verdict


@dataclass(frozen=True, slots=True)
class _Recorder:
    inner: Any
    notes: Notes

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        recorded: list[Row] = self.notes.timed("recorded", lambda: self.inner.append_many(rows), len(rows))
        for row in recorded:
            self.notes.ends["recorded"][row.index] = row.recorded_s
        return recorded


def staged(pipeline: Pipeline, notes: Notes) -> Pipeline:
    """The same pipeline, every stage of it noted. Frames are counted from the first that is judged."""
    parts: dict[str, Any] = {
        "source": _Source(pipeline.source, notes),
        "integrator": _Integrator(pipeline.integrator, notes),
        "refinement": _Refinement(pipeline.refinement, notes),
        "judge": _Judge(pipeline.judge, notes),
        "recorder": _Recorder(pipeline.recorder, notes),
    }
    return replace(pipeline, **parts)
