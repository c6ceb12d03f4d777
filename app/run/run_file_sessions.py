"""Sessions on a run file: shown as it was recorded, or fitted and judged again from its patterns."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import time

from latticewatch.app.run.run_log import changes_told, foreign_told, log_kept
from latticewatch.app.run.segments import ForeignIn, Segment, segments_of
from latticewatch.app.run.session import Session, Unrecorded, pipeline_of
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Series
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.pipeline.replay import Replay
from latticewatch.processing.record.run_file.header import Decision, software_versions
from latticewatch.processing.record.run_file.notes import LOG
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.sources.pacing import Transport

NO_IMAGES = "unreadable: an image in a run file"


@dataclass(frozen=True, slots=True)
class AsRecorded:
    """The integrator of a run file's frames: they are patterns, or the gaps they were."""

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        return [NoResult(NO_IMAGES) if isinstance(frame.content, Image) else frame.content for frame in frames]


@contextmanager
def shown_again(run: Run, transport: Transport) -> Iterator[Session]:
    """A session that shows what was recorded: fits, verdicts, notes. Nothing is recorded."""
    with run:
        setup, header, segments = run.setup, run.latest, segments_of(run)
        series = Series(run.two_theta, header.component_names, run.setup.quantities)
        parts = Replay(run.rows, transport, segments[-1].refinement, series)
        told = () if any(note.kind == LOG for note in run.notes) else (changes_told(),)
        again = Session(setup, parts, None, None, header.inputs, header.decided, told)
        yield replace(again, notes=run.notes, seen_in=run.path, segments=segments)


@contextmanager
def refitted(run: Run, source: Source, out: Path | None, decided: tuple[Decision, ...]) -> Iterator[Session]:
    """A session on the patterns of a run file, fitted and judged again with the settings that it had last; recorded in
    ``out`` where that is given. decided: kept there."""
    with ExitStack() as stack:
        stack.enter_context(run)
        header = replace(run.latest, software=software_versions(), started_s=time(), decided=decided)
        writer = stack.enter_context(RunWriter(out, header, run.two_theta)) if out else None
        recorder = writer or Unrecorded()
        pipeline = pipeline_of(run.setup, source, AsRecorded(), run.two_theta, recorder, header.header_names)
        kept = stack.enter_context(log_kept(writer))
        unknown = foreign_told(ForeignIn((Segment(0, run.setup, pipeline.refinement),), run.two_theta).of)
        again = Session(
            run.setup, pipeline, out, writer, header.inputs, header.decided, (changes_told(), unknown, kept)
        )
        yield replace(again, notes=run.notes)
