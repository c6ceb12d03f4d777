"""Journal and run file of one run as one, frame by frame."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.changes import Change
from latticewatch.processing.record.run_file.journal_content import JournalContent, Note, Pixels
from latticewatch.processing.record.run_file.stored_run import Run

ALIKE_ROWS = 50


class Merge:
    """The journal where both have a row; the run file where the journal lost it.

    stored: the run file; None: it is not looked at. Each method reads the journal through; ``fills`` comes after
    ``rows``. drawn: rows that the run file alone has. has_drawn: something else, such as a note, came from it.
    is_unread: a row of the run file that is needed cannot be read.
    """

    def __init__(self, content: JournalContent, stored: Run | None) -> None:
        self.content = content
        self.drawn = 0
        self.has_drawn = False
        self.is_unread = False
        self._stored = stored
        # A row whose clock is 0 was never written: the file was left in the middle of a block.
        there = enumerate(stored.traced) if stored else ()
        self._places = {row.index: place for place, row in there if row.name and row.recorded_s != 0.0}
        self._filled: set[int] = set()

    def belongs_together(self) -> bool:
        """Whether the journal is of this run, by the rows that both have: there are some, and all are the same."""
        alike = 0
        for row in self.content.rows():
            stored = self._traced(row.index)
            if stored is not None and stored.filled == row.filled and not math.isnan(row.recorded_s):
                if (stored.name, stored.recorded_s) != (row.name, row.recorded_s):
                    return False
                alike += 1
                if alike == ALIKE_ROWS:
                    return True
        return alike > 0

    def rows(self) -> Iterator[Row]:
        """All rows in the order of their frames."""
        waiting = sorted(self._places, reverse=True)
        drawn: set[int] = set()
        for row in self.content.rows():
            while waiting and waiting[-1] < row.index:
                drawn.add(waiting[-1])
                yield from self._draw(waiting.pop())
            if waiting and waiting[-1] == row.index:
                waiting.pop()
            if row.filled is not None:
                self._filled.add(row.index)
            if row.index not in drawn:
                yield self._with_clock(row)
        while waiting:
            yield from self._draw(waiting.pop())

    def fills(self) -> Iterator[Row]:
        """Rows that filled gaps after their gap was recorded."""
        for row in self.content.fills():
            if row.index not in self._filled:
                self._filled.add(row.index)
                yield row
        for frame in sorted(self._places):
            stored = self._traced(frame)
            if stored is not None and stored.filled is not None and frame not in self._filled:
                self.has_drawn = True
                yield from self._read(frame)

    def changes(self) -> list[Change]:
        found = {change.segment: change for change in self.content.changes()}
        lost = {change.segment: change for change in (self._stored.changes if self._stored else ())}
        self.has_drawn |= bool(lost.keys() - found.keys())
        return [change for _, change in sorted((lost | found).items())]

    def notes(self) -> list[Note]:
        notes = self.content.notes()
        stored = self._stored.notes if self._stored else ()
        lost = [(note.time_s, note.written_s, note.kind, note.text) for note in stored]
        lost = [note for note in lost if note not in notes]
        self.has_drawn |= bool(lost)
        return sorted([*notes, *lost], key=lambda note: note[1]) if lost else notes

    def defects(self) -> tuple[Pixels, Pixels] | None:
        found, stored = self.content.defects(), self._stored
        if found is None and stored is not None and (len(stored.hot) or len(stored.dead)):
            self.has_drawn = True
            return stored.hot, stored.dead
        return found

    def _draw(self, frame: int) -> Iterator[Row]:
        for row in self._read(frame):
            self.drawn += 1
            if row.filled is not None:
                self._filled.add(frame)
            yield row

    def _read(self, frame: int) -> Iterator[Row]:
        """This row of the run file, unless it cannot be read."""
        if self._stored is None:
            return
        try:
            row = self._stored.rows[self._places[frame]]
        except UserError:
            self.is_unread = True
            return
        if row.pattern is None or np.isfinite(row.pattern.intensity).any():
            yield row
        else:
            self.is_unread = True

    def _with_clock(self, row: Row) -> Row:
        """The row with the time it was recorded at, where the journal lost its mark."""
        stored = self._traced(row.index) if math.isnan(row.recorded_s) else None
        if stored is None or math.isnan(stored.recorded_s):
            return row
        self.has_drawn = True
        return replace(row, recorded_s=stored.recorded_s)

    def _traced(self, frame: int) -> Row | None:
        place = self._places.get(frame)
        return None if place is None or self._stored is None else self._stored.traced[place]
