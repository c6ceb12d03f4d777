"""Starting a run file, and resuming one."""

import contextlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.error_latching_file import ErrorLatchingFile, failure_raised
from latticewatch.processing.files.guarded_hdf5 import damage_said, run_id_of
from latticewatch.processing.record.run_file.changes import change_to_json
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.journal import Journal, Kind
from latticewatch.processing.record.run_file.journal_content import COMMIT, Beginning, pack_beginning, packed
from latticewatch.processing.record.run_file.lock import RunLock, acquire
from latticewatch.processing.record.run_file.names import draft_path, journal_path
from latticewatch.processing.record.run_file.nexus import NexusFile
from latticewatch.processing.record.run_file.rebuild import BLOCK_ROWS, heal, new_file, remove_journal, sync_folder
from latticewatch.processing.record.run_file.row_codec import encode_row
from latticewatch.processing.record.run_file.stored_run import Run, read_stored

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A run that is ready to be written; names: frames that it holds already, newest_frame: number of the last."""

    lock: RunLock
    journal: Journal
    file: ErrorLatchingFile
    nexus: NexusFile
    names: frozenset[str] = frozenset()
    newest_frame: int = -1


def start(path: Path, header: RunHeader, two_theta: NDArray[np.float64]) -> Opened:
    """A new run file with its journal. Raises UserError where there is one already or it cannot be written."""
    beginning = Beginning(header, np.asarray(two_theta, np.float64), secrets.token_hex(16))
    _refuse_existing(path)
    with _locked(path) as lock:
        _refuse_existing(path)
        with ExitStack() as undone:
            undone.callback(_remove, draft_path(path))
            journal = _new_journal(path, beginning, lambda _: None)
            undone.callback(_remove, journal.path)
            undone.enter_context(closing(journal))
            file = undone.enter_context(closing(new_file(draft_path(path))))
            nexus = NexusFile.create(file, header, beginning.two_theta, beginning.run_id)
            undone.enter_context(closing(nexus))
            with failure_raised(file):
                nexus.flush()
            draft_path(path).rename(path)
            undone.pop_all()
        sync_folder(path.parent)
        return Opened(lock, journal, file, nexus)


def resume(path: Path) -> Opened:
    """Resume a run, closed or not. Raises UserError where it cannot be read or is being written."""
    with _locked(path) as lock:
        journal = None
        if journal_path(path).exists():
            healed = heal(path, keep_journal=True)
            log.warning("%s", healed.story)
            if healed.journal_end is not None:
                journal, header = Journal.reopen(journal_path(path), healed.journal_end), healed.beginning.header
        is_new = journal is None
        if journal is None:
            with read_stored(path) as run:
                journal, header = _journal_of(run), run.header
        with ExitStack() as undone, damage_said(str(path)):
            if is_new:
                undone.callback(remove_journal, path)
            undone.enter_context(closing(journal))
            file = undone.enter_context(closing(ErrorLatchingFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))))
            nexus = NexusFile.reopen(file, header)
            undone.enter_context(closing(nexus))
            with failure_raised(file):
                names, newest_frame = nexus.names(), nexus.newest_frame()
            undone.pop_all()
        return Opened(lock, journal, file, nexus, names, newest_frame)


def reason_of(error: BaseException) -> str:
    """What the system says of it, in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[RunLock]:
    """The run's lock, released where what is done with it fails; errors of the system become the user's."""
    try:
        lock = acquire(path)
        try:
            yield lock
        except BaseException:
            lock.release()
            raise
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({reason_of(error)}); give another --out") from None


def _remove(path: Path) -> None:
    """Remove what a failed beginning left; where that fails too it is an empty run, and read as one."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(journal_path(path)):
        raise UserError(f"{path}: holds a run that was not closed; continue it with --resume or give another --out")
    if os.path.lexists(path):
        raise UserError(
            f"{path}: exists already and is not overwritten; continue it with --resume or give another --out"
        )


def _new_journal(path: Path, beginning: Beginning, fill: Callable[[Journal], None]) -> Journal:
    """The journal of this run, which is there with its beginning and what ``fill`` appends, or not at all."""
    draft = draft_path(journal_path(path))
    draft.unlink(missing_ok=True)
    with ExitStack() as undone:
        undone.callback(_remove, draft)
        journal = undone.enter_context(closing(Journal.create(draft)))
        journal.append([(Kind.HEADER, pack_beginning(beginning))])
        fill(journal)
        journal.sync()
        journal.rename(journal_path(path))
        undone.pop_all()
    return journal


def _journal_of(run: Run) -> Journal:
    """A journal with all that a closed run holds: from here on it is the binding record again."""

    def fill(journal: Journal) -> None:
        journal.append((Kind.CHANGE, change_to_json(change)) for change in run.changes)
        rows = iter(run.rows)
        while block := list(islice(rows, BLOCK_ROWS)):
            # A mark for no rows: these keep the time they were recorded at.
            journal.append([*((Kind.ROW, encode_row(row)) for row in block), (Kind.COMMIT, COMMIT.pack(0.0, 0))])
        for note in run.notes:
            journal.append([(Kind.NOTE, packed(note.time_s, note.written_s, note.kind, note.text))])
        if len(run.hot) or len(run.dead):
            journal.append([(Kind.DEFECTS, packed(run.hot.tolist(), run.dead.tolist()))])

    return _new_journal(run.path, Beginning(run.header, run.two_theta, run_id_of(run.path) or ""), fill)
