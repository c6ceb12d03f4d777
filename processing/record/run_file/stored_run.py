"""The HDF5 file of a run, open for reading: what is fixed for the run at once, its patterns when asked for."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.errors import UserError
from latticewatch.processing.files import guarded_hdf5 as untrusted
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.row_fields import ADDED, HEADER, Column, Kept, columns_of, record_in, row_of
from latticewatch.processing.flow.series import Filled, Row
from latticewatch.processing.record.run_file.account import Account, read_account
from latticewatch.processing.record.run_file.changes import (
    Change,
    alike_segments,
    header_after,
    kept_after,
    lost_segments,
    read_changes,
)
from latticewatch.processing.record.run_file.header import RunHeader, header_from_json
from latticewatch.processing.record.run_file.nexus import FORMAT
from latticewatch.processing.record.run_file.nexus_fills import read_fills
from latticewatch.processing.record.run_file.notes import Note

BLOCK_ROWS = 32
Columns = MappingProxyType[str, Any]
log = logging.getLogger(__name__)


class RunRows(Sequence[Row]):
    """The rows of a run file. Patterns are read in blocks when a row is asked for; with ``patterns=False``
    every row's pattern is None and nothing is read."""

    def __init__(self, columns: Columns, run: "_OpenRun", patterns: bool = True) -> None:
        self._columns = columns
        self._run = run
        self._patterns = patterns
        self._block: tuple[int, _Block] | None = None

    def __len__(self) -> int:
        return len(self._columns["trace/frame"])

    @overload
    def __getitem__(self, number: int) -> Row: ...
    @overload
    def __getitem__(self, number: slice) -> list[Row]: ...
    def __getitem__(self, number: int | slice) -> Row | list[Row]:
        if isinstance(number, slice):
            return [self._row(each) for each in range(len(self))[number]]
        return self._row(range(len(self))[number])

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, range(len(self)))

    def _row(self, number: int) -> Row:
        with untrusted.damage_said(self._run.where):
            return self._made(number)

    def _made(self, number: int) -> Row:
        block, line = self._load(number - number % BLOCK_ROWS), number % BLOCK_ROWS
        pattern = None
        if self._patterns and self._columns["fits/has_pattern"][number] == 1:
            pattern = Pattern(self._run.two_theta, block.intensity[line], block.sigma[line])
        values = {path: column[number] for path, column in self._columns.items()}
        header = {name: float(values[f"{HEADER}{name}"]) for name in self._run.header.header_names}
        return row_of(
            record_in(values, self._run.columns),
            pattern,
            block.parameters[line],
            header={name: value for name, value in header.items() if np.isfinite(value)},
            filled=self._run.fills.get(int(values["trace/frame"])),
        )

    def _load(self, start: int) -> "_Block":
        held = self._block
        if held is None or held[0] != start:
            stop = min(start + BLOCK_ROWS, len(self))
            held = (start, self._run.block(start, stop, self._patterns))
            self._block = held
        return held[1]


@dataclass(frozen=True, slots=True)
class Run:
    """A run file that is open for reading; use it in ``with`` or close it.

    two_theta: (bins,) degrees. rows: complete. traced: the same rows without patterns, which costs nothing to
    go through. notices: what had to be repaired on opening, one line each. account: what became of all that
    was seen. changes: of the settings while the scan ran.
    """

    path: Path
    header: RunHeader
    two_theta: NDArray[np.float64]
    rows: RunRows
    traced: RunRows
    notes: tuple[Note, ...]
    hot: NDArray[np.int64]
    dead: NDArray[np.int64]
    notices: tuple[str, ...]
    account: Account
    changes: tuple[Change, ...]
    _open: "_OpenRun"

    @property
    def setup(self) -> Setup:
        """Of the settings that the run had last."""
        return self.latest.setup

    @property
    def latest(self) -> RunHeader:
        """The header with the settings that the run had last."""
        return header_after(self.header, self.changes)

    @property
    def kept(self) -> Kept:
        """What decides the columns of its trace: of the settings that it began with, and of their changes."""
        return kept_after(self.header, self.changes)

    @property
    def alike(self) -> frozenset[int]:
        """The segments that were integrated and fitted with the settings of the last one."""
        newest = self.traced[-1].segment if len(self.traced) else 0
        if lost_segments(self.changes, [newest]):
            return frozenset([newest])
        return alike_segments(self.header, self.changes)

    @property
    def traced_alike(self) -> Sequence[Row]:
        """The rows of these segments without patterns: all, where the settings were not changed. What is computed from
        many rows is computed from these."""
        alike = self.alike
        if not self.changes and alike == {0}:
            return self.traced
        return [row for row in self.traced if row.segment in alike]

    def intensity(self, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """The map's rows from ``start`` up to ``stop``: (rows, bins), NaN where a frame gave no pattern."""
        first, last, _ = slice(start, stop).indices(len(self.rows))
        with untrusted.damage_said(self._open.where):
            return self._open.block(first, last, True).intensity

    def close(self) -> None:
        """Close the file; rows that were taken stay good."""
        self._open.file.close()
        if self._open.aside is not None:
            self._open.aside.close()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Block:
    intensity: NDArray[np.float32]
    sigma: NDArray[np.float32]
    parameters: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _OpenRun:
    file: Any
    aside: BinaryIO | None
    where: str
    header: RunHeader
    columns: Sequence[Column]
    two_theta: NDArray[np.float64]
    fills: Mapping[int, Filled]

    def block(self, start: int, stop: int, patterns: bool) -> _Block:
        shape = (stop - start, len(self.two_theta)) if patterns else (0, 0)
        stop = stop if patterns else start
        entry = self.file["entry"]
        return _Block(
            _checked(entry["map/intensity"][start:stop].astype("f4"), shape),
            _checked(entry["map/intensity_errors"][start:stop].astype("f4"), shape),
            entry["fits/parameters"][start : start + BLOCK_ROWS].astype("f8"),
        )


def read_stored(path: Path, handle: BinaryIO | None = None, notices: tuple[str, ...] = ()) -> Run:
    """The run as its HDF5 file holds it, whatever its journal says. handle: the file to read in the place of that at
    ``path``; it is closed with the run. Raises UserError where it is no run file of ours, or damaged, or leads out of
    itself."""
    file = untrusted.open_hdf5(path) if handle is None else h5py.File(handle, "r")
    try:
        with untrusted.damage_said(str(path)):
            return _read(file, handle, path, notices)
    except BaseException:
        file.close()
        if handle is not None:
            handle.close()
        raise


def _read(file: Any, aside: BinaryIO | None, path: Path, notices: tuple[str, ...]) -> Run:
    where = str(path)
    if untrusted.text(file, "entry/latticewatch/format", where) != FORMAT:
        raise UserError(f"{where}: not a run file of this version; open it with the version that wrote it")
    header = header_from_json(untrusted.text(file, "entry/latticewatch/header", where), where)
    two_theta = untrusted.numbers(file, "entry/map/two_theta", where).astype(np.float64)
    if not 2 <= len(two_theta) <= untrusted.LARGEST_BINS:
        raise UserError(f"{where}: a pattern of {len(two_theta)} points cannot be one; give an intact run file")
    changes = read_changes(file, where)
    there = _columns_there(file, columns_of(kept_after(header, changes)), where)
    count = _count(file, there, len(two_theta), where)
    columns: Columns = MappingProxyType({column.path: _values(file, column, where, count) for column in there})
    if lost := lost_segments(changes, columns.get("trace/segment", ())):
        told = ", ".join(map(str, lost))
        notices += (f"{where}: the settings of segment {told} are lost; its rows are there as they were recorded",)
        log.warning("%s", notices[-1])
    run = _OpenRun(file, aside, where, header, there, two_theta, read_fills(file, where))
    return Run(
        path=path,
        header=header,
        two_theta=two_theta,
        rows=RunRows(columns, run),
        traced=RunRows(columns, run, patterns=False),
        notes=_notes(file, where),
        hot=_pixels(file, "hot", where),
        dead=_pixels(file, "dead", where),
        notices=notices,
        changes=changes,
        account=read_account(file, where, columns["trace/file"], columns["trace/status"], len(run.fills)),
        _open=run,
    )


def _columns_there(file: Any, columns: Sequence[Column], where: str) -> tuple[Column, ...]:
    """The columns of this run; those that the version which wrote it did not have are left out."""
    groups = {column.path.partition("/")[0] for column in columns}
    there = {f"{group}/{name}" for group in groups for name in untrusted.child(file, f"entry/{group}", where)}
    return tuple(column for column in columns if column.field.since != ADDED or column.path in there)


def _count(file: Any, columns: Sequence[Column], bins: int, where: str) -> int:
    """Rows that are there in every column; a file copied away from its journal can have a ragged end."""
    shapes = [untrusted.dataset(file, f"entry/{column.path}", where).shape for column in columns]
    counts = [shape[0] if shape else 0 for shape in shapes]
    for name, width in (("map/intensity", bins), ("map/intensity_errors", bins), ("fits/parameters", None)):
        found = untrusted.dataset(file, f"entry/{name}", where)
        if found.ndim != 2 or found.dtype.kind != "f" or width not in (None, found.shape[1]):
            raise UserError(f"{where}: {name} has the wrong shape; give an intact run file")
        counts.append(len(found))
    return min(counts)


def _values(file: Any, column: Column, where: str, count: int) -> Any:
    read = untrusted.texts if column.field.quantity.dtype == "text" else untrusted.numbers
    return read(file, f"entry/{column.path}", where, count)


def _notes(file: Any, where: str) -> tuple[Note, ...]:
    times, clocks = (untrusted.numbers(file, f"entry/marks/{name}", where) for name in ("time_s", "written_s"))
    kinds, texts = (untrusted.texts(file, f"entry/marks/{name}", where) for name in ("kind", "text"))
    return tuple(Note(float(a), float(b), c, d) for a, b, c, d in zip(times, clocks, kinds, texts, strict=False))


def _pixels(file: Any, name: str, where: str) -> NDArray[np.int64]:
    group = untrusted.child(file, "entry/defects", where)
    if name not in group:
        return np.empty((0, 2), np.int64)
    found = untrusted.dataset(group, name, where)
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu":
        raise UserError(f"{where}: defects/{name} has the wrong shape; give an intact run file")
    return np.asarray(found[:], np.int64)


def _checked(array: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    if shape[1] and array.shape != shape:
        raise ValueError("wrong shape")
    return array
