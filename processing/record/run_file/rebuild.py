"""A run file made anew from its journal."""

import json
import logging
import os
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.guarded_hdf5 import run_id_of
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.header import RunHeader, header_from_json, header_to_json
from latticewatch.processing.record.run_file.journal import Entry, Index, Kind, index, payloads
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.nexus import FORMAT, NexusFile
from latticewatch.processing.record.run_file.row_codec import decode_row

log = logging.getLogger(__name__)

BLOCK_ROWS = 128
COMMIT = struct.Struct("<dI")
LENGTH = struct.Struct("<I")
Note = tuple[float, float, str, str]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first entry of a journal. run_id: what ties a journal to its run file."""

    header: RunHeader
    two_theta: NDArray[np.float64]
    run_id: str


def draft_path(path: Path) -> Path:
    """Where this file is made before it is put in its place; the run's lock guards it."""
    return path.with_name(f".{path.name}.draft")


def damaged_path(run: Path) -> Path:
    """Where a file that could not be read is kept when the run is made anew from its journal."""
    return run.with_name(run.name + ".damaged")


def pack_beginning(beginning: Beginning) -> bytes:
    text = json.dumps({"format": FORMAT, "run_id": beginning.run_id, "header": header_to_json(beginning.header)})
    content = text.encode()
    return LENGTH.pack(len(content)) + content + beginning.two_theta.astype("<f8").tobytes()


def unpack_beginning(handle: BinaryIO, found: Index, where: str) -> Beginning:
    """The journal's first entry. Raises UserError where it is not one of ours."""
    if not found.entries or found.entries[0].kind != Kind.HEADER:
        raise UserError(f"{where}: the journal has no beginning; remove it, nothing was recorded in it")
    content = next(payloads(handle, found.entries[:1]))
    try:
        (length,) = LENGTH.unpack_from(content)
        values = json.loads(content[LENGTH.size : LENGTH.size + length])
        two_theta = np.frombuffer(content[LENGTH.size + length :], "<f8").astype(np.float64)
        known = values["format"] == FORMAT
        run_id, text = str(values["run_id"]), str(values["header"])
    except (ValueError, KeyError, TypeError, struct.error, RecursionError):
        raise UserError(f"{where}: the journal's beginning is damaged; give an unharmed journal") from None
    if not known or len(two_theta) < 2:
        raise UserError(f"{where}: not a journal of this version; open it with the version that wrote it")
    return Beginning(header_from_json(text, where), two_theta, run_id)


def packed(*values: Any) -> bytes:
    """The payload of a note (seconds from the first frame, clock, kind, text), of a finding of hot and of dead pixels
    (row and column each), and of an account (frames that wait, files left out)."""
    return json.dumps(values).encode()


def journal_rows(handle: BinaryIO, found: Index, two_theta: NDArray[np.float64]) -> Iterator[Row]:
    """The rows of a journal in order, held back until their commit mark is read.

    A row whose mark is missing was never reported: its ``recorded_s`` is as it was appended, NaN for a new one.
    """
    return (decode_row(content, two_theta, at) for kind, content, at in _marked(handle, found) if kind == Kind.ROW)


def journal_fills(handle: BinaryIO, found: Index, two_theta: NDArray[np.float64]) -> Iterator[Row]:
    """The rows that filled gaps. One whose mark is missing was never reported: the gap stands."""
    if not _of_kind(found, Kind.FILL):
        return
    for kind, content, at in _marked(handle, found):
        if kind == Kind.FILL and at is not None:
            yield decode_row(content, two_theta, at)


def _marked(handle: BinaryIO, found: Index) -> Iterator[tuple[int, bytes, float | None]]:
    """Rows and fills as they lie there: kind, content, and the clock of their mark; None where it is missing."""
    waiting: list[tuple[int, bytes]] = []
    for entry, content in zip(found.entries, payloads(handle, found.entries), strict=True):
        if entry.kind in (Kind.ROW, Kind.FILL):
            waiting.append((entry.kind, content))
        elif entry.kind == Kind.COMMIT:
            try:
                recorded_s, count = COMMIT.unpack(content)
            except struct.error:
                raise UserError("a mark of the journal does not read as one; give an unharmed journal") from None
            start = max(0, len(waiting) - count)
            yield from ((kind, held, None) for kind, held in waiting[:start])
            yield from ((kind, held, recorded_s) for kind, held in waiting[start:])
            waiting.clear()
    yield from ((kind, held, None) for kind, held in waiting)


def rebuild(handle: BinaryIO, found: Index, beginning: Beginning, out: BinaryIO) -> int:
    """Write the run of this journal as HDF5; memory is bounded by a block of rows. Returns the rows."""
    made = NexusFile.create(out, beginning.header, beginning.two_theta, beginning.run_id)
    rows = journal_rows(handle, found, beginning.two_theta)
    count = 0
    while block := list(islice(rows, BLOCK_ROWS)):
        made.append(block)
        count += len(block)
    for row in journal_fills(handle, found, beginning.two_theta):
        made.fill(row)
    _rebuild_notes(handle, found, made)
    made.close()
    return count


def _rebuild_notes(handle: BinaryIO, found: Index, made: NexusFile) -> None:
    try:
        told = map(json.loads, payloads(handle, _of_kind(found, Kind.NOTE)))
        notes = [(float(time_s), float(written_s), str(kind), str(text)) for time_s, written_s, kind, text in told]
        defects = [json.loads(content) for content in payloads(handle, _of_kind(found, Kind.DEFECTS))]
        if notes:
            made.append_notes(notes)
        for content in payloads(handle, _of_kind(found, Kind.ACCOUNT)[-1:]):
            waiting, left_out = json.loads(content)
            made.set_account(int(waiting), int(left_out))
        for hot, dead in defects:
            made.set_defects(np.asarray(hot, np.int64), np.asarray(dead, np.int64))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise UserError("a note of the journal does not read as one; give an unharmed journal") from None


def heal(run: Path) -> tuple[Index, Beginning, str]:
    """Put everything of the journal into the run file, which is replaced in one step; the journal stays.

    A file in its place that cannot be read, and so may be anything, is kept beside it. To be called by the
    holder of the run's lock. Returns the journal's index and beginning, and what is to be said of it. Raises
    UserError where the journal is none or belongs to another run, OSError where the file cannot be written.
    """
    journal = journal_path(run)
    with journal.open("rb") as handle:
        found, beginning = read_journal(handle, journal)
        doubtful = _doubtful(run, beginning.run_id)
        draft = draft_path(run)
        try:
            with draft.open("w+b") as out:
                count = rebuild(handle, found, beginning, out)
                out.flush()
                os.fsync(out.fileno())
            if doubtful:
                run.replace(damaged_path(run))
            draft.replace(run)
        finally:
            draft.unlink(missing_ok=True)
    sync_folder(run.parent)
    told = story(run, count, found)
    return found, beginning, f"{told}; the old file is kept as {damaged_path(run).name}" if doubtful else told


def rebuild_aside(run: Path) -> tuple[BinaryIO, str]:
    """The run of this journal as HDF5 in a nameless temporary file (in memory where there is no room), for
    where the run itself must not or cannot be touched. Raises UserError."""
    with journal_path(run).open("rb") as handle:
        found, beginning = read_journal(handle, journal_path(run))
        try:
            out: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the run that reads it
            count = rebuild(handle, found, beginning, out)
        except OSError:
            out = BytesIO()
            count = rebuild(handle, found, beginning, out)
    return out, story(run, count, found)


def read_journal(handle: BinaryIO, path: Path) -> tuple[Index, Beginning]:
    """The index and the beginning of this journal. Raises UserError."""
    found = index(handle)
    if found is None:
        raise UserError(f"{path}: not a journal of a run; move it away, it hides the run file beside it")
    return found, unpack_beginning(handle, found, str(path))


def story(run: Path, count: int, found: Index) -> str:
    """What was found in a journal, in one line."""
    text = f"{run}: was not closed; {count} rows are there from its journal"
    if found.torn_bytes:
        text += f"; its last entry is torn and left out ({found.torn_bytes} bytes)"
    if found.unreadable_bytes:
        text += f"; {found.unreadable_bytes} bytes within it are damaged and their rows are lost"
    return text


def sync_folder(folder: Path) -> None:
    """Make new names in this folder last; where a file system cannot, it does so by itself."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        log.debug("%s: folder not synchronised: %s", folder, error)
    finally:
        os.close(handle)


def _of_kind(found: Index, kind: Kind) -> Sequence[Entry]:
    return [entry for entry in found.entries if entry.kind == kind]


def _doubtful(run: Path, run_id: str) -> bool:
    """Whether the file in the run's place may be another's: it cannot be read. Raises UserError where it is."""
    if not run.exists():
        return False
    other = run_id_of(run)
    if other not in (None, run_id):
        raise UserError(f"{journal_path(run)}: belongs to another run than {run.name}; move one of them away")
    return other is None
