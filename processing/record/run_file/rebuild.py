"""A run file made anew from its journal, with whatever the run file in its place holds and the journal lost."""

import logging
import os
import tempfile
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.error_latching_file import ErrorLatchingFile, MemoryFile, failure_raised
from latticewatch.processing.files.guarded_hdf5 import DAMAGE, run_id_of
from latticewatch.processing.files.regular_file import NotRegularError, open_regular
from latticewatch.processing.record.run_file.journal import Index, Kind, index
from latticewatch.processing.record.run_file.journal_content import (
    Beginning,
    DamagedBeginning,
    JournalContent,
    unpack_beginning,
)
from latticewatch.processing.record.run_file.merge import Merge
from latticewatch.processing.record.run_file.names import damaged_path, draft_path, journal_path
from latticewatch.processing.record.run_file.nexus import NexusFile
from latticewatch.processing.record.run_file.stored_run import Run, read_stored

log = logging.getLogger(__name__)

BLOCK_ROWS = 128
TRIES = 2
"""How often a run file is read before it counts as damaged: an error of disk or memory may be gone the second time."""


@dataclass(frozen=True, slots=True)
class Healed:
    """What became of a run that was not closed. story: in one line. journal_end: where its journal continues; None
    where that is not in its place any more."""

    beginning: Beginning
    story: str
    journal_end: int | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A journal and the run file beside it.

    content: None where nothing in the journal is of this run. stored: the run file, where it is one that can be read.
    is_doubtful: the run file is there and may be anything. draws: rows of the run file are looked at as well. is_named:
    the journal itself says which run it is of.
    """

    beginning: Beginning
    content: JournalContent | None
    stored: Run | None
    is_doubtful: bool
    draws: bool
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class _Rebuilt:
    """rows: in the new file. drawn: those that the run file alone had. missing: frames before the last that neither
    has. is_damaged: the journal lost something. is_unread: something of the run file that was needed cannot be read."""

    rows: int
    drawn: int
    missing: int
    is_damaged: bool
    is_unread: bool


def heal(run: Path, *, keep_journal: bool = False) -> Healed:
    """Put everything of the journal into the run file, which is replaced in one step, and remove the journal.

    Rows that the run file has and the journal lost stay. A file in its place that cannot be read, and so may be
    anything, is kept beside it, and so is a journal that is damaged. To be called by the holder of the run's lock.
    keep_journal: a journal without damage stays. Raises UserError where the journal is none or belongs to another run,
    OSError where the file cannot be written; then everything is as it was.
    """
    journal = journal_path(run)
    with ExitStack() as stack:
        found = _find(run, stack)
        if found.content is None:
            aside = journal.rename(damaged_path(journal))
            return Healed(found.beginning, _story_of_none(run, found, f"is kept as {aside.name}"), None)
        draft = draft_path(run)
        old = None
        try:
            out = new_file(draft)
            with failure_raised(out), closing(out):
                made = _rebuilt(found, out)
                out.sync()
            if found.is_doubtful or made.is_unread:
                old = run.rename(damaged_path(run))
            try:
                draft.replace(run)
            except OSError:
                if old is not None:
                    old.rename(run)
                raise
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
    sync_folder(run.parent)
    story = _story(run, found.content, made)
    end: int | None = None
    if made.is_damaged:
        story += f"; the damaged journal is kept as {journal.rename(damaged_path(journal)).name}"
    elif keep_journal:
        end = found.content.found.end
    else:
        remove_journal(run)
    return Healed(found.beginning, f"{story}; the old file is kept as {old.name}" if old else story, end)


def rebuild_aside(run: Path, *, is_written: bool) -> tuple[BinaryIO | None, str]:
    """The run of this journal as HDF5 in a nameless temporary file, or in memory where there is no room, for where the
    run itself must not or cannot be touched; None where the run file is all there is.

    is_written: the run file beside it is just being written, and not looked at. Raises UserError.
    """
    with ExitStack() as stack:
        try:
            found = _find(run, stack, is_written=is_written)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"{journal_path(run)}: cannot be read ({reason}); make it readable") from None
        if found.content is None:
            return None, _story_of_none(run, found, "is left where it is")
        try:
            handle: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the run that reads it
            out = ErrorLatchingFile(os.dup(handle.fileno()))
            with failure_raised(out), closing(out):
                made = _rebuilt(found, out)
        except OSError as error:
            log.info("%s: shown from memory: %s takes no copy (%s)", run, tempfile.gettempdir(), error.strerror)
            handle, made = _rebuilt_in_memory(run, found)
        story = _story(run, found.content, made)
    return handle, story.replace("was not closed", "is being written") if is_written else story


def remove_journal(run: Path) -> None:
    """Remove the journal of a run file that holds all of it. Where that fails nothing is lost: it is said."""
    try:
        journal_path(run).unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s: whole, but its journal cannot be removed (%s); remove it", run, error.strerror)


def new_file(path: Path) -> ErrorLatchingFile:
    """A new file of this name for HDF5; one that a killed program left there is removed. Raises OSError."""
    path.unlink(missing_ok=True)
    return ErrorLatchingFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))


def sync_folder(folder: Path) -> None:
    """Make new names in this folder last; where a file system cannot, it does so by itself."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        log.debug("%s: folder not synchronised: %s", folder, error)


def _find(run: Path, stack: ExitStack, *, is_written: bool = False) -> _Found:
    """The journal of this run, open as long as the stack, and the run file beside it. Raises UserError, OSError."""
    path = journal_path(run)
    try:
        handle = stack.enter_context(open_regular(path))
    except NotRegularError as error:
        raise UserError(f"{path}: {error.strerror}, and it hides the run file beside it; move it away") from None
    found = index(handle)
    is_there = not is_written and run.exists()
    try:
        if found is None:
            raise DamagedBeginning(f"{path}: not a journal of a run; move it away, it hides the run file beside it")
        beginning = unpack_beginning(handle, found, str(path))
    except DamagedBeginning:
        stored = _stored(run, stack) if is_there else None
        if stored is None:
            raise
        content = JournalContent(handle, found, stored.two_theta) if found else None
        beginning = Beginning(stored.header, stored.two_theta, run_id_of(run) or "")
        is_its = content is not None and Merge(content, stored).belongs_together()
        return _Found(beginning, content if is_its else None, stored, is_doubtful=False, draws=True, is_named=False)
    content = JournalContent(handle, found, beginning.two_theta)
    other = next(filter(None, (run_id_of(run) for _ in range(TRIES))), None) if is_there else None
    if other not in (None, beginning.run_id):
        raise UserError(f"{path}: belongs to another run than {run.name}; move one of them away")
    stored = _stored(run, stack) if other else None
    held = 0 if stored is None else len(stored.traced)
    draws = _has_damage(found) or found.torn_bytes > 0 or content.count(Kind.ROW) < held
    is_doubtful = is_there and (other is None or (draws and stored is None))
    return _Found(beginning, content, stored, is_doubtful, draws)


def _has_damage(found: Index) -> bool:
    return found.unreadable_bytes > 0


def _stored(run: Path, stack: ExitStack) -> Run | None:
    for _ in range(TRIES):
        try:
            return stack.enter_context(read_stored(run))
        except UserError as error:
            log.debug("%s: not looked at: %s", run, error)
    return None


def _rebuilt(found: _Found, out: ErrorLatchingFile) -> _Rebuilt:
    """Write the run as HDF5; memory is bounded by a block of rows. Raises OSError, UserError."""
    content = found.content
    if content is None:
        raise ValueError("nothing to make a run file of")
    made = _written(content, found.beginning, found.stored if found.draws else None, out)
    if made.is_damaged and not found.draws:  # an entry that is whole and cannot be read
        out.truncate(0)
        made = _written(content, found.beginning, found.stored, out)
    return made if found.is_named else replace(made, is_damaged=True)


def _written(content: JournalContent, beginning: Beginning, stored: Run | None, out: ErrorLatchingFile) -> _Rebuilt:
    merge = Merge(content, stored)
    count, newest = 0, -1
    try:
        with failure_raised(out):
            made = NexusFile.create(out, beginning.header, beginning.two_theta, beginning.run_id)
            try:
                for change in merge.changes():  # before the rows: it may add columns
                    made.append_change(change)
                rows = merge.rows()
                while out.failure is None and (block := list(islice(rows, BLOCK_ROWS))):
                    made.append(block)
                    count += len(block)
                    newest = max(newest, *(row.index for row in block))
                _write_rest(merge, made)
            finally:
                made.close()
    except DAMAGE:
        if out.failure is not None:
            raise
        log.debug("a journal that does not hold together", exc_info=True)
        raise UserError("the entries of the journal contradict each other; give an intact journal") from None
    damaged = _has_damage(content.found) or content.unread > 0 or merge.drawn > 0 or merge.has_drawn
    return _Rebuilt(count, merge.drawn, max(0, newest + 1 - count), damaged, merge.is_unread)


def _write_rest(merge: Merge, made: NexusFile) -> None:
    for row in merge.fills():
        made.fill(row)
    if notes := merge.notes():
        made.append_notes(notes)
    if account := merge.content.account():
        made.set_account(*account)
    if defects := merge.defects():
        made.set_defects(*defects)


def _rebuilt_in_memory(run: Path, found: _Found) -> tuple[BinaryIO, _Rebuilt]:
    file = MemoryFile()
    try:
        made = _rebuilt(found, file)
    except (OSError, MemoryError):
        place = tempfile.gettempdir()
        raise UserError(f"{run}: was not closed, and neither {place} nor memory has room for it; make room") from None
    return file.content, made


def _story(run: Path, content: JournalContent, made: _Rebuilt) -> str:
    """What was found in a journal, in one line."""
    found = content.found
    text = f"{run}: was not closed; {made.rows} rows are there from its journal"
    if found.torn_bytes:
        text += f"; its last entry is torn and left out ({found.torn_bytes} bytes)"
    if made.is_damaged:
        text += f"; {found.unreadable_bytes + content.unread} bytes within it are damaged"
        text += f"; taken from the run file: {made.drawn} rows" if made.drawn else ""
        text += f"; rows lost: {made.missing}" if made.missing else "; no row is lost"
    return text


def _story_of_none(run: Path, found: _Found, journal: str) -> str:
    rows = len(found.stored.traced) if found.stored else 0
    return f"{run}: was not closed; its journal cannot be read and {journal}; {rows} rows are there from the run file"
