"""What the entries of a journal say: the beginning of a run, its rows, changes, notes, defects, account."""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.changes import Change, change_from_json
from latticewatch.processing.record.run_file.header import RunHeader, header_from_json, header_to_json
from latticewatch.processing.record.run_file.journal import Entry, Index, Kind, payloads
from latticewatch.processing.record.run_file.nexus import FORMAT
from latticewatch.processing.record.run_file.row_codec import decode_row

COMMIT = struct.Struct("<dI")
LENGTH = struct.Struct("<I")
Note = tuple[float, float, str, str]
Pixels = NDArray[np.int64]
Said = TypeVar("Said")
UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError, struct.error)


class DamagedBeginning(UserError):  # noqa: N818 - what is damaged
    """Nothing at the beginning of a journal says which run it is of."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first entry of a journal. run_id: what ties a journal to its run file."""

    header: RunHeader
    two_theta: NDArray[np.float64]
    run_id: str


def pack_beginning(beginning: Beginning) -> bytes:
    text = json.dumps({"format": FORMAT, "run_id": beginning.run_id, "header": header_to_json(beginning.header)})
    content = text.encode()
    return LENGTH.pack(len(content)) + content + beginning.two_theta.astype("<f8").tobytes()


def unpack_beginning(handle: BinaryIO, found: Index, where: str) -> Beginning:
    """The journal's first entry. Raises DamagedBeginning, or UserError where another version wrote it."""
    if not found.entries or found.entries[0].kind != Kind.HEADER:
        raise DamagedBeginning(f"{where}: the journal has no beginning and cannot be read; give an intact journal")
    content = next(payloads(handle, found.entries[:1]))
    try:
        (length,) = LENGTH.unpack_from(content)
        values = json.loads(content[LENGTH.size : LENGTH.size + length])
        two_theta = np.frombuffer(content[LENGTH.size + length :], "<f8").astype(np.float64)
        known = values["format"] == FORMAT
        run_id, text = str(values["run_id"]), str(values["header"])
    except (*UNREADABLE, KeyError):
        raise DamagedBeginning(f"{where}: the journal's beginning is damaged; give an intact journal") from None
    if not known or len(two_theta) < 2:
        raise UserError(f"{where}: not a journal of this version; open it with the version that wrote it")
    try:
        return Beginning(header_from_json(text, where), two_theta, run_id)
    except UserError as error:
        raise DamagedBeginning(str(error)) from None


def packed(*values: Any) -> bytes:
    """The payload of a note (seconds from the first frame, clock, kind, text), of a finding of hot and of dead pixels
    (row and column each), and of an account (frames that wait, files left out)."""
    return json.dumps(values).encode()


class JournalContent:
    """What a journal holds behind its beginning; each method reads it through, memory bounded by its largest entry.

    two_theta: the run's grid, (bins,) degrees. unread: bytes of whole entries that cannot be read.
    """

    def __init__(self, handle: BinaryIO, found: Index, two_theta: NDArray[np.float64]) -> None:
        self.found = found
        self._handle = handle
        self._two_theta = two_theta
        self._unread: dict[int, int] = {}

    @property
    def unread(self) -> int:
        return sum(self._unread.values())

    def count(self, kind: Kind) -> int:
        """How many entries of this kind there are."""
        return len(self._of_kind(kind))

    def rows(self) -> Iterator[Row]:
        """The rows in order, held back until their commit mark is read.

        A row whose mark is missing was never reported: its ``recorded_s`` is as it was appended, NaN for a new one.
        """
        for entry, content, at in self._marked():
            row = self._row(entry, content, at) if entry.kind == Kind.ROW else None
            if row is not None:
                yield row

    def fills(self) -> Iterator[Row]:
        """The rows that filled gaps. One whose mark is missing was never reported: the gap stands."""
        if not self._of_kind(Kind.FILL):
            return
        for entry, content, at in self._marked():
            row = self._row(entry, content, at) if entry.kind == Kind.FILL and at is not None else None
            if row is not None:
                yield row

    def notes(self) -> list[Note]:
        return self._said(Kind.NOTE, lambda told: (float(told[0]), float(told[1]), str(told[2]), str(told[3])))

    def changes(self) -> list[Change]:
        """The changes of the run's settings, in their order."""
        entries = self._of_kind(Kind.CHANGE)
        found: list[Change] = []
        for entry, content in zip(entries, payloads(self._handle, entries), strict=True):
            try:
                found.append(change_from_json(content, "the journal"))
            except UserError:
                self._unread[entry.offset] = entry.length
        return found

    def defects(self) -> tuple[Pixels, Pixels] | None:
        """Pixels found hot and dead, (n, 2) each; None where nothing was found out."""
        found = self._said(Kind.DEFECTS, lambda told: (_pixels(told[0]), _pixels(told[1])))
        return found[-1] if found else None

    def account(self) -> tuple[int, int] | None:
        """Frames that wait and files left out; None where the run was not ended in order."""
        found = self._said(Kind.ACCOUNT, lambda told: (int(told[0]), int(told[1])))
        return found[-1] if found else None

    def _said(self, kind: Kind, read: Callable[[Any], Said]) -> list[Said]:
        entries = self._of_kind(kind)
        found: list[Said] = []
        for entry, content in zip(entries, payloads(self._handle, entries), strict=True):
            try:
                found.append(read(json.loads(content)))
            except (*UNREADABLE, LookupError):
                self._unread[entry.offset] = entry.length
        return found

    def _row(self, entry: Entry, content: bytes, at: float | None) -> Row | None:
        try:
            return decode_row(content, self._two_theta, at)
        except UserError:
            self._unread[entry.offset] = entry.length
            return None

    def _marked(self) -> Iterator[tuple[Entry, bytes, float | None]]:
        """Rows and fills as they lie there, each with the clock of its mark; None where the mark is missing."""
        waiting: list[tuple[Entry, bytes]] = []
        entries = self.found.entries
        for entry, content in zip(entries, payloads(self._handle, entries), strict=True):
            if entry.kind in (Kind.ROW, Kind.FILL):
                waiting.append((entry, content))
            elif entry.kind == Kind.COMMIT and len(content) == COMMIT.size:
                recorded_s, count = COMMIT.unpack(content)
                start = max(0, len(waiting) - count)
                yield from ((*held, None) for held in waiting[:start])
                yield from ((*held, recorded_s) for held in waiting[start:])
                waiting.clear()
            elif entry.kind == Kind.COMMIT:
                self._unread[entry.offset] = entry.length
        yield from ((*held, None) for held in waiting)

    def _of_kind(self, kind: Kind) -> list[Entry]:
        return [entry for entry in self.found.entries if entry.kind == kind]


def _pixels(values: Any) -> Pixels:
    return np.asarray(values, np.int64).reshape(-1, 2)
