"""Which of a run's notes stand: a mark may have been taken back, and nothing in a run file is ever rewritten."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latticewatch.processing.record.run_file.reader import Note

MARK, REMOVED, LOG = "mark", "removed", "log"


def standing_marks(notes: "Sequence[Note]") -> "list[Note]":
    """The operator's marks that stand, in the order they were written.

    A note of the kind ``removed`` takes back the newest mark of its time and text before it.
    """
    standing: list[Note] = []
    for note in notes:
        if note.kind == MARK:
            standing.append(note)
        elif note.kind == REMOVED:
            same = [n for n, each in enumerate(standing) if (each.time_s, each.text) == (note.time_s, note.text)]
            if same:
                del standing[same[-1]]
    return standing
