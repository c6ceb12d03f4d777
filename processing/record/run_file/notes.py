"""Notes of a run, and which marks among them are valid: a mark may be removed, and a run file is never rewritten."""

from collections.abc import Sequence
from dataclasses import dataclass

MARK, REMOVED, LOG = "mark", "removed", "log"


@dataclass(frozen=True, slots=True)
class Note:
    """What the operator or the program wrote down. time_s: from the first frame. written_s: clock."""

    time_s: float
    written_s: float
    kind: str
    text: str


def standing_marks(notes: Sequence[Note]) -> list[Note]:
    """The operator's marks that stand, in the order they were written.

    A note of the kind ``removed`` undoes the newest mark of its time and text before it.
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
