"""Sessions on a run file: shown as it was recorded, or fitted and judged again from its patterns."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import time

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.run.run_log import changes_told, log_kept
from latticewatch.app.run.session import Session, Unrecorded, pipeline_of
from latticewatch.processing.flow.fit import Curves, Fit
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.stages import Refinement, Source
from latticewatch.processing.record.run_file.header import software_versions
from latticewatch.processing.record.run_file.notes import LOG
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.record.run_file.writer import RunWriter

NO_IMAGES = "unreadable: an image in a run file"
NOT_FITTED = NoResult("fit refused: shown as it was recorded")


@dataclass(frozen=True, slots=True)
class AsRecorded:
    """The integrator of a run file's frames: they are patterns, or the gaps they were."""

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """What the frames hold."""
        return [NoResult(NO_IMAGES) if isinstance(frame.content, Image) else frame.content for frame in frames]


@dataclass(frozen=True, slots=True)
class NotFitted:
    """The refinement of a run that is shown as it was recorded: it only draws."""

    drawing: Refinement

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        """Nothing: the recorded fit takes its place."""
        del pattern
        return NOT_FITTED

    def fork(self) -> "NotFitted":
        """Itself: it remembers nothing."""
        return self

    def curves(self, parameters: NDArray[np.float64]) -> Curves:
        """The curves of a recorded fit."""
        return self.drawing.curves(parameters)


@dataclass(frozen=True, slots=True)
class RecordedRows:
    """The recorder of such a run: for each row it gives the one that was recorded, fit and verdict as they were."""

    rows: Iterator[Row]

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        """The recorded rows, with their patterns."""
        return [replace(next(self.rows), pattern=row.pattern) for row in rows]


@contextmanager
def shown_again(run: Run, source: Source) -> Iterator[Session]:
    """A session that shows what was recorded: fits, verdicts, notes. Nothing is recorded."""
    with run:
        parts = pipeline_of(run.setup, source, AsRecorded(), run.two_theta, RecordedRows(iter(run.traced)))
        parts = replace(parts, refinement=NotFitted(parts.refinement))
        told = () if any(note.kind == LOG for note in run.notes) else (changes_told(),)
        again = Session(run.setup, parts, None, None, run.header.inputs, run.header.decided, told)
        yield replace(again, notes=run.notes, seen_in=run.path)


@contextmanager
def refitted(run: Run, source: Source, out: Path | None) -> Iterator[Session]:
    """A session on the patterns of a run file, fitted and judged again; recorded in ``out`` where that is given."""
    with ExitStack() as stack:
        stack.enter_context(run)
        header = replace(run.header, software=software_versions(), started_s=time())
        writer = stack.enter_context(RunWriter(out, header, run.two_theta)) if out else None
        recorder = writer or Unrecorded()
        parts = pipeline_of(run.setup, source, AsRecorded(), run.two_theta, recorder, header.header_names)
        kept = stack.enter_context(log_kept(writer))
        again = Session(run.setup, parts, out, writer, header.inputs, header.decided, (changes_told(), kept))
        yield replace(again, notes=run.notes)
