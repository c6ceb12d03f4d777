"""The operator's marks: set, changed, deleted, undone; each step is kept in the run file."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter

from latticewatch.app.window.undo import Undo
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.wording import moment
from latticewatch.processing.record.run_file.notes import MARK, REMOVED
from latticewatch.widgets.marks import Mark

log = logging.getLogger(__name__)

BY_TIME = attrgetter("time_s")
AddNote = Callable[[float, str, str], None]
"""Keeps a note in the run file: seconds from the first frame, text, kind."""


class MarkBook:
    """The marks of one run in order of time. changed: called after each change. say: one line to the user."""

    def __init__(self, undo: Undo, changed: Callable[[], object], say: Callable[[str], object]) -> None:
        self._undo, self._changed, self._say = undo, changed, say
        self._add_note: AddNote | None = None
        self._marks: list[Mark] = []

    def begin(self, marks: Sequence[Mark], add_note: AddNote | None) -> None:
        """Another run: its marks so far, and what keeps those to come (None: nothing does)."""
        self._marks, self._add_note = sorted(marks, key=BY_TIME), add_note
        self._changed()

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(self._marks)

    def recall(self, marks: Sequence[Mark]) -> None:
        """Show marks of a run that is shown again, as their time comes."""
        if marks:
            self._marks = sorted([*self._marks, *marks], key=BY_TIME)
            self._changed()

    def add(self, time_s: float, text: str) -> None:
        mark = Mark(time_s, text or "mark")
        self._undo.do(_named(mark), partial(self._put, mark), partial(self._take, mark))

    def keep_words(self, row: Row | None, words: str, why: str) -> None:
        """Words for the logbook that it did not get become a note at this row; ``why``: what went wrong."""
        if words:
            self.add(row.time_s if row is not None else 0.0, f"for the logbook: {words}")
        kept = "; your words are kept as a note of the run (K lists the notes)" if words else ""
        self._say(f"not posted{kept}. {why}")

    def remove(self, mark: Mark) -> None:
        self._undo.do(f"deleting {_named(mark)}", partial(self._take, mark), partial(self._put, mark))

    def change(self, mark: Mark, text: str) -> None:
        """Give this mark another text; an empty one changes nothing."""
        if not text or text == mark.text:
            return
        changed = Mark(mark.time_s, text)
        self._undo.do(
            f"changing {_named(mark)} to “{text}”",
            partial(self._swap, mark, changed),
            partial(self._swap, changed, mark),
        )

    def _swap(self, old: Mark, new: Mark) -> None:
        self._take(old)
        self._put(new)

    def _put(self, mark: Mark) -> None:
        self._marks = sorted([*self._marks, mark], key=BY_TIME)
        self._keep(mark, MARK)

    def _take(self, mark: Mark) -> None:
        if mark in self._marks:
            self._marks.remove(mark)
            self._keep(mark, REMOVED)

    def _keep(self, mark: Mark, kind: str) -> None:
        log.info("%s at %.1f s: %s", "mark" if kind == MARK else "mark removed", mark.time_s, mark.text)
        self._changed()
        if self._add_note is None:
            return
        try:
            self._add_note(mark.time_s, mark.text, kind)
        except UserError as error:
            self._say(f"shown but not recorded: {error}")


def _named(mark: Mark) -> str:
    return f"mark “{mark.text}” at {moment(mark.time_s)}"
