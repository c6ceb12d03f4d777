"""The 2θ-time map: time across or downward, one column a pixel, holes shown as holes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from latticewatch.processing.crystal.reflections import Hkl, d_spacing, two_theta_deg
from latticewatch.processing.flow.fit import Component, Fit, cell_in
from latticewatch.processing.flow.series import Snapshot
from latticewatch.widgets.axes import on_range, soon
from latticewatch.widgets.colours import HATCH, HOLE, Levels, indices, lookup_table
from latticewatch.widgets.history import History
from latticewatch.widgets.map_bar import MapBar
from latticewatch.widgets.marks import Cursor, PauseBrackets, Rest
from latticewatch.widgets.pyramid import ChangeMap, Pyramid
from latticewatch.widgets.theme import DARK, Theme, faded, line
from latticewatch.widgets.thinning import Floats
from latticewatch.widgets.time_sheet import TimeSheet

LINE_POINTS = 600
PINNED, MEAN_OF_VIEW = 4, 5


@dataclass(frozen=True, slots=True)
class MapReflections:
    """The reflections of each component, drawn over the map as fitted. components: left out, all are cubic."""

    hkls: tuple[tuple[Hkl, ...], ...]
    wavelength_A: float
    components: tuple[Component, ...] = ()

    def angles(self, number: int, snapshot: Snapshot, some: slice) -> list[Floats]:
        """2θ in degrees of each reflection of a component in these rows; NaN where it is not known."""
        hkls = self.hkls[number]
        if not self.components or self.components[number].phase.is_cubic:
            lp = snapshot.lp_A[some, number]
            return [two_theta_deg(d_spacing(lp, hkl), self.wavelength_A) for hkl in hkls]
        planes, component = np.array(hkls, dtype=np.float64).reshape(-1, 3), self.components[number]
        rows = [snapshot.row(at) for at in range(some.start, some.stop, some.step)]
        d = np.full((len(rows), len(planes)), np.nan)
        for at, row in enumerate(rows):
            if isinstance(row.fit, Fit) and math.isfinite(row.fit.lattices[number].lp_A):
                d[at] = cell_in(component, row.fit.lattices[number], row.fit).d_spacings(planes)
        return list(two_theta_deg(d, self.wavelength_A).T)


@dataclass(frozen=True, slots=True)
class MarkedAngle:
    """A line of no component: at this angle in degrees, from start_s to end_s."""

    two_theta_deg: float
    start_s: float
    end_s: float


class MapView(QWidget):
    """Draws a history; tells when the user picks a time. It keeps no data but what it shows."""

    time_chosen = pyqtSignal(float)

    def __init__(self, theme: Theme, history: History, lines: MapReflections) -> None:
        super().__init__()
        self._theme = theme
        self._history = history
        self._lines = lines
        self._snapshot: Snapshot | None = None
        self._changes: dict[bool, ChangeMap] = {}
        self.with_lines = True
        self._unknown: tuple[MarkedAngle, ...] = ()
        self._peak_ranges: tuple[tuple[float, float], ...] = ()
        self._rests: tuple[Rest, ...] = ()
        self._frames: tuple[int | None, int | None] = (None, None)
        self._known_levels: tuple[object, Levels] = (None, Levels(0.0, 1.0))
        self.bar = MapBar(theme)
        self.sheet = TimeSheet(lines.wavelength_A, theme.text)
        self.plot = self.sheet.plot
        self._image = pg.ImageItem()
        self._tables = [lookup_table(theme, diverging=diverging) for diverging in (False, True)]
        self.plot.addItem(self._image)
        self._pauses = PauseBrackets(self.plot, QColor(255, 255, 255, 170), hats=False)
        self._curves = [self._curve(DARK.components[number]) for number in range(len(lines.hkls))]
        dotted = pg.mkPen(DARK.gap, width=2.0, style=Qt.PenStyle.DotLine)
        self._unknown_curve = self.plot.plot(pen=dotted, connect="pairs")
        self._unknown_curve.setZValue(13)
        self._peak_curve = self.plot.plot(pen=line("#ffffff", 1.2), connect="finite")
        faint = pg.mkPen(QColor(255, 255, 255, 120), width=1.0, style=Qt.PenStyle.DashLine)
        self._range_curve = self.plot.plot(pen=faint, connect="pairs")
        for curve in (self._peak_curve, self._range_curve):
            curve.setZValue(13)
        self.cursor_line = Cursor(self.plot, QColor("#ffffff"))
        self.cursor_line.moved.connect(self.time_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self.plot)
        self._later = soon(self, self.paint_now)
        on_range(self.plot, self._later.start)
        self.bar.changed.connect(self._later.start)
        self.bar.range.currentIndexChanged.connect(lambda _: self.fit_height())
        self.bar.unit.currentTextChanged.connect(self.sheet.show_unit)
        self.setAccessibleName("2θ-time map")
        self.fit_height()

    def show_clock(self, zero_s: float | None) -> None:
        self.sheet.show_clock(zero_s)

    def flip(self) -> None:
        """Time across, as the trace has it, or downward with the angle across."""
        self.sheet.flip()
        self._pauses.turn(down=self.sheet.down)
        self.cursor_line.turn(down=self.sheet.down)
        self.paint_now()

    def take_over(self, before: "MapView") -> None:
        """Show what another map of this run showed; its ranges are not among that."""
        self.bar.take_over(before.bar)
        self.with_lines = before.with_lines
        if before.sheet.down:
            self.flip()

    def toggle_lines(self) -> None:
        self.with_lines = not self.with_lines
        self.paint_now()

    def toggle_whole(self) -> None:
        self.bar.range.setCurrentIndex(1 - self.bar.range.currentIndex())

    def _curve(self, colour: str) -> tuple[Any, Any]:
        """A coloured line alone is lost on a bright map: a dark one lies beneath. The map is dark in both themes."""
        under = self.plot.plot(pen=line(QColor(0, 0, 0, 170), 4.0), connect="finite")
        over = self.plot.plot(pen=line(colour, 2.0), connect="finite")
        for z, curve in ((11, under), (12, over)):
            curve.setZValue(z)
        return under, over

    @property
    def whole(self) -> bool:
        return self.bar.range.currentIndex() == 1

    def fit_height(self) -> None:
        self.sheet.fit_angles(*_edges(self._grid()))
        self._later.start()

    def _grid(self) -> NDArray[np.float64]:
        grid = self._history.two_theta
        return grid if self.whole else grid[self._history.window]

    def show_unknown(self, lines: tuple[MarkedAngle, ...]) -> None:
        """Lines of no component, to be drawn with the next snapshot."""
        self._unknown = lines

    def show_peak_ranges(self, ranges: Sequence[tuple[float, float]]) -> None:
        """Angles in degrees between which peaks are followed, to be drawn with the next snapshot."""
        self._peak_ranges = tuple(ranges)

    def show_pauses(self, rests: Sequence[Rest]) -> None:
        """Pauses, to be drawn with the next snapshot."""
        self._rests = tuple(rests)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.paint_now()

    def paint_now(self) -> None:
        """Draw at the resolution of the screen; costs what is visible."""
        history, snapshot = self._history, self._snapshot
        if snapshot is None or not history.count:
            return
        (start, end), (low, high) = self.sheet.times(), self.sheet.angles()
        along, upward = self.sheet.pixels()
        self._paint_image(history, (start, end, along), (low, high, upward))
        self._paint_lines(history, snapshot, start, end)
        self._paint_peaks(history, start, end)
        self._pauses.show_pauses(self._rests, labels=False)

    def _paint_image(
        self, history: History, across: tuple[float, float, int], upward: tuple[float, float, int]
    ) -> None:
        pyramid, reference = self._source(history)
        grid = self._grid()
        first, last = np.searchsorted(grid, upward[:2])
        bins = slice(max(0, int(first) // pyramid.group - 1), min(pyramid.height, int(last) // pyramid.group + 2))
        start, end = max(across[0], history.timeline.span()[0]), min(across[1], history.timeline.span()[1])
        if end <= start or bins.stop - bins.start < 1:
            self._image.clear()
            return
        columns = max(1, round(across[2] * (end - start) / (across[1] - across[0])))
        first, last = history.timeline.columns(start, end, columns)
        values = _not_taller((pyramid.maxima(first, last, bins) - reference[bins]).T, upward[2])
        diverging = bool(reference.any())
        levels = self.bar.limited(self._levels_of(pyramid, reference))
        image = indices(values, levels, "linear" if diverging else self.bar.scale.currentText())
        image = _hatched(image, upward[2])
        self._image.setImage(self.sheet.lay(image), autoLevels=False, levels=(0, 255), lut=self._tables[diverging])
        self.bar.show_levels(levels, diverging=diverging)
        low, high = _edges(grid)
        step = (high - low) / len(grid) * pyramid.group
        self._image.setRect(
            self.sheet.rect(start, low + bins.start * step, end - start, (bins.stop - bins.start) * step)
        )

    def _levels_of(self, pyramid: Pyramid, reference: NDArray[np.float32]) -> Levels:
        """Those of a map as it stood when it was last a 64th longer: they change slowly and take long."""
        rows = pyramid.count - pyramid.count % max(1, pyramid.count >> 6)
        key = (id(pyramid), rows, len(pyramid.replaced), reference.tobytes())
        if self._known_levels[0] != key:
            self._known_levels = (key, _levels(pyramid, reference, rows))
        return self._known_levels[1]

    def _source(self, history: History) -> tuple[Pyramid, NDArray[np.float32]]:
        """The map to be drawn, and what is taken from each of its rows."""
        pyramid = history.whole_map if self.whole else history.window_map
        nothing = np.zeros(pyramid.height, np.float32)
        match self.bar.mode.currentIndex():
            case 1:
                first = next(
                    (row for row in pyramid.sample(pyramid.count, pyramid.count) if np.isfinite(row).any()), nothing
                )
                return pyramid, np.where(np.isfinite(first), first, 0.0).astype(np.float32)
            case mode if mode > 2:
                reference = self._reference(pyramid, mode)
                return pyramid, np.where(np.isfinite(reference), reference, 0.0).astype(np.float32)
            case 2:
                changes = self._changes.setdefault(self.whole, ChangeMap(pyramid))
                if not changes.catch_up():
                    self._later.start()  # the window stays alive while a long run is gone through
                return changes.map, nothing
            case _:
                return pyramid, nothing

    def _reference(self, pyramid: Pyramid, mode: int) -> NDArray[np.float32]:
        """What is taken from each row: the shown frame, the pinned one, or the mean of those in view."""
        if mode == MEAN_OF_VIEW:
            part = self._history.timeline.visible(*self.sheet.times())
            return pyramid.mean(part.start, part.stop)
        shown, pinned = self._frames
        number = pinned if mode == PINNED else shown
        if mode == PINNED and number is None:
            return np.zeros(pyramid.height, np.float32)
        return pyramid.row(min(pyramid.count - 1, number if number is not None else pyramid.count - 1))

    def show_frames(self, shown: int | None, pinned: int | None) -> None:
        """The rows that can be taken from the others: the chosen one (None: the newest), and the one pinned last."""
        if self._frames != (shown, pinned):
            self._frames = (shown, pinned)
            self._later.start()

    def _paint_lines(self, history: History, snapshot: Snapshot, start: float, end: float) -> None:
        """Every line that lies in sight, at the lattice parameters of each frame; one curve per component."""
        part = history.timeline.visible(start, end)
        step = max(1, (part.stop - part.start) // LINE_POINTS)
        some = slice(part.start, min(part.stop, snapshot.count), step)
        times = history.timeline.starts[some] + 0.5 * history.timeline.period_s
        low, high = self.sheet.angles()
        for number, curves in enumerate(self._curves):
            angles = self._lines.angles(number, snapshot, some) if self.with_lines else []
            seen = [one for one in angles if ((one > low) & (one < high)).any()]
            xs, ys = self.sheet.points(*_joined(times, seen))
            under, over = curves
            # So many lines would hide the pattern that they are to explain.
            under.setData(*((xs, ys) if not self.whole else ([], [])))
            over.setPen(line(faded(DARK.components[number], 150 if self.whole else 255), 2.0 - self.whole))
            over.setData(xs, ys)
        drawn = [one for one in self._unknown if self.with_lines and low < one.two_theta_deg < high]
        period_s = history.timeline.period_s
        ends = np.array([(one.start_s, one.end_s + period_s) for one in drawn]).ravel()
        self._unknown_curve.setData(*self.sheet.points(ends, np.repeat([one.two_theta_deg for one in drawn], 2)))

    def _paint_peaks(self, history: History, start: float, end: float) -> None:
        """Followed peaks where they were found, and the edges of the ranges in which they are looked for."""
        low, high = self.sheet.angles()
        part = history.timeline.visible(start, end)
        some = slice(part.start, part.stop, max(1, (part.stop - part.start) // LINE_POINTS))
        times = history.timeline.starts[some] + 0.5 * history.timeline.period_s
        names = history.peak_names if self.with_lines else ()
        found = [history.peak_values(name, "two_theta_deg")[0][some] for name in names]
        seen = [one for one in found if ((one > low) & (one < high)).any()]
        self._peak_curve.setData(*self.sheet.points(*_joined(times, seen)))
        edges = [edge for limits in self._peak_ranges for edge in limits if self.with_lines and low < edge < high]
        ends = np.tile([start, end], len(edges))
        self._range_curve.setData(*self.sheet.points(ends, np.repeat(np.array(edges, np.float64), 2)))


def _joined(times: Floats, lines: list[Floats]) -> tuple[Floats, Floats]:
    """Lines one after the other with a hole between each two."""
    if not lines:
        return np.empty(0), np.empty(0)
    hole = np.array([np.nan])
    xs = np.concatenate([np.concatenate([times, hole]) for _ in lines])
    return xs, np.concatenate([np.concatenate([line, hole]) for line in lines])


def _edges(grid: NDArray[np.float64]) -> tuple[float, float]:
    half = 0.5 * float(grid[-1] - grid[0]) / max(1, len(grid) - 1)
    return float(grid[0]) - half, float(grid[-1]) + half


def _not_taller(values: NDArray[np.float32], height: int) -> NDArray[np.float32]:
    """Bins that share a pixel show their maximum; the last group may be short."""
    group = -(-len(values) // height)
    return values if group == 1 else np.maximum.reduceat(values, np.arange(0, len(values), group), axis=0)


def _levels(pyramid: Pyramid, reference: NDArray[np.float32], rows: int) -> Levels:
    """Robust: the 1st and the 99.8th percentile of so many rows of the map; even about 0 for a difference."""
    sample = pyramid.sample(rows) - reference
    finite = sample[np.isfinite(sample)]
    if not len(finite):
        return Levels(0.0, 1.0)
    low, high = (float(level) for level in np.percentile(finite, (1.0, 99.8)))
    if reference.any():
        low, high = -max(-low, high), max(-low, high)
    return Levels(low, max(high, low + 1e-6))


def _hatched(image: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """Diagonal stripes where nothing was measured, two pixels in eight; as tall as the screen, to look the same."""
    if not (image == HOLE).any():
        return image
    tall = np.repeat(image, max(1, height // len(image)), axis=0)
    rows, columns = np.nonzero(tall == HOLE)
    tall[rows, columns] = np.where((rows + columns) % 8 < 2, HATCH, HOLE)
    return tall
