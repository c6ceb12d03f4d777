"""The fallback folder: when the place of a run takes no more, all of it is copied there and recording continues."""

import contextlib
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.changes import Change, change_to_json
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.journal import Kind
from latticewatch.processing.record.run_file.journal_content import COMMIT, Note, packed
from latticewatch.processing.record.run_file.names import free_name, journal_path
from latticewatch.processing.record.run_file.open_for_writing import Opened, reason_of, start
from latticewatch.processing.record.run_file.rebuild import BLOCK_ROWS
from latticewatch.processing.record.run_file.row_codec import encode_row

Pixels = NDArray[np.int64]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Fallback:
    """Where recording continues, and what is copied there: the rows are those the series holds anyway.

    before: what the run held when it was resumed. changes: of its settings, those of then too.
    """

    folder: Path
    header: RunHeader
    two_theta: NDArray[np.float64]
    before: Sequence[Row] = ()
    rows: list[Row] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    defects: tuple[Pixels, Pixels] | None = None
    changes: list[Change] = field(default_factory=list)

    def begin(self, name: str) -> tuple[Path, Opened]:
        """A run file of this name, or with a number, that holds all there is. Raises UserError, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = free_name(self.folder / name)
        opened = start(path, self.header, self.two_theta)
        try:
            newest = self._take_along(opened)
        except BaseException:
            opened.journal.close()
            with contextlib.suppress(Exception):
                opened.nexus.close()
            opened.file.close()
            for each in (path, journal_path(path)):
                with contextlib.suppress(OSError):
                    each.unlink(missing_ok=True)
            opened.lock.release()
            raise
        return path, Opened(opened.lock, opened.journal, opened.file, opened.nexus, newest_frame=newest)

    def _take_along(self, opened: Opened) -> int:
        journal, nexus, newest = opened.journal, opened.nexus, -1
        journal.append((Kind.CHANGE, change_to_json(change)) for change in self.changes)
        for change in self.changes:
            nexus.append_change(change)
        rows = itertools.chain(self.before, self.rows)
        while opened.file.failure is None and (block := list(itertools.islice(rows, BLOCK_ROWS))):
            kinds, newest = kinds_of(block, newest)
            pairs = list(zip(kinds, block, strict=True))
            journal.append(entry for kind, row in pairs for entry in _entries(kind, row))
            nexus.append([row for kind, row in pairs if kind is Kind.ROW])
            for _, row in (pair for pair in pairs if pair[0] is Kind.FILL):
                nexus.fill(row)
        journal.append((Kind.NOTE, packed(*note)) for note in self.notes)
        if self.notes:
            nexus.append_notes(self.notes)
        if self.defects is not None:
            journal.append([(Kind.DEFECTS, packed(*(pixels.tolist() for pixels in self.defects)))])
            nexus.set_defects(*self.defects)
        nexus.flush()
        if opened.file.failure is not None:
            raise opened.file.failure
        journal.sync()
        return newest


def continue_in(fallback: Fallback, path: Path, reason: str) -> tuple[Path, Opened]:
    """Continue the run of this path in the fallback folder, and say so. Raises UserError where that fails as well."""
    try:
        new, opened = fallback.begin(path.name)
    except (OSError, UserError) as error:
        raise UserError(f"nor can it continue in {fallback.folder} ({reason_of(error)})") from None
    log.error("%s: %s: RECORDING CONTINUES IN %s, which holds every row so far", path, reason, new)
    return new, opened


def kinds_of(rows: Sequence[Row], newest: int) -> tuple[list[Kind], int]:
    """A filled row takes its gap's place where that is recorded; in a copy of a run it is a row like others."""
    kinds: list[Kind] = []
    for row in rows:
        kinds.append(Kind.FILL if row.filled is not None and row.index <= newest else Kind.ROW)
        newest = max(newest, row.index)
    return kinds, newest


def _entries(kind: Kind, row: Row) -> list[tuple[Kind, bytes]]:
    """Rows keep the time they were recorded at by a mark for none of them; what filled a gap has one of its own."""
    mark = COMMIT.pack(row.recorded_s, 1) if kind is Kind.FILL else COMMIT.pack(0.0, 0)
    return [(kind, encode_row(row)), (Kind.COMMIT, mark)]
