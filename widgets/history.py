"""What the views draw from: the rows of a run taken in once, in the order they came."""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.flow.verdict import State
from latticewatch.widgets.pyramid import Pyramid
from latticewatch.widgets.timeline import Timeline

TALLEST, FIRST_ROWS = 750, 256
# What is kept of each followed peak, beside its esd.
PEAK_VALUES = ("two_theta_deg", "area", "fwhm_deg")


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of rows in one state. start_s: best estimate of its start; declared_s: when it was said."""

    state: State
    start_s: float
    declared_s: float
    end_s: float


class History:
    """Timeline, maps and episodes of one run, appended to at constant cost per row.

    window_deg: the 2θ range of the small map; the whole pattern is kept at no more than 750 bins. gaps: numbers of
    the rows without a lattice parameter. clock_zero_s: the clock at time 0 by the newest file, NaN where not known.
    """

    def __init__(
        self, two_theta: NDArray[np.float64], window_deg: tuple[float, float], period_s: float | None = None
    ) -> None:
        self.two_theta = two_theta
        first, last = (int(place) for place in np.searchsorted(two_theta, window_deg))
        self.window = slice(first, max(last, first + 2))
        self.timeline = Timeline(period_s)
        self.window_map = Pyramid(len(two_theta[self.window]))
        self.whole_map = Pyramid(len(two_theta), -(-len(two_theta) // TALLEST))
        self.episodes: list[Episode] = []
        self.gaps: list[int] = []
        self._merits = np.empty((FIRST_ROWS, 3))
        self._header: dict[str, NDArray[np.float64]] = {}
        self._peaks: dict[str, NDArray[np.float64]] = {}
        self.mixing_s = float("nan")
        self.clock_zero_s = float("nan")
        self.count = self._fills = 0

    def take(self, snapshot: Snapshot, budget_s: float = 0.012) -> bool:
        """Take in new rows until the budget is used; True when anything was new. Call again for the rest."""
        until, before = time.perf_counter() + budget_s, self.count + self._fills
        for row in snapshot.rows(self.count):
            self._append(row)
            if time.perf_counter() > until:
                break
        self._take_fills(snapshot)
        return self.count + self._fills > before

    def _take_fills(self, snapshot: Snapshot) -> None:
        """Gaps that were filled. The episodes stay: they are what could be known then."""
        for number in snapshot.filled[self._fills :]:
            if number >= self.count:
                return
            self._fills += 1
            row = snapshot.row(number)
            intensity = _shown(row)
            self.window_map.replace(number, None if intensity is None else intensity[self.window])
            self.whole_map.replace(number, intensity)
            self._note_numbers(number, row)
            if number in self.gaps and not isinstance(row.fit, NoResult):
                self.gaps.remove(number)

    @property
    def merits(self) -> NDArray[np.float64]:
        """(count, 3): Rwp in %, reduced χ², mean intensity; NaN where not known. A view."""
        return self._merits[: self.count]

    @property
    def header_names(self) -> tuple[str, ...]:
        """The header values that any frame had so far."""
        return tuple(self._header)

    def header_values(self, name: str) -> NDArray[np.float64]:
        """(count,): this header value of each frame, NaN where it had none. A view."""
        return self._header[name][: self.count]

    @property
    def peak_names(self) -> tuple[str, ...]:
        """The peaks that were followed so far."""
        return tuple(self._peaks)

    def peak_values(self, name: str, value: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(count,) each: this value, one of ``PEAK_VALUES``, of the peak in each frame, and its esd; NaN where it has
        none. Views."""
        column = 2 * PEAK_VALUES.index(value)
        kept = self._peaks[name][: self.count]
        return kept[:, column], kept[:, column + 1]

    def pauses(self) -> list[Episode]:
        """The stretches in which the lattice parameter stood still."""
        return [episode for episode in self.episodes if episode.state is State.PAUSED]

    def _append(self, row: Row) -> None:
        self.timeline.append(row.time_s)
        intensity = _shown(row)
        self.window_map.append(None if intensity is None else intensity[self.window])
        self.whole_map.append(intensity)
        self._note_state(row)
        self._note_numbers(self.count, row)
        if isinstance(row.fit, NoResult):
            self.gaps.append(self.count)
        if np.isfinite(row.verdict.mixing_s):
            self.mixing_s = row.verdict.mixing_s
        if np.isfinite(row.mtime_s - row.time_s):
            self.clock_zero_s = row.mtime_s - row.time_s
        self.count += 1

    def _note_numbers(self, number: int, row: Row) -> None:
        if number == len(self._merits):
            self._merits = np.concatenate([self._merits, np.empty_like(self._merits)])
            more = np.full(number, np.nan)
            self._header = {name: np.concatenate([values, more]) for name, values in self._header.items()}
            self._peaks = {name: _doubled(kept) for name, kept in self._peaks.items()}
        self._merits[number] = _merits(row)
        for name, value in row.header.items():
            if name not in self._header:
                self._header[name] = np.full(len(self._merits), np.nan)
            self._header[name][number] = value
        for peak in row.peaks:
            if peak.name not in self._peaks:
                self._peaks[peak.name] = np.full((len(self._merits), 2 * len(PEAK_VALUES)), np.nan)
            self._peaks[peak.name][number] = (
                *(peak.two_theta_deg, peak.two_theta_esd_deg),
                *(peak.area, peak.area_esd),
                *(peak.fwhm_deg, peak.fwhm_esd_deg),
            )

    def _note_state(self, row: Row) -> None:
        now = float(self.timeline.starts[-1])
        last = self.episodes[-1] if self.episodes else None
        if last and last.state is row.verdict.state:
            self.episodes[-1] = replace(last, end_s=now)
            return
        since = row.verdict.since_s if np.isfinite(row.verdict.since_s) else now
        self.episodes.append(Episode(row.verdict.state, since, now, now))


def _doubled(kept: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([kept, np.full_like(kept, np.nan)])


def _merits(row: Row) -> tuple[float, float, float]:
    if isinstance(row.fit, NoResult):
        return float("nan"), float("nan"), row.intensity
    return row.fit.rwp_percent, row.fit.chi2_reduced, row.intensity


def _shown(row: Row) -> NDArray[np.float32] | None:
    """Without beam nothing was measured: a hole in the map, not a row of zeros."""
    dark = isinstance(row.fit, NoResult) and row.fit.reason.startswith("no beam")
    return None if row.pattern is None or dark else row.pattern.intensity
