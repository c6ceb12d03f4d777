"""The one loop: source → frame → pattern → fit → series. Live, replay and headless differ in the source."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from latticewatch.processing.frame import Frame, Gap
from latticewatch.processing.pattern import Pattern
from latticewatch.processing.reaction.composition import CompositionScale, fraction_of
from latticewatch.processing.reaction.judge import Judge
from latticewatch.processing.refinement.fit import Fit, Refinement
from latticewatch.processing.series import Progress, Row, Series


class Source(Protocol):
    """Where frames come from."""

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame of the scan once, in order; ends when the scan ends or ``stop`` is set."""
        ...

    def progress(self) -> Progress:
        """Counters, as of now; called by the thread that draws the frames."""
        ...


class Integrator(Protocol):
    """Turns an image into a pattern."""

    def integrate(self, frame: Frame) -> Pattern | Gap:
        """The pattern, or why there is none. A frame that is a pattern or a gap already passes through."""
        ...


class Recorder(Protocol):
    """Keeps rows."""

    def append(self, row: Row) -> Row:
        """The same row with ``recorded_s`` filled in, once it is safely on disk."""
        ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All that one run needs, put together once by the session."""

    source: Source
    integrator: Integrator
    refinement: Refinement
    judge: Judge
    composition: CompositionScale | None
    recorder: Recorder
    series: Series


def run(pipeline: Pipeline, stop: threading.Event, *listeners: Callable[[Row], None]) -> None:
    """Process every frame of the source until it ends or ``stop`` is set; each listener is told of each row."""
    for frame in pipeline.source.frames(stop):
        row = pipeline.recorder.append(_row(pipeline, frame))
        pipeline.series.append(row)
        pipeline.series.report(pipeline.source.progress())
        for tell in listeners:
            tell(row)


def _row(pipeline: Pipeline, frame: Frame) -> Row:
    pattern = pipeline.integrator.integrate(frame)
    fit = pattern if isinstance(pattern, Gap) else pipeline.refinement.refine(pattern)
    fraction, fraction_esd = _fraction(pipeline.composition, fit)
    return Row(
        index=frame.index,
        name=frame.name,
        time_s=frame.time_s,
        mtime_s=frame.mtime_s,
        pattern=None if isinstance(pattern, Gap) else pattern,
        fit=fit,
        verdict=pipeline.judge.judge(frame.time_s, fit),
        intensity=float("nan") if isinstance(pattern, Gap) else float(np.nanmean(pattern.intensity)),
        fraction=fraction,
        fraction_esd=fraction_esd,
    )


def _fraction(scale: CompositionScale | None, fit: Fit | Gap) -> tuple[float, float]:
    if scale is None or isinstance(fit, Gap):
        return float("nan"), float("nan")
    return fraction_of(scale, fit.lp_mean_A, fit.lp_mean_esd_A)
