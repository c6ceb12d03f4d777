"""The journal beside a run that is being written: append-only, each entry framed with its length and CRC.

It is the binding record while a run is written. A process that is killed leaves at worst a torn last entry,
which was never reported; damage in the middle costs the entries it hit and no other.
"""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from time import monotonic
from typing import BinaryIO

MAGIC = b"LatticeWatch journal 1\n"
SYNC = b"\xabLW\n"
FRAME = struct.Struct("<4sIII")
LARGEST_ENTRY = 1 << 28
SYNC_SHARE = 20.0
SEARCH_BYTES = 1 << 20


class Kind(IntEnum):
    """What an entry holds."""

    HEADER = 1
    ROW = 2
    NOTE = 3
    DEFECTS = 4
    COMMIT = 5
    FILL = 6
    ACCOUNT = 7
    CHANGE = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an entry lies: its kind, and offset and length of its payload in bytes."""

    kind: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Index:
    """All whole entries; ``end`` is where the last one ends, ``unreadable_bytes`` what lies between them and
    belongs to none, ``torn_bytes`` what follows the last."""

    entries: tuple[Entry, ...]
    end: int
    unreadable_bytes: int
    torn_bytes: int


class Journal:
    """Appends entries. A failed append leaves the journal as it was before.

    end: where the next entry begins. unsynced: whether there is something that is not on the disk itself yet.
    """

    def __init__(self, path: Path, handle: int, end: int) -> None:
        self.path = path
        self._handle = handle
        self.end = end
        self.unsynced = False
        self._ragged = False
        self._synced_at = 0.0
        self._sync_cost = 0.0

    @classmethod
    def create(cls, path: Path) -> "Journal":
        """A new journal. Raises FileExistsError, OSError."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        journal = cls(path, handle, 0)
        try:
            journal._write(MAGIC)
        except OSError:
            journal.close()
            path.unlink(missing_ok=True)
            raise
        return journal

    @classmethod
    def reopen(cls, path: Path, end: int) -> "Journal":
        """Continue after ``end``, where the last whole entry ends; what follows is cut off. Raises OSError."""
        journal = cls(path, os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), end)
        try:
            journal.cut(end)
        except OSError:
            journal.close()
            raise
        return journal

    def append(self, entries: Iterable[tuple[Kind, bytes]]) -> None:
        """Hand these entries to the system, all or none. Raises OSError where the disk refuses them."""
        self._write(b"".join(frame(kind, payload) for kind, payload in entries))

    def is_there(self) -> bool:
        """Whether its name still leads to it; True where that cannot be told now."""
        try:
            return os.path.samestat(os.fstat(self._handle), self.path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True

    def cut(self, end: int) -> None:
        """Remove what was appended after ``end``. Raises OSError; then the next append removes it, or fails as well."""
        self.end = end
        self._ragged = True
        os.ftruncate(self._handle, end)
        self._ragged = False

    def sync(self) -> None:
        """Wait until everything is on the disk itself. Raises OSError."""
        if self.unsynced:
            begun = monotonic()
            os.fdatasync(self._handle)
            self._synced_at = monotonic()
            self._sync_cost = self._synced_at - begun
            self.unsynced = False

    def sync_if_due(self) -> None:
        """As ``sync``, but not so often that waiting for the disk takes more than a twentieth of the time."""
        if monotonic() - self._synced_at >= SYNC_SHARE * self._sync_cost:
            self.sync()

    def rename(self, path: Path) -> None:
        """Move the journal to this name. Raises OSError."""
        self.path.rename(path)
        self.path = path

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            with contextlib.suppress(OSError):  # what counts was synchronised before
                os.close(handle)

    def _write(self, content: bytes) -> None:
        if self._ragged:
            self.cut(self.end)
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._handle, memoryview(content)[written:], self.end + written)
        except BaseException:
            with contextlib.suppress(OSError):  # the error to be told is the first
                self.cut(self.end)
            raise
        self.end += len(content)
        self.unsynced = True


def frame(kind: Kind, payload: bytes) -> bytes:
    """One entry as it lies in the file: mark, kind, length, CRC-32 of kind, length and payload; payload."""
    return FRAME.pack(SYNC, kind, len(payload), _crc(kind, payload)) + payload


def index(handle: BinaryIO) -> Index | None:
    """Find every whole entry, memory bounded by the largest one; None where this is no journal.

    A journal whose first bytes are damaged is one all the same, by its entries.
    """
    handle.seek(0)
    position = end = len(MAGIC) if handle.read(len(MAGIC)) == MAGIC else 0
    size = handle.seek(0, os.SEEK_END)
    entries: list[Entry] = []
    unreadable = 0
    while position < size:
        entry = _entry_at(handle, position, size)
        if entry is None:
            position = _next_mark(handle, position + 1, size)
            continue
        unreadable += position - end
        entries.append(entry)
        position = end = entry.offset + entry.length
    return Index(tuple(entries), end, unreadable, size - end) if end else None


def payloads(handle: BinaryIO, entries: Sequence[Entry]) -> Iterator[bytes]:
    """The payloads of these entries, one at a time."""
    for entry in entries:
        handle.seek(entry.offset)
        yield handle.read(entry.length)


def _entry_at(handle: BinaryIO, position: int, size: int) -> Entry | None:
    handle.seek(position)
    head = handle.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    mark, kind, length, crc = FRAME.unpack(head)
    start = position + FRAME.size
    if mark != SYNC or length > min(LARGEST_ENTRY, size - start):
        return None
    return Entry(kind, start, length) if _crc(kind, handle.read(length)) == crc else None


def _next_mark(handle: BinaryIO, position: int, size: int) -> int:
    """Where the next mark begins, at or after this position; ``size`` where there is none."""
    while position < size:
        handle.seek(position)
        block = handle.read(SEARCH_BYTES)
        found = block.find(SYNC)
        if found >= 0:
            return position + found
        if len(block) < SEARCH_BYTES:
            return size
        position += len(block) - len(SYNC) + 1
    return size


def _crc(kind: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack("<II", kind, len(payload))))
