"""Notes of a run that is shown again: each comes when its time has come, as it did live."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from latticewatch.processing.record.run_file.notes import LOG, standing_marks
from latticewatch.widgets.marks import Mark

if TYPE_CHECKING:
    from latticewatch.processing.record.run_file.reader import Note


class Recall:
    """Hands out marks and log lines up to the time that is played; each once."""

    def __init__(self, notes: "Sequence[Note]" = ()) -> None:
        told = [note for note in notes if note.kind == LOG]
        self._waiting = sorted([*standing_marks(notes), *told], key=lambda note: note.time_s)

    def due(self, time_s: float) -> tuple[list[Mark], list[str]]:
        """Marks and lines of the log that were not handed out yet and are not later than this."""
        number = sum(not note.time_s > time_s for note in self._waiting)
        come, self._waiting = self._waiting[:number], self._waiting[number:]
        marks = [Mark(note.time_s, note.text) for note in come if note.kind != LOG]
        return marks, [_line(note) for note in come if note.kind == LOG]


def _line(note: "Note") -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(note.written_s))}  then: {note.text}"
