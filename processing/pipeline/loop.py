"""The one loop: source → frame → pattern → fit → series. Live, replay and headless differ in the source."""

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from latticewatch.processing.cores import usable_cores
from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.header_values import kept_values
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import NAN, Progress, Row, Series
from latticewatch.processing.flow.stages import Integrator, Recorder, Refinement, Source
from latticewatch.processing.flow.verdict import Verdict
from latticewatch.processing.pipeline.late_frames import OpenGaps, filled
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.sources.prefetch import batches, in_turn

MOST_AT_ONCE, EIGHT = 16, 8
IDLE_S = 1.0
"""So long after the last frame the recorder is told that nothing new came."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All that one run needs, put together once by the session.

    header_names: header values kept of each frame. at_hand: the source waits for nothing, so that a list can be
    waited for.
    """

    source: Source
    integrator: Integrator
    refinement: Refinement
    judge: Judge
    composition: CompositionScale | None
    recorder: Recorder
    series: Series
    header_names: tuple[str, ...] = ()
    at_hand: bool = False


def run(pipeline: Pipeline, stop: threading.Event, *listeners: Callable[[Row], None]) -> None:
    """Process every frame of the source until it ends or ``stop`` is set; each listener is told of each row.

    Frames are read ahead in a thread, where there is a core for it, and taken as they have gathered, one or several:
    the numbers are the same.
    """
    gaps = OpenGaps()
    with closing(_gathered(pipeline, stop)) as gathered:
        for frames in gathered:
            patterns = pipeline.integrator.integrate_many(frames)
            rows = [_row(pipeline, gaps, frame, pattern) for frame, pattern in zip(frames, patterns, strict=True)]
            for row in pipeline.recorder.append_many([row for row in rows if row is not None]):
                _keep(pipeline.series, row)
                for tell in listeners:
                    tell(row)
            pipeline.series.report(_progress(pipeline, gaps.fills))
            if stop.is_set():
                return


def _gathered(pipeline: Pipeline, stop: threading.Event) -> Generator[list[Frame], None, None]:
    frames = pipeline.source.frames(stop)
    if pipeline.at_hand and usable_cores() == 1:
        return in_turn(frames, stop, EIGHT)
    return batches(frames, stop, MOST_AT_ONCE, idle_s=IDLE_S, fewest=MOST_AT_ONCE if pipeline.at_hand else 1)


def _keep(series: Series, row: Row) -> None:
    if row.filled is not None and series.has(row.index):
        series.fill(row)
    else:
        series.append(row)


def _progress(pipeline: Pipeline, fills: int) -> Progress:
    """The source's counters; what was read ahead still waits. A frame that fills a gap was found before."""
    counters = pipeline.source.progress()
    found = counters.found - fills
    return replace(counters, found=found, waiting=max(0, found - pipeline.series.snapshot().count))


def _row(pipeline: Pipeline, gaps: OpenGaps, frame: Frame, pattern: Pattern | NoResult) -> Row | None:
    """The row of this frame: a new one, or that of the gap it fills; None where it was a gap and still is."""
    gap = gaps.of(frame)
    if gap is not None:
        gaps.fills += 1
        if isinstance(pattern, NoResult):
            return None
        gaps.close(frame.name)
        return filled(gap[0], _measured(pipeline, frame, pattern, gap[1].refine(pattern), gap[0].verdict))
    fit = pattern if isinstance(pattern, NoResult) else pipeline.refinement.refine(pattern)
    row = _measured(pipeline, frame, pattern, fit, pipeline.judge.judge(frame.time_s, fit), gaps.fills)
    gaps.note(row, pipeline.refinement)
    return row


def _measured(
    pipeline: Pipeline, frame: Frame, pattern: Pattern | NoResult, fit: Fit | NoResult, verdict: Verdict, fills: int = 0
) -> Row:
    fraction = fraction_esd = NAN
    if pipeline.composition is not None and isinstance(fit, Fit):
        fraction, fraction_esd = fraction_of(pipeline.composition, fit.lp_mean_A, fit.lp_mean_esd_A)
    found = None if isinstance(pattern, NoResult) else pattern
    return Row(
        index=frame.index - fills,
        name=frame.name,
        time_s=frame.time_s,
        mtime_s=frame.mtime_s,
        pattern=found,
        fit=fit,
        verdict=verdict,
        intensity=NAN if found is None else float(np.nanmean(found.intensity)),
        fraction=fraction,
        fraction_esd=fraction_esd,
        header=kept_values(frame.header, pipeline.header_names),
        pixels_left_out=None if found is None else found.pixels_left_out,
    )
