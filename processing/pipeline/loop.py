"""The one loop: source → frame → pattern → fit → series. Live, replay and headless differ in the source."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from latticewatch.processing.cores import usable_cores
from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.header_values import kept_values
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.sector import SectorCell
from latticewatch.processing.flow.series import NAN, Row, Series
from latticewatch.processing.flow.stages import Integrator, PeakFits, Recorder, Refinement, SectorFits, Source
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.pipeline.late_frames import OpenGaps, filled
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.sources.prefetch import batches, in_turn

MOST_AT_ONCE, EIGHT = 16, 8
NO_BEAM = NoResult("no beam")
NOT_JUDGED = Verdict(State.WAITING)
IDLE_S = 1.0
"""The recorder flushes after this idle time."""


class Changes(Protocol):
    """Changes of a run's settings: each makes another pipeline of the same source, recorder and series."""

    def recorded(self, pipeline: "Pipeline", segment: int | None = None) -> "Pipeline":
        """The pipeline with the settings that were recorded for this segment; of None: for the last one."""

    def asked(self, pipeline: "Pipeline") -> "Pipeline":
        """The pipeline that the next frame goes through: the same where nobody wants a change."""


class Unchanged:
    """The settings of a run that nobody changes."""

    def recorded(self, pipeline: "Pipeline", segment: int | None = None) -> "Pipeline":
        """The same pipeline."""
        del segment
        return pipeline

    def asked(self, pipeline: "Pipeline") -> "Pipeline":
        """The same pipeline."""
        return pipeline


class NoPeaks:
    """The peaks of a run that follows none."""

    def fit(self, pattern: Pattern | None) -> tuple[Peak, ...]:
        del pattern
        return ()


class NoSectors:
    """The sectors of a run that has none."""

    def fit(self, pattern: Pattern | None) -> tuple[SectorCell, ...]:
        del pattern
        return ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All that one run needs, put together once by the session.

    header_names: header values kept of each frame. at_hand: the source waits for nothing, so that a list can be
    waited for. recorded: rows of this run that are in its file already; the source gives what comes after them.
    segment: how many times the settings were changed so far. changes: says when they are. peaks: fitted in each
    pattern, whatever the refinement finds. sectors: the cells of azimuthal sectors.
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
    recorded: Sequence[Row] = ()
    segment: int = 0
    changes: Changes = field(default_factory=Unchanged)
    peaks: PeakFits = field(default_factory=NoPeaks)
    sectors: SectorFits = field(default_factory=NoSectors)


def run(pipeline: Pipeline, stop: threading.Event, *listeners: Callable[[Row], None]) -> None:
    """Process every frame of the source until it ends or ``stop`` is set; each listener is told of each row.

    Frames are read ahead in a thread, where there is a core for it, and taken as they have gathered, one or several:
    the numbers are the same.
    """
    gaps = OpenGaps()
    for row in pipeline.recorded:
        if stop.is_set():
            return
        if row.segment > pipeline.segment:
            pipeline = _changed(gaps, pipeline, pipeline.changes.recorded(pipeline, row.segment))
        _restore(pipeline, gaps, row)
        _show(pipeline, gaps, [row], listeners)
    pipeline = _changed(gaps, pipeline, pipeline.changes.recorded(pipeline))
    with closing(_gathered(pipeline, stop)) as gathered:
        for frames in gathered:
            pipeline = _changed(gaps, pipeline, pipeline.changes.asked(pipeline))
            patterns = pipeline.integrator.integrate_many(frames)
            rows = [_row(pipeline, gaps, frame, pattern) for frame, pattern in zip(frames, patterns, strict=True)]
            _show(pipeline, gaps, pipeline.recorder.append_many([row for row in rows if row is not None]), listeners)
            if stop.is_set():
                return


def _changed(gaps: OpenGaps, before: Pipeline, now: Pipeline) -> Pipeline:
    if now is not before:
        gaps.forget()
    return now


def _gathered(pipeline: Pipeline, stop: threading.Event) -> Generator[list[Frame], None, None]:
    frames = pipeline.source.frames(stop)
    if pipeline.at_hand and usable_cores() == 1:
        return in_turn(frames, stop, EIGHT)
    return batches(frames, stop, MOST_AT_ONCE, idle_s=IDLE_S, fewest=MOST_AT_ONCE if pipeline.at_hand else 1)


def _restore(pipeline: Pipeline, gaps: OpenGaps, row: Row) -> None:
    """Bring fit and verdict to where they were after this recorded row; what they find of it is in the row already."""
    if row.pattern is not None and row.filled is None:  # what filled a gap was fitted apart
        pipeline.refinement.refine(row.pattern)
    judge_recorded(pipeline.judge, row)
    if row.filled is None:
        gaps.note(row, pipeline.refinement)


def judge_recorded(judge: Judge, row: Row) -> None:
    """Show the judge this row as it came: a gap that was filled later was a gap."""
    if row.filled is None:
        judge.judge(row.time_s, row.fit, row.peaks)
    else:
        judge.judge(row.filled.time_s, NoResult(row.filled.reason))


def _show(pipeline: Pipeline, gaps: OpenGaps, rows: Sequence[Row], listeners: Sequence[Callable[[Row], None]]) -> None:
    """Add the rows to the series and tell the listeners. What was read ahead still waits; a frame that fills a gap was
    found before."""
    series = pipeline.series
    for row in rows:
        if row.filled is not None and series.has(row.index):
            series.fill(row)
        else:
            series.append(row)
        for tell in listeners:
            tell(row)
    counters = pipeline.source.progress()
    found = counters.found - gaps.fills
    series.report(replace(counters, found=found, waiting=max(0, found - series.snapshot().count)))


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
    row = _measured(pipeline, frame, pattern, fit, NOT_JUDGED, gaps.fills)
    verdict = pipeline.judge.judge(frame.time_s, fit, row.peaks)
    # What is late has no cells of sectors: they follow the frame before.
    row = replace(row, verdict=verdict, sectors=pipeline.sectors.fit(row.pattern if isinstance(fit, Fit) else None))
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
        segment=pipeline.segment,
        peaks=pipeline.peaks.fit(None if fit == NO_BEAM else found),
    )
