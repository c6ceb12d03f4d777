"""A 2θ-time map that is appended to row by row and painted at the resolution of the screen.

Painting every row of a long map drops narrow peaks unevenly: whether a line is seen depends on where the screen's
pixels happen to fall. Here each pixel shows the maximum of what lies under it. Level n of the pyramid holds the maxima
of 2^n rows, so that painting costs what the screen is wide, however long the run is.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EMPTY = np.float32(-np.inf)
FIRST_ROWS = 256


@dataclass(frozen=True, slots=True)
class _Before:
    """What the last call of ``Pyramid.maxima`` was asked and gave, of a map of ``count`` rows."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    bins: slice
    count: int
    replaced: int
    maxima: NDArray[np.float32]


class Pyramid:
    """Rows of equal length, -inf where nothing was measured: a NaN would triple the cost of painting.

    bins: length of a row. group: number of neighbouring bins that are kept as their maximum; height: rows kept.
    replaced: numbers of the rows that were put in the place of others.
    """

    def __init__(self, bins: int, group: int = 1) -> None:
        self.group = group
        self.height = -(-bins // group)
        self.count = 0
        self.replaced: list[int] = []
        self._starts = np.arange(0, bins, group)
        self._levels = [np.empty((FIRST_ROWS, self.height), np.float32)]
        self._before: _Before | None = None

    @property
    def nbytes(self) -> int:
        """Bytes reserved for all levels."""
        return sum(level.nbytes for level in self._levels)

    def append(self, intensity: NDArray[np.float32] | None) -> None:
        number = self.count
        if number == len(self._levels[0]):
            self._levels = [np.concatenate([level, np.empty_like(level)]) for level in self._levels]
        self._levels[0][number] = EMPTY if intensity is None else self._grouped(intensity)
        self.count = number + 1
        self._raise(number)

    def replace(self, number: int, intensity: NDArray[np.float32] | None) -> None:
        self._levels[0][number] = EMPTY if intensity is None else self._grouped(intensity)
        self.replaced.append(number)
        for level in range(1, len(self._levels)):
            block = number >> level
            if (block + 1) << level > self.count:
                return
            lower = self._levels[level - 1]
            np.maximum(lower[2 * block], lower[2 * block + 1], out=self._levels[level][block])

    def maxima(self, first: NDArray[np.intp], last: NDArray[np.intp], bins: slice) -> NDArray[np.float32]:
        """Maximum over rows first[c] to last[c] - 1 for each column c: (columns, bins).

        -inf where a column has no row. ``bins`` selects among the grouped bins. Columns that the call before had with
        the same rows are taken from there: a map that grows changes at its end.
        """
        out = np.empty((len(first), len(range(*bins.indices(self.height)))), np.float32)
        kept = np.zeros(len(first), bool)
        before = self._before
        if before is not None and (before.bins, before.replaced) == (bins, len(self.replaced)):
            both = slice(0, min(len(first), len(before.first)))
            same = (first[both] == before.first[both]) & (last[both] == before.last[both])
            kept[both] = same & (last[both] <= before.count)
            out[kept] = before.maxima[both][kept[both]]
        out[~kept] = self._maxima(first[~kept], last[~kept], bins)
        self._before = _Before(first, last, bins, self.count, len(self.replaced), out)
        return out

    def _maxima(self, first: NDArray[np.intp], last: NDArray[np.intp], bins: slice) -> NDArray[np.float32]:
        """The same, from the fewest blocks."""
        out = np.full((len(first), len(range(*bins.indices(self.height)))), EMPTY, np.float32)
        low, high = np.minimum(first, self.count), np.minimum(last, self.count)
        for level in self._levels:
            blocks = level[:, bins]
            odd = np.flatnonzero((low < high) & (low & 1 == 1))
            out[odd] = np.maximum(out[odd], blocks[low[odd]])
            low[odd] += 1
            odd = np.flatnonzero((low < high) & (high & 1 == 1))
            high[odd] -= 1
            out[odd] = np.maximum(out[odd], blocks[high[odd]])
            low, high = low >> 1, high >> 1
        return out

    def row(self, number: int) -> NDArray[np.float32]:
        """Row ``number`` as kept: (height,)."""
        row: NDArray[np.float32] = self._levels[0][number]
        return row

    def sample(self, count: int, most: int = 256) -> NDArray[np.float32]:
        """At most so many rows spread over the first ``count``, for the colour scale: (rows, height)."""
        rows: NDArray[np.float32] = self._levels[0][: min(count, self.count) : max(1, -(-count // most))]
        return rows

    def mean(self, first: int, last: int, most: int = 256) -> NDArray[np.float32]:
        """Mean over rows first to last - 1, of at most ``most`` of them: (height,); -inf where none was measured."""
        rows = self._levels[0][first : min(last, self.count) : max(1, -(-(last - first) // most))]
        known = np.isfinite(rows)
        count = known.sum(axis=0)
        total = np.where(known, rows, np.float32(0.0)).sum(axis=0)
        mean: NDArray[np.float32] = np.where(count > 0, total / np.maximum(count, 1), EMPTY).astype(np.float32)
        return mean

    def _grouped(self, intensity: NDArray[np.float32]) -> NDArray[np.float32]:
        clean = np.where(np.isfinite(intensity), intensity, EMPTY)
        grouped: NDArray[np.float32] = clean if self.group == 1 else np.maximum.reduceat(clean, self._starts)
        return grouped

    def _raise(self, number: int) -> None:
        """Write the blocks that row ``number`` completes: a block is written once."""
        for level in range(1, 64):
            if not number & 1:
                return
            lower = self._levels[level - 1]
            if level == len(self._levels):
                self._levels.append(np.empty((max(1, len(lower) // 2), self.height), np.float32))
            np.maximum(lower[number - 1], lower[number], out=self._levels[level][number >> 1])
            number >>= 1


class ChangeMap:
    """How much each row of a map differs from the one before: absolute, so that falls are seen as well as rises."""

    def __init__(self, source: Pyramid) -> None:
        self._source = source
        self._replaced = 0
        self.map = Pyramid(source.height)

    def catch_up(self, budget_s: float = 0.012) -> bool:
        """Take in rows that are new in the source until the budget is used; True when none is left."""
        until = time.perf_counter() + budget_s
        for number in range(self.map.count, self._source.count):
            self.map.append(self._change(number))
            if time.perf_counter() > until:
                break
        for replaced in self._source.replaced[self._replaced :]:
            for number in range(replaced, min(replaced + 2, self.map.count)):
                self.map.replace(number, self._change(number))
        self._replaced = len(self._source.replaced)
        return self.map.count == self._source.count

    def _change(self, number: int) -> NDArray[np.float32] | None:
        if not number:
            return None
        with np.errstate(invalid="ignore"):
            change: NDArray[np.float32] = np.abs(self._source.row(number) - self._source.row(number - 1))
        return change
