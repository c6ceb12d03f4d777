"""One run as the window sees it, and what was written down in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from latticewatch.app.run.images_again import Picture
from latticewatch.app.run.segments import Segment, segment_at
from latticewatch.app.run.session import Session
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.row_fields import Kept
from latticewatch.processing.flow.series import Row, Series
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.record.run_file.changes import Change
from latticewatch.processing.record.run_file.header import Decision, InputFile
from latticewatch.processing.record.run_file.notes import LOG, Note, standing_marks
from latticewatch.processing.text import local_time
from latticewatch.widgets.marks import Mark


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run as the window sees it.

    out: the run file, None where nothing is recorded. add_note: keeps a note there (seconds, text, kind). inputs: the
    files the run was made with. decided: what it was put together from. notes, seen_in: of a run file that is shown
    again. look: reads a frame's image again; None where images are not at hand. resumed: the number of its rows
    that were recorded before it was resumed. segments: the settings that its rows were made with, in their order; left
    out: ``setup`` all along.
    """

    setup: Setup
    series: Series
    refinement: Refinement
    out: Path | None = None
    add_note: Callable[[float, str, str], None] | None = None
    inputs: tuple[InputFile, ...] = ()
    decided: tuple[Decision, ...] = ()
    notes: tuple[Note, ...] = ()
    seen_in: Path | None = None
    look: Callable[[str], Picture] | None = None
    resumed: int = 0
    segments: Sequence[Segment] = ()

    @classmethod
    def of(cls, session: Session) -> "ShownRun":
        """The run of this session, with the settings that it has now."""
        now = session.segments[-1] if session.segments else Segment(0, session.setup, session.pipeline.refinement)
        return cls(
            setup=now.setup,
            series=session.pipeline.series,
            refinement=now.refinement,
            out=session.out,
            add_note=session.writer.hand_note if session.writer is not None else None,
            inputs=now.inputs or session.inputs,
            decided=now.decided or session.decided,
            notes=session.notes,
            seen_in=session.seen_in,
            look=session.look,
            resumed=session.resumed,
            segments=session.segments or (now,),
        )

    def at(self, row: Row) -> Segment:
        """The settings that this row was made with."""
        return segment_at(self.settings, row.segment)

    @property
    def settings(self) -> Sequence[Segment]:
        """At least one; the run's own thread adds to them."""
        return self.segments or (Segment(0, self.setup, self.refinement),)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of its settings so far."""
        return tuple(each.change for each in self.segments if each.change is not None)

    @property
    def kept(self) -> Kept:
        """What decides the columns of the trace: all peaks that are or were followed are in it."""
        peaks = (peak.name for each in self.settings for peak in each.setup.peaks)
        return replace(self.setup.kept, peaks=tuple(dict.fromkeys(peaks)))

    @property
    def names(self) -> tuple[str, ...]:
        return self.series.component_names


class Recall:
    """Hands out marks and log lines up to the time that is played; each once."""

    def __init__(self, notes: Sequence[Note] = ()) -> None:
        told = [note for note in notes if note.kind == LOG]
        self._waiting = sorted([*standing_marks(notes), *told], key=lambda note: note.time_s)

    def due(self, time_s: float) -> tuple[list[Mark], list[str]]:
        """Marks and lines of the log that were not handed out yet and are not later than this."""
        number = sum(not note.time_s > time_s for note in self._waiting)
        come, self._waiting = self._waiting[:number], self._waiting[number:]
        marks = [Mark(note.time_s, note.text) for note in come if note.kind != LOG]
        return marks, [
            f"{local_time('%H:%M:%S', note.written_s)}  then: {note.text}" for note in come if note.kind == LOG
        ]
