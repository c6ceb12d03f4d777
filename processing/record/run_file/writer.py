"""Writing a run so that nothing reported is ever lost.

Every row goes into the journal first. It counts, and ``recorded_s`` is given, once the system has taken the
row and its commit mark follows: from then on the end of this process, however sudden, cannot lose it. Against
power cuts the journal is also synchronised to the disk before a row is reported, unless that would take more
than a twentieth of the time; then rows of the last few milliseconds share the next synchronisation. The HDF5
file follows in blocks, at least once a second while rows arrive, and is complete once the run is closed.
"""

import contextlib
import errno
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.changes import Change, change_to_json
from latticewatch.processing.record.run_file.fallback import Fallback, continue_in, kinds_of
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.journal import Kind
from latticewatch.processing.record.run_file.journal_content import COMMIT, Note, packed
from latticewatch.processing.record.run_file.nexus import NexusFile
from latticewatch.processing.record.run_file.open_for_writing import Opened, reason_of, resume, start
from latticewatch.processing.record.run_file.rebuild import BLOCK_ROWS, heal, remove_journal, sync_folder
from latticewatch.processing.record.run_file.row_codec import encode_row

Result = TypeVar("Result")
log = logging.getLogger(__name__)

BLOCK_SECONDS = 1.0
SPACE_SECONDS = 0.2
RESERVE_BYTES, RESERVE_SHARE = 64 << 20, 0.01
FULL = "the disk is nearly full"
GONE = "its folder is gone, or it was renamed or removed"


class RecordingStopped(UserError):  # noqa: N818 - what happened, not that it is an error
    """The disk takes no more. What was recorded is safe; ``append`` may be tried again once there is room.

    reason: in a few words; empty where nothing but the end of the run is the reason.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class RunWriter:
    """The recorder of one run; made by ``RunWriter(path, header, two_theta)`` or ``RunWriter.resume(path)``.

    Methods may be called from any thread. names: frames that are recorded already, as they stand in the trace.
    """

    _fallback: Fallback | None

    def __init__(self, path: Path, header: RunHeader, two_theta: NDArray[np.float64]) -> None:
        """Start a new run file. Raises UserError where there is one already, or it cannot be written."""
        self._begin(path, start(path, header, two_theta))

    def use_fallback(self, fallback: Fallback) -> None:
        """From now on, where the run's own folder takes no more, continue there instead of raising RecordingStopped."""
        self._fallback = fallback

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Resume a run, closed or not. Raises UserError where it cannot be read or is being written."""
        writer = cls.__new__(cls)
        writer._begin(path, resume(path))
        return writer

    def _begin(self, path: Path, opened: Opened) -> None:
        self.names = opened.names
        self._mutex = threading.Lock()
        self._closed = False
        self._handed: deque[Note] = deque()
        self._handing = threading.Lock()  # for a moment only, never while something is written
        self._takes_no_notes = False
        self._fallback = None
        self._take(path, opened)

    def _take(self, path: Path, opened: Opened) -> None:
        self.path = path
        self._lock_file = opened.lock
        self._journal = opened.journal
        self._file = opened.file
        self._nexus: NexusFile | None = opened.nexus
        self._rows: list[Row] = []
        self._fills: list[Row] = []
        self._newest = opened.newest_frame
        self._notes: list[Note] = []
        self._block_at = -BLOCK_SECONDS
        self._space_at = -SPACE_SECONDS

    def append(self, row: Row) -> Row:
        """The row with ``recorded_s`` filled in, once it is safe. Raises RecordingStopped."""
        return self.append_many([row])[0]

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        """As ``append`` for a backlog, at the cost of one: all are recorded or none. Raises RecordingStopped.

        No rows: none has come for a while, so what is held back is brought to the file and to the disk.
        """
        if not rows:
            if self._rows or self._fills or self._notes or self._handed or self._journal.unsynced:
                self.flush()
            return []
        with self._mutex:
            self._keep_handed()
            recorded = self._or_in_fallback(lambda: self._append(rows))
            if self._fallback is not None:
                self._fallback.rows += recorded
        return recorded

    def _append(self, rows: Sequence[Row]) -> list[Row]:
        self._check_place()
        kinds, newest = kinds_of(rows, self._newest)
        recorded_s = self._commit([(kind, encode_row(row)) for kind, row in zip(kinds, rows, strict=True)])
        self._newest = newest
        recorded = [replace(row, recorded_s=recorded_s) for row in rows]
        for kind, row in zip(kinds, recorded, strict=True):
            (self._fills if kind is Kind.FILL else self._rows).append(row)
        if len(self._rows) >= BLOCK_ROWS or monotonic() - self._block_at >= BLOCK_SECONDS:
            self._write_block()
        return recorded

    def append_note(self, time_s: float, text: str, kind: str = "mark") -> None:
        """Keep a note at this time from the first frame; kind: see notes.py.

        Raises RecordingStopped.
        """
        self.hand_note(time_s, text, kind)
        with self._mutex:
            self._keep_handed()

    def hand_note(self, time_s: float, text: str, kind: str = "mark") -> None:
        """As ``append_note``, for a thread that may not wait for a disk: the run's own thread writes it with the next
        row, after its idle time, or when the run is closed. Raises RecordingStopped where that was."""
        with self._handing:
            if self._takes_no_notes:
                raise RecordingStopped(f"{self.path}: the run is closed; nothing can be added")
            self._handed.append((time_s, time(), kind, text.replace("\0", " ")))

    def _keep_handed(self) -> None:
        while self._handed:
            note = self._handed[0]
            entry = [(Kind.NOTE, packed(*note))]
            self._or_in_fallback(lambda entry=entry: self._guard(lambda: self._journal.append(entry)))  # type: ignore[misc]
            self._handed.popleft()
            self._notes.append(note)
            if self._fallback is not None:
                self._fallback.notes.append(note)

    def append_change(self, change: Change) -> None:
        """Keep a change of the run's settings: the rows to come are made with them. Raises RecordingStopped; then
        nothing is changed."""
        with self._mutex:
            entry = [(Kind.CHANGE, change_to_json(change))]
            self._or_in_fallback(lambda: self._guard(lambda: self._journal.append(entry)))
            self._write_block()  # the rows before it
            self._into_file(lambda nexus: nexus.append_change(change))
            if self._fallback is not None:
                self._fallback.changes.append(change)

    def set_defects(self, hot: NDArray[np.int64], dead: NDArray[np.int64]) -> None:
        """Keep the pixels found hot and dead, (n, 2) row and column each. Raises RecordingStopped."""
        with self._mutex:
            payload = packed(hot.tolist(), dead.tolist())
            self._or_in_fallback(lambda: self._guard(lambda: self._journal.append([(Kind.DEFECTS, payload)])))
            self._into_file(lambda nexus: nexus.set_defects(hot, dead))
            if self._fallback is not None:
                self._fallback.defects = (hot, dead)

    def set_account(self, waiting: int, left_out: int) -> None:
        """Keep how many frames still wait and how many files were left out. Raises RecordingStopped."""
        with self._mutex:
            payload = packed(waiting, left_out)
            self._or_in_fallback(lambda: self._guard(lambda: self._journal.append([(Kind.ACCOUNT, payload)])))
            self._write_block()
            self._into_file(lambda nexus: nexus.set_account(waiting, left_out))

    def flush(self) -> None:
        """Bring the HDF5 up to date and wait until every row is on the disk itself: for when no frames come.

        Raises RecordingStopped.
        """
        with self._mutex:
            self._keep_handed()
            self._or_in_fallback(self._flush)

    def _flush(self) -> None:
        self._check_place()
        self._write_block()
        self._guard(self._journal.sync)

    def close(self) -> None:
        """Finish the run file and remove its journal. Safe to call twice.

        Where the disk has no room for the run file the journal stays, and the run file is completed from it
        when it is next opened; then RecordingStopped is raised to say so.
        """
        with self._mutex:
            if self._closed:
                return
            with self._handing:
                self._takes_no_notes = True
            try:
                try:
                    self._keep_handed()
                finally:
                    self._or_in_fallback(self._finish)
            finally:
                self._leave_file()  # in any case: an HDF5 file that is left open kills the process at its end
                self._closed = True
                self._journal.close()
                self._lock_file.release()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(RecordingStopped):
            self.close()

    def _or_in_fallback(self, work: Callable[[], Result]) -> Result:
        """Do it; where the place takes no more, do it in the fallback folder. Raises RecordingStopped."""
        try:
            return work()
        except RecordingStopped as stop:
            if self._fallback is None or not stop.reason:
                raise
            try:
                path, opened = continue_in(self._fallback, self.path, stop.reason)
            except UserError as error:
                raise RecordingStopped(f"{stop}; {error}") from None
        self._leave_file()
        self._journal.close()
        self._lock_file.release()
        self._take(path, opened)
        return work()

    def _finish(self) -> None:
        if not self._journal.is_there():
            raise self._stopped(GONE)
        self._write_block()
        self._into_file(lambda nexus: nexus.finish(time()))
        self._leave_file()
        try:
            if self._file.failure is not None:
                self._journal.sync()
                heal(self.path)
        except (OSError, UserError) as error:
            reason = self._file.failure or error
            raise RecordingStopped(
                f"{self.path}: could not be completed ({reason_of(reason)}); every row is in "
                f"{self._journal.path.name}: make room, keep both files, and open the run again",
                reason_of(reason),
            ) from None
        remove_journal(self.path)
        sync_folder(self.path.parent)

    def _commit(self, entries: list[tuple[Kind, bytes]]) -> float:
        mark = self._journal.end

        def write() -> float:
            try:
                self._journal.append(entries)
                self._journal.sync_if_due()
                recorded_s = time()
                self._journal.append([(Kind.COMMIT, COMMIT.pack(recorded_s, len(entries)))])
            except BaseException:
                with contextlib.suppress(OSError):  # the error to be told is the first
                    self._journal.cut(mark)
                raise
            return recorded_s

        return self._guard(write)

    def _guard(self, write: Callable[[], Result]) -> Result:
        if self._closed:
            raise RecordingStopped(f"{self.path}: the run is closed; nothing can be added")
        try:
            return write()
        except OSError as error:
            raise self._stopped(reason_of(error)) from None

    def _stopped(self, reason: str) -> RecordingStopped:
        told = f"recording stopped ({reason}); every row so far is safe: fix this, then continue with --resume"
        return RecordingStopped(f"{self.path}: {told}", reason)

    def _check_place(self) -> None:
        """Stop while there is room to finish what was begun, and where the file is not there any more."""
        now = monotonic()
        if now - self._space_at < SPACE_SECONDS:
            return
        if not self._journal.is_there():
            raise self._stopped(GONE)
        with contextlib.suppress(OSError):  # where it cannot be told there is room
            disk = os.statvfs(self.path.parent)
            if disk.f_bavail * disk.f_frsize < min(RESERVE_BYTES, RESERVE_SHARE * disk.f_blocks * disk.f_frsize):
                raise self._stopped(FULL)
        self._space_at = now

    def _write_block(self) -> None:
        rows, fills, notes = self._rows, self._fills, self._notes
        self._rows, self._fills, self._notes = [], [], []

        def write(nexus: NexusFile) -> None:
            if rows:
                nexus.append(rows)
            for row in fills:
                nexus.fill(row)
            if notes:
                nexus.append_notes(notes)
            nexus.flush()

        self._into_file(write)
        self._block_at = monotonic()

    def _into_file(self, write: Callable[[NexusFile], None]) -> None:
        """Write to the HDF5, or give it up: then it is made anew from the journal."""
        if self._nexus is None:
            return
        try:
            if self._file.failure is None:
                write(self._nexus)
        except BaseException as error:
            self._file.failure = self._file.failure or OSError(errno.EIO, str(error))
            if not isinstance(error, Exception):
                raise
        if self._file.failure is not None:
            log.error("%s: not written (%s); the journal is still written", self.path, reason_of(self._file.failure))
            self._leave_file()

    def _leave_file(self) -> None:
        nexus, self._nexus = self._nexus, None
        if nexus is None:
            return
        try:
            nexus.close()
        except Exception as error:
            self._file.failure = self._file.failure or OSError(errno.EIO, str(error))
        self._file.sync()
        self._file.close()
