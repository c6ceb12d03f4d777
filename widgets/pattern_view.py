"""One pattern with its fit, components, difference and tick marks."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QSplitter, QVBoxLayout, QWidget

from latticewatch.processing.flow.fit import Curves
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.widgets.axes import HALF_LINE, AngleAxis, plot_widget, soon
from latticewatch.widgets.elided import ElidedLabel
from latticewatch.widgets.peak_marks import PeakMarks, ShownPeak
from latticewatch.widgets.theme import Theme, faded, line
from latticewatch.widgets.thinning import Floats, thinned

LABEL_ROOM, MOST_PINS = 24, 4
TICK_PX, ROW_PX, FOOT_PX, ABOVE_PX = 7.0, 20.0, 4.0, 14.0
LEAST_RESIDUAL_PX = 100
MOST_DECADES = 5.0


@dataclass(frozen=True, slots=True)
class Ticks:
    """Where the lines of one component are: 2θ in degrees and their hkl."""

    name: str
    two_theta: NDArray[np.float64]
    hkl: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame for this view. caption: its number, name and figures of merit. curves: None without a fit.

    ticks: where the lines are, or where they would have to be. unknown: lines of no component, 2θ in degrees, and the
    phase that has them or "?". peaks: those that are followed; peak_curves: angle and intensity of each stretch in
    which they were fitted.
    """

    caption: str
    pattern: Pattern | None
    curves: Curves | None = None
    ticks: tuple[Ticks, ...] = ()
    unknown: tuple[tuple[float, str], ...] = ()
    peaks: tuple[ShownPeak, ...] = ()
    peak_curves: tuple[tuple[Floats, Floats], ...] = ()


class PatternView(QWidget):
    """Observed points, calculated line, background and components above; difference below."""

    def __init__(self, theme: Theme, names: tuple[str, ...], wavelength_A: float) -> None:
        super().__init__()
        self._theme = theme
        self._shown: Shown | None = None
        self.logarithmic = False
        self._caption = ElidedLabel()
        self._pinned = QLabel()
        self._pinned.setTextFormat(Qt.TextFormat.RichText)
        self._pinned.hide()
        self._pins: list[tuple[str, Pattern]] = []
        self.plot = plot_widget({}, "intensity", theme.text, 10)
        self.angles = AngleAxis("bottom", wavelength_A)
        self.residual = plot_widget({"bottom": self.angles}, "Δ / σ", theme.text, 10)
        self._make_curves(names)
        self._peaks = PeakMarks(self.plot, theme)
        self._labels: list[Any] = []
        self.residual.setXLink(self.plot)
        self.plot.getPlotItem().getAxis("bottom").setStyle(showValues=False)
        # The axis below is too low to hold the lower half of the last number.
        self.plot.getPlotItem().layout.setContentsMargins(1.0, HALF_LINE, 1.0, HALF_LINE)
        self.residual.setMinimumHeight(LEAST_RESIDUAL_PX)
        self._lay_out()
        self._later = soon(self, self._draw)
        self._labels_later = soon(self, self._place_labels)
        box = self.plot.getPlotItem().getViewBox()
        box.sigXRangeChanged.connect(lambda *_: self._later.start())
        self._fit_later = soon(self, self._fit_again)
        box.sigResized.connect(lambda *_: self._fit_later.start())
        box.sigYRangeChanged.connect(lambda *_: self._labels_later.start())
        self.setAccessibleName("pattern with fit")

    def _make_curves(self, names: tuple[str, ...]) -> None:
        theme, top = self._theme, self.plot
        self._observed = pg.ScatterPlotItem(size=3.0, brush=pg.mkBrush(theme.data), pen=None)
        top.addItem(self._observed)
        self._pin_curves = [top.plot(pen=pg.mkPen(colour, width=1.0), connect="finite") for colour in theme.pins]
        for item in self._pin_curves:
            item.setZValue(-5)
        self._background = top.plot(pen=pg.mkPen(theme.faint, width=1.0, style=Qt.PenStyle.DashLine), connect="finite")
        self._components = [
            top.plot(pen=pg.mkPen(theme.components[number], width=1.0), connect="finite")
            for number in range(len(names))
        ]
        self._calculated = top.plot(pen=pg.mkPen(theme.calculated, width=1.0), connect="finite")
        self._ticks = [
            pg.PlotDataItem(pen=line(theme.components[number], 1.6), connect="pairs") for number in range(len(names))
        ]
        for item in self._ticks:
            top.addItem(item, ignoreBounds=True)
        dotted = pg.mkPen(faded(theme.gap, 150), width=1.0, style=Qt.PenStyle.DotLine)
        self._unknown = pg.PlotDataItem(pen=dotted, connect="pairs")
        top.addItem(self._unknown, ignoreBounds=True)
        self._difference = self.residual.plot(pen=pg.mkPen(theme.difference, width=1.0), connect="finite")
        self.residual.addItem(
            pg.LinearRegionItem(
                (-3.0, 3.0), "horizontal", brush=faded(theme.pause, 40), pen=pg.mkPen(None), movable=False
            ),
            ignoreBounds=True,
        )

    def _lay_out(self) -> None:
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.plot)
        splitter.addWidget(self.residual)
        splitter.setStretchFactor(0, 4)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([400, 120])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._caption)
        layout.addWidget(self._pinned)
        layout.addWidget(splitter, 1)

    def pin(self, text: str, pattern: Pattern) -> None:
        """Keep this pattern as a line under those to come; the oldest of more than four goes, one is pinned once."""
        if any(pinned is pattern for _, pinned in self._pins):
            return
        self._pins = [*self._pins[1 - MOST_PINS :], (text, pattern)]
        self._say_pins()

    def pins(self) -> list[tuple[str, Pattern]]:
        return list(self._pins)

    def show_pins(self, pins: list[tuple[str, Pattern]]) -> None:
        self._pins = list(pins)
        self._say_pins()

    def _say_pins(self) -> None:
        colours = self._theme.pins
        texts = [f'<span style="color:{colours[n]}">{escape(pin[0])}</span>' for n, pin in enumerate(self._pins)]
        self._pinned.setText(f"pinned: {', '.join(texts)}")
        self._pinned.setVisible(bool(self._pins))
        self._draw()

    def _draw_pins(self, part: slice, columns: int) -> None:
        for number, item in enumerate(self._pin_curves):
            if number < len(self._pins):
                values = self._scaled(self._pins[number][1].intensity[part])
                item.setData(*thinned(self._pins[number][1].two_theta[part], values, values, columns))
            else:
                item.setData([], [])

    def toggle_logarithmic(self) -> None:
        """Intensities on a logarithmic scale, or on a linear one; what is not above 0 has no place on the first."""
        self.logarithmic = not self.logarithmic
        self.plot.getPlotItem().getAxis("left").setLogMode(self.logarithmic)
        if self._shown is not None and self._shown.pattern is not None:
            self._fit_height(self._shown.pattern)
        self._draw()

    def _scaled(self, intensity: NDArray[Any]) -> Floats:
        """As it is drawn."""
        values: Floats = intensity.astype(np.float64)
        if not self.logarithmic:
            return values
        return np.log10(values, out=np.full(values.shape, np.nan), where=values > 0.0)

    def caption(self) -> str:
        return self._shown.caption if self._shown else ""

    @property
    def shown(self) -> Shown | None:
        """The frame that is drawn; None while there is none."""
        return self._shown

    def show_frame(self, shown: Shown) -> None:
        """Draw this frame; the zoom stays as the user left it."""
        first = self._shown is None or self._shown.pattern is None
        self._shown = shown
        self._caption.setText(shown.caption)
        self._fit_residual_height(shown)
        if first and shown.pattern is not None:
            self.show_all()
        elif shown.pattern is not None:
            self._fit_height(shown.pattern)
        self._draw()

    def _fit_again(self) -> None:
        """The room for the ticks is the same in pixels, whatever the height."""
        if self._shown is not None and self._shown.pattern is not None:
            self._fit_height(self._shown.pattern)
        self._draw()

    def show_all(self) -> None:
        shown = self._shown
        if shown is None or shown.pattern is None:
            return
        grid = shown.pattern.two_theta
        good = np.isfinite(shown.curves.calculated if shown.curves else shown.pattern.intensity)
        inside = grid[good] if good.any() else grid
        self.plot.setXRange(float(inside[0]), float(inside[-1]), padding=0.02)
        self._fit_height(shown.pattern)

    def _draw(self) -> None:
        """Draw what is visible, at most two points a pixel: painting costs what the screen is wide."""
        shown = self._shown
        pattern = shown.pattern if shown else None
        if shown is None or pattern is None:
            self._observed.clear()
            self._peaks.show((), [])
            self._clear_fit()
            return
        box = self.plot.getPlotItem().getViewBox()
        left, right = box.viewRange()[0]
        part = slice(*np.searchsorted(pattern.two_theta, (left, right)).tolist())
        columns = max(100, int(box.width()))
        grid = pattern.two_theta[part]
        self._draw_pins(part, columns)
        self._draw_observed(grid, self._scaled(pattern.intensity[part]), columns)
        self._peaks.show(shown.peaks, [(angles, self._scaled(values)) for angles, values in shown.peak_curves])
        if shown.curves is None:
            self._clear_fit()
            return
        curves = shown.curves
        drawn = [(self._background, curves.background), (self._calculated, curves.calculated)]
        components = zip(self._components, curves.components, strict=True)
        drawn += [(item, component + curves.background) for item, component in components]
        for item, values in drawn:
            scaled = self._scaled(values[part])
            item.setData(*thinned(grid, scaled, scaled, columns))
        pull = _pull(pattern, shown.curves)
        self._difference.setData(*thinned(grid, pull[part], pull[part], columns))
        self._place_labels()

    def _draw_observed(self, grid: Floats, intensity: Floats, columns: int) -> None:
        angles, values = thinned(grid, intensity, intensity, columns)
        if len(grid) <= columns:
            angles, values = grid, intensity
        good = np.isfinite(values)
        self._observed.setData(angles[good], values[good])

    def _clear_fit(self) -> None:
        for item in (
            self._background, self._calculated, self._difference, self._unknown, *self._components, *self._ticks
        ):  # fmt: skip
            item.setData([], [])
        self._place_labels()

    def _fit_residual_height(self, shown: Shown) -> None:
        if shown.curves is None:
            self.residual.setYRange(-4.4, 4.4, padding=0.0)
        elif shown.pattern is not None:
            pull = np.abs(_pull(shown.pattern, shown.curves))
            largest = max(4.0, float(np.nanpercentile(pull, 99.5)) if np.isfinite(pull).any() else 4.0)
            top = self.residual.getPlotItem().getViewBox().viewRange()[1][1]
            if not largest <= top <= 1.5 * largest:
                self.residual.setYRange(-1.1 * largest, 1.1 * largest, padding=0.0)

    def _fit_height(self, pattern: Pattern) -> None:
        low, high = self.plot.getPlotItem().getViewBox().viewRange()[0]
        visible = (pattern.two_theta >= low) & (pattern.two_theta <= high) & np.isfinite(pattern.intensity)
        if visible.any():
            values = self._scaled(pattern.intensity[visible])
            if not np.isfinite(values).any():
                return
            bottom, top = float(np.nanmin(values)), float(np.nanmax(values))
            if self.logarithmic:  # a bin of nearly nothing would leave no room for the others
                bottom = max(bottom, top - MOST_DECADES, float(np.nanpercentile(values, 0.5)) - 0.3)
            elif self._shown is not None and self._shown.curves is not None:
                bottom = float(np.fmin(bottom, np.fmin.reduce(self._shown.curves.background[visible])))
            span = top - bottom if top > bottom else max(abs(top), 1.0)
            feet = FOOT_PX + ROW_PX * len(self._ticks) + ABOVE_PX
            height = self.plot.getPlotItem().getViewBox().height()
            room = 1.06 * feet / max(feet, height - feet)
            wanted = (bottom - room * span, max(top, bottom + 0.5 * span) + 0.06 * span)
            shown = self.plot.getPlotItem().getViewBox().viewRange()[1]
            # Noise of a percent must not move the axis with every frame.
            moved = [abs(one - other) / span for one, other in zip(wanted, shown, strict=True)]
            if moved[0] > 0.02 or moved[1] > 0.05:
                self.plot.setYRange(*wanted, padding=0.0)

    def _place_labels(self) -> None:
        """Ticks in rows under the pattern, each row in its component's colour; hkl where there is room."""
        (left, right), (bottom, top) = self.plot.getPlotItem().getViewBox().viewRange()
        box = self.plot.getPlotItem().getViewBox()
        width, per_pixel = max(1.0, box.width()), (top - bottom) / max(1.0, box.height())
        for label in self._labels:
            label.hide()
        self._peaks.place()
        used = 0
        shown = self._shown.ticks if self._shown and self._shown.pattern else ()
        for row, (item, ticks) in enumerate(zip(self._ticks, shown, strict=False)):
            base = bottom + per_pixel * (FOOT_PX + ROW_PX * (len(self._ticks) - 1 - row))
            tall = TICK_PX * per_pixel
            finite = np.isfinite(ticks.two_theta)
            item.setData(
                np.repeat(ticks.two_theta[finite], 2), np.tile([base, base + tall], int(np.count_nonzero(finite)))
            )
            colour = self._theme.components[row]
            used = self._label_row(ticks, base + tall, (left, right, width), colour, used)
        unknown = self._shown.unknown if self._shown and self._shown.pattern else ()
        angles, names = np.array([angle for angle, _ in unknown]), tuple(name for _, name in unknown)
        self._unknown.setData(np.repeat(angles, 2), np.tile([bottom, top], len(angles)))
        self._label_row(
            Ticks("", angles, names), top - 1.6 * ABOVE_PX * per_pixel, (left, right, width), self._theme.gap, used
        )

    def _label_row(
        self, ticks: Ticks, height: float, across: tuple[float, float, float], colour: str, used: int
    ) -> int:
        left, right, width = across
        last = -np.inf
        for angle, hkl in sorted(zip(ticks.two_theta, ticks.hkl, strict=True)):
            pixel = (angle - left) / (right - left) * width
            if not 8 < pixel < width - 8 or pixel - last < LABEL_ROOM:
                continue
            label = self._label(used)
            label.setColor(colour)
            label.setText(hkl)
            label.setPos(angle, height)
            label.show()
            last, used = pixel, used + 1
        return used

    def _label(self, number: int) -> Any:
        if number == len(self._labels):
            label = pg.TextItem(anchor=(0.5, 0.82))
            font = self.font()
            font.setPointSizeF(7.5)
            label.setFont(font)
            self.plot.addItem(label, ignoreBounds=True)
            self._labels.append(label)
        return self._labels[number]


def _pull(pattern: Pattern, curves: Curves) -> Floats:
    """(observed - calculated) / σ, NaN where there is no fit."""
    with np.errstate(invalid="ignore", divide="ignore"):
        pull = (pattern.intensity - curves.calculated) / pattern.sigma
    return np.where(np.isfinite(pull), pull, np.nan)
