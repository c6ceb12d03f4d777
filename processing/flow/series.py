"""The run so far: appended to by one writer, pulled by any reader.

The worker appends; a reader asks for a snapshot and gets read-only views of what was there, without a copy
and without waiting for the worker. A row is changed once at most: when a late frame fills its gap.
"""

import bisect
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.quantity import Quantity, value_in
from latticewatch.processing.flow.sector import SectorCell
from latticewatch.processing.flow.verdict import Verdict

NAN = float("nan")
FIRST_CAPACITY = 256


@dataclass(frozen=True, slots=True)
class Filled:
    """What a row was before a later good version of its file filled it: why it was a gap, and its time."""

    reason: str
    time_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One frame with all that became of it.

    pattern: None where the image gave none. fit: the fit, or the gap that says why there is no number.
    intensity: mean of the pattern, NaN without one. fraction: composition on the user's scale, NaN where none
    is given. recorded_s: clock when the row was safely on disk, NaN where nothing is recorded. header: the numbers
    kept of the frame's header; what is not known is left out. filled: what the row was first, where it was a gap
    that has been filled; its verdict is still the one of then. pixels_left_out: as the pattern says. segment: how many
    changes of the running scan's settings came before it. peaks: one for each ``[[peak]]``.
    """

    index: int
    name: str
    time_s: float
    mtime_s: float
    pattern: Pattern | None
    fit: Fit | NoResult
    verdict: Verdict
    intensity: float = NAN
    fraction: float = NAN
    fraction_esd: float = NAN
    recorded_s: float = NAN
    header: Mapping[str, float] = field(default_factory=dict)
    filled: Filled | None = None
    pixels_left_out: int | None = None
    segment: int = 0
    peaks: tuple[Peak, ...] = ()
    sectors: tuple[SectorCell, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Counters of the source: frames found so far, and how many of them wait to be processed.

    missing: numbers of the series that are not there. ignored: files that are not taken for frames. gone_since_s: clock
    (seconds since the epoch) since which the folder cannot be listed, NaN while it can. stuck: it is there and
    does not answer.
    """

    found: int = 0
    waiting: int = 0
    newest_mtime_s: float = NAN
    missing: int = 0
    ignored: int = 0
    gone_since_s: float = NAN
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The first ``count`` rows of a run; all arrays are read-only views.

    times_s, lp_mean_A, lp_mean_esd_A: (count,). lp_A, lp_esd_A: (count, components). NaN where not known. filled:
    numbers of the rows whose gap was filled, in the order of filling. component_names: in the order of the columns.
    quantities: those that are watched by name; values, value_esds: (count, quantities).
    """

    count: int
    gaps: int
    progress: Progress
    times_s: NDArray[np.float64]
    lp_A: NDArray[np.float64]
    lp_esd_A: NDArray[np.float64]
    lp_mean_A: NDArray[np.float64]
    lp_mean_esd_A: NDArray[np.float64]
    filled: tuple[int, ...]
    component_names: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    values: NDArray[np.float64]
    value_esds: NDArray[np.float64]
    _rows: list[Row]

    def rows(self, start: int = 0) -> Sequence[Row]:
        """The rows from number ``start`` on; cost grows with the rows asked for, not with the run."""
        return self._rows[start : self.count]

    def row(self, number: int) -> Row:
        """Row ``number``; negative counts from the newest."""
        return self._rows[range(self.count)[number]]


class Series:
    """The rows of one run in memory. One thread appends, any thread reads."""

    def __init__(
        self, two_theta: NDArray[np.float64], component_names: tuple[str, ...], quantities: tuple[Quantity, ...] = ()
    ) -> None:
        """quantities: those that are watched by name."""
        self.two_theta = two_theta
        self.component_names = component_names
        self.quantities = quantities
        self._rows: list[Row] = []
        self._gaps = 0
        self._filled: list[int] = []
        self._progress = Progress()
        self._lock = threading.Lock()
        self._table = np.full((FIRST_CAPACITY, 3 + 2 * len(component_names) + 2 * len(quantities)), np.nan)

    def append(self, row: Row) -> None:
        """Add a row; it can be seen by the next snapshot."""
        with self._lock:
            number = len(self._rows)
            if number == len(self._table):
                self._table = np.concatenate([self._table, np.full_like(self._table, np.nan)])
            self._table[number] = self._numbers(row)
            self._rows.append(row)
            self._gaps += isinstance(row.fit, NoResult)

    def has(self, index: int) -> bool:
        return bool(self._rows) and index <= self._rows[-1].index

    def fill(self, row: Row) -> None:
        """Put this row in the place of the gap of its index. Snapshots that were taken before keep the gap."""
        with self._lock:
            number = bisect.bisect_left(self._rows, row.index, key=lambda each: each.index)
            self._gaps += isinstance(row.fit, NoResult) - isinstance(self._rows[number].fit, NoResult)
            self._rows, self._table = self._rows.copy(), self._table.copy()
            self._table[number] = self._numbers(row)
            self._rows[number] = row
            self._filled.append(number)

    def report(self, progress: Progress) -> None:
        self._progress = progress

    def snapshot(self) -> Snapshot:
        with self._lock:
            rows, gaps, table, filled = self._rows, self._gaps, self._table, tuple(self._filled)
            count = len(rows)
        view = table[:count]
        view.flags.writeable = False
        lattices = 3 + len(self.component_names)
        named = lattices + len(self.component_names)
        esds = named + len(self.quantities)
        return Snapshot(
            count=count,
            gaps=gaps,
            progress=self._progress,
            times_s=view[:, 0],
            lp_mean_A=view[:, 1],
            lp_mean_esd_A=view[:, 2],
            lp_A=view[:, 3:lattices],
            lp_esd_A=view[:, lattices:named],
            filled=filled,
            component_names=self.component_names,
            quantities=self.quantities,
            values=view[:, named:esds],
            value_esds=view[:, esds:],
            _rows=rows,
        )

    def _numbers(self, row: Row) -> list[float]:
        told = [value_in(quantity, row) for quantity in self.quantities]
        named = [*(value for value, _ in told), *(esd for _, esd in told)]
        if isinstance(row.fit, NoResult):
            return [row.time_s, *[NAN] * (2 + 2 * len(self.component_names)), *named]
        lattices = row.fit.lattices
        return [
            row.time_s,
            row.fit.lp_mean_A,
            row.fit.lp_mean_esd_A,
            *(lattice.lp_A for lattice in lattices),
            *(lattice.lp_esd_A for lattice in lattices),
            *named,
        ]
