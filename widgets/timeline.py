"""When each row of a run began and ended on the time axis."""

import numpy as np
from numpy.typing import NDArray

FIRST_ROWS = 256
LONGEST_STRETCH = 1.5
RECENT = 33


class Timeline:
    """Start and end of each row in seconds, ascending and finite, whatever the detector's clock did.

    A row lasts until the next one begins, but at most 1.5 periods: what is longer is a hole. A time that is not
    known follows on from the row before; one that goes back is drawn at the row before.
    period_s: seconds from frame to frame; None: the median of the last 32 steps.
    """

    def __init__(self, period_s: float | None = None) -> None:
        self.count = 0
        self.period_s = period_s or 1.0
        self._given = period_s is not None
        self._starts = np.empty(FIRST_ROWS)
        self._ends = np.empty(FIRST_ROWS)

    @property
    def starts(self) -> NDArray[np.float64]:
        """(count,) seconds; a view."""
        return self._starts[: self.count]

    @property
    def ends(self) -> NDArray[np.float64]:
        """(count,) seconds; a view."""
        return self._ends[: self.count]

    def append(self, time_s: float) -> None:
        number = self.count
        if number == len(self._starts):
            self._starts = np.concatenate([self._starts, np.empty_like(self._starts)])
            self._ends = np.concatenate([self._ends, np.empty_like(self._ends)])
        before = self._starts[number - 1] if number else 0.0
        start = time_s if np.isfinite(time_s) else before + self.period_s * bool(number)
        self._starts[number] = max(start, before) if number else start
        self.count = number + 1
        if not self._given and self.count > 1:
            steps = np.diff(self._starts[max(0, self.count - RECENT) : self.count])
            self.period_s = float(np.median(steps)) or self.period_s
        self._ends[number] = self._starts[number] + LONGEST_STRETCH * self.period_s
        if number:
            longest = before + LONGEST_STRETCH * self.period_s
            self._ends[number - 1] = min(longest, self._starts[number])

    def span(self) -> tuple[float, float]:
        """Start of the first row and end of the last; 0 to 1 while there is none."""
        if not self.count:
            return 0.0, 1.0
        return float(self._starts[0]), float(self._starts[self.count - 1] + self.period_s)

    def row_at(self, time_s: float) -> int | None:
        """The row that is nearest to this time; None while there is none."""
        if not self.count:
            return None
        after = int(np.searchsorted(self.starts, time_s))
        near = [number for number in (after - 1, after) if 0 <= number < self.count]
        return min(near, key=lambda number: abs(self._starts[number] - time_s))

    def visible(self, start_s: float, end_s: float) -> slice:
        """The rows between these times, with one more at either side."""
        first = int(np.searchsorted(self.starts, start_s)) - 1
        last = int(np.searchsorted(self.starts, end_s, side="right")) + 1
        return slice(max(0, first), min(self.count, last))

    def columns(self, start_s: float, end_s: float, columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """For equal columns between two times: the first row in each and the one after its last; equal: a hole."""
        edges = np.linspace(start_s, end_s, columns + 1)
        first = np.searchsorted(self.ends, edges[:-1], side="right")
        return first, np.maximum(first, np.searchsorted(self.starts, edges[1:], side="left"))
