"""Lattice parameters against time, with their esd; it shares the map's time axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QFontMetricsF
from PyQt6.QtWidgets import QTabBar, QVBoxLayout, QWidget

from latticewatch.processing.flow.composition import CompositionScale
from latticewatch.processing.flow.quantity import Quantity
from latticewatch.processing.flow.series import Snapshot
from latticewatch.processing.flow.verdict import Forecast
from latticewatch.widgets.axes import LEFT_WIDTH, RIGHT_WIDTH, CompositionAxis, TimeAxis, on_range, plot_widget, soon
from latticewatch.widgets.history import History
from latticewatch.widgets.marks import Cursor, ForecastBand, Mark, MarkLines, PauseBrackets, Rest
from latticewatch.widgets.number_table import NumberTable
from latticewatch.widgets.theme import Theme, faded, line
from latticewatch.widgets.thinning import thinned

TITLE = "lattice parameter / Å"
FEW, LABEL_PX, TICK_PX = 160, 26.0, 6.0
_AXIS_WIDTHS = {"left": LEFT_WIDTH, "right": RIGHT_WIDTH}


class TraceView(QWidget):
    """One curve per component, and the weighted mean where there are several.

    Where quantities are watched by name: the one of them that is chosen.
    """

    time_chosen = pyqtSignal(float)

    def __init__(
        self,
        theme: Theme,
        history: History,
        names: tuple[str, ...],
        scale: CompositionScale | None,
        quantities: tuple[Quantity, ...] = (),
    ) -> None:
        super().__init__()
        self._quantities = quantities
        self._drawn = 0
        # Only lattice parameters lie on the scale of the composition.
        scale = None if quantities else scale
        self._theme = theme
        self._history = history
        self._names = names
        self._snapshot: Snapshot | None = None
        self._rests: tuple[Rest, ...] = ()
        # Each side's title, and what stands there where the axis is shorter than that.
        self._titles = {"left": (TITLE, "Lp / Å")}
        if scale is not None:
            self._titles["right"] = (f"x (0: {scale.first_A:g}, 1: {scale.second_A:g} Å)", "x")
        self.plot = _plot(theme, scale)
        several = len(names) > 1 and not quantities
        heads = tuple(one.label for one in quantities) or names
        colours = [theme.components[number % len(theme.components)] for number in range(len(heads))]
        colours += [theme.mean] if several else []
        self._pauses = PauseBrackets(self.plot, QColor(theme.pause))
        self._pauses.set_ground(faded(theme.base, 190))
        self._marks = MarkLines(self.plot, faded(theme.faint, 230), faded(theme.base, 190))
        self._forecast = ForecastBand(self.plot, QColor(theme.highlight))
        self._curves = [_Curve(self.plot, colour, mean=n == len(heads)) for n, colour in enumerate(colours)]
        self._gaps = pg.VTickGroup(yrange=[0.0, 0.05], pen=line(theme.gap, 1.5))
        self.plot.addItem(self._gaps, ignoreBounds=True)
        # Their height is a share of the view; the library keeps that of a view which is not drawn yet.
        self.plot.getPlotItem().getViewBox().sigTransformChanged.connect(lambda *_: self._gaps.setNewBounds())
        self.cursor_line = Cursor(self.plot, QColor(theme.text))
        self.cursor_line.moved.connect(self.time_chosen)
        self.numbers = NumberTable([*heads, *(["mean"] if several else [])], colours)
        self.choice = self._chooser()
        self._lay_out()
        self._later = soon(self, self.paint_now)
        on_range(self.plot, self._later.start)
        self.plot.getPlotItem().getViewBox().sigResized.connect(lambda *_: self._fit_titles())
        self.setAccessibleName("lattice parameter against time")

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.numbers)
        layout.addWidget(self.choice)
        layout.addWidget(self.plot)

    def _chooser(self) -> QTabBar:
        """Which of the quantities is drawn; not there where there is one."""
        tabs = QTabBar(self)
        tabs.setDrawBase(False)
        tabs.setExpanding(False)
        tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        tabs.setAccessibleName("quantity that is drawn")
        for quantity in self._quantities:
            tabs.addTab(quantity.label)
        tabs.setVisible(len(self._quantities) > 1)
        tabs.currentChanged.connect(self.draw_quantity)
        if self._quantities:
            self._title_quantity()
        return tabs

    @property
    def drawn_quantity(self) -> Quantity | None:
        """The one that is drawn of those that are watched by name."""
        return self._quantities[self._drawn] if self._quantities else None

    def draw_quantity(self, number: int) -> None:
        """Draw this one of the quantities that are watched by name."""
        if number == self._drawn or not 0 <= number < len(self._quantities):
            return
        self._drawn = number
        self.choice.setCurrentIndex(number)
        self._title_quantity()
        self._fit_titles()
        self.fit_range()
        self.paint_now()

    def _title_quantity(self) -> None:
        quantity = self._quantities[self._drawn]
        unit = f" / {quantity.unit}" if quantity.unit else ""
        self._titles["left"] = (f"{quantity.label}{unit}", f"{quantity.kind}{unit}")

    def show_snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.paint_now()

    def show_pauses(self, rests: Sequence[Rest]) -> None:
        """Pauses, to be drawn with the next snapshot."""
        self._rests = tuple(rests)

    def show_marks(self, marks: Sequence[Mark]) -> None:
        self._marks.show_marks(marks)

    def show_forecast(self, forecast: Forecast | None) -> None:
        self._forecast.show_forecast(forecast)

    def show_times(self, first_s: float, last_s: float) -> None:
        self.plot.setXRange(first_s, last_s, padding=0.0)

    def show_clock(self, zero_s: float | None) -> None:
        self.plot.getPlotItem().getAxis("bottom").show_clock(zero_s)

    def set_scale(self, scale: float) -> None:
        """Size of type and lines: 1 in the window, more where they are read from across the hutch."""
        font = QFont(self.font())
        font.setPointSizeF(scale * self.font().pointSizeF())
        self.numbers.set_font(font)
        item = self.plot.getPlotItem()
        for name in ("left", "right", "bottom"):
            axis = item.getAxis(name)
            axis.setStyle(tickFont=font)
            axis.label.setFont(font)
            if name == "bottom":  # its own height would let large type lie over itself
                axis.setHeight(2.1 * QFontMetricsF(font).height() + TICK_PX if scale > 1.0 else None)
            else:
                axis.setWidth(_AXIS_WIDTHS[name] * scale)
        for drawn in (self._pauses, self._marks, self._forecast):
            drawn.set_font(font)
        for curve in self._curves:
            curve.set_scale(scale)
        self._fit_titles()
        self.paint_now()

    def _fit_titles(self) -> None:
        item = self.plot.getPlotItem()
        for name, (whole, short) in self._titles.items():
            axis = item.getAxis(name)
            fits = QFontMetricsF(axis.label.font()).horizontalAdvance(whole) < item.getViewBox().height()
            if axis.labelText != (whole if fits else short):
                axis.setLabel(whole if fits else short)
                axis.resizeEvent()  # else the new title stands where the middle of the old one was

    def show_numbers(self, title: str, numbers: Sequence[tuple[str, str]]) -> None:
        """The shown frame, and of each component, then of the mean, what stands on the two lines of its column."""
        self.numbers.show_numbers(title, numbers)

    def paint_now(self) -> None:
        history, snapshot = self._history, self._snapshot
        if snapshot is None or not history.count:
            return
        box = self.plot.getPlotItem().getViewBox()
        start, end = box.viewRange()[0]
        part = history.timeline.visible(start, end)
        count = min(history.count, snapshot.count)
        part = slice(part.start, min(part.stop, count))
        times = history.timeline.starts[part]
        columns = max(50, int(box.width()))
        for curve, lp, esd in zip(self._curves, *self._columns(snapshot, part), strict=True):
            curve.draw(times, lp, esd, columns)
        shown = self._values(snapshot, part)
        gaps = times[np.isnan(shown).all(axis=1)]
        self._gaps.setXVals(gaps[:: max(1, len(gaps) // columns)].tolist())
        leads = self._drawn == 0  # the pauses are those of the first quantity
        self._pauses.show_pauses(self._rests if leads else (), labels=True, text_colour=self._theme.faint)

    def fit_range(self) -> None:
        """Show every lattice parameter between the visible times, stray ones left out."""
        history, snapshot = self._history, self._snapshot
        if snapshot is None:
            return
        part = history.timeline.visible(*self.plot.getPlotItem().getViewBox().viewRange()[0])
        values = self._values(snapshot, part).ravel()
        values = values[np.isfinite(values)][:: max(1, values.size // 20_000)]
        if values.size:
            low, high = _without_strays(values)
            margin = max(0.08 * (high - low), self._least_margin(snapshot, part))
            box = self.plot.getPlotItem().getViewBox()
            # The pauses' values stand over the curves.
            above = max(2.0 * margin, (high - low + margin) * LABEL_PX / max(2.0 * LABEL_PX, box.height() - LABEL_PX))
            bottom, top = box.viewRange()[1]
            if not (bottom < low - 0.3 * margin and high + 0.7 * above < top < bottom + 1.6 * (high - low + above)):
                self.plot.setYRange(low - margin, high + above)

    def _least_margin(self, snapshot: Snapshot, part: slice) -> float:
        """What stands still is not blown up to its noise: so much is shown on either side of it."""
        if not self._quantities:
            return 2e-4
        esds = snapshot.value_esds[part, self._drawn]
        known = esds[np.isfinite(esds)]
        return max(2.0 * float(np.median(known)), 1e-12) if known.size else 1e-12

    def _values(self, snapshot: Snapshot, part: slice) -> NDArray[np.float64]:
        """All that is drawn, (rows, curves)."""
        if self._quantities:
            return snapshot.values[part, self._drawn : self._drawn + 1]
        return np.column_stack([snapshot.lp_A[part], snapshot.lp_mean_A[part]])

    def _columns(self, snapshot: Snapshot, part: slice) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        if self._quantities:
            unseen = np.full(len(snapshot.values[part]), np.nan)
            values, esds = [unseen] * len(self._curves), [unseen] * len(self._curves)
            values[self._drawn], esds[self._drawn] = (
                snapshot.values[part, self._drawn],
                snapshot.value_esds[part, self._drawn],
            )
            return values, esds
        lp = [snapshot.lp_A[part, number] for number in range(len(self._names))]
        esd = [snapshot.lp_esd_A[part, number] for number in range(len(self._names))]
        if len(self._curves) > len(lp):
            lp.append(snapshot.lp_mean_A[part])
            esd.append(snapshot.lp_mean_esd_A[part])
        return lp, esd


def _without_strays(values: NDArray[np.float64]) -> tuple[float, float]:
    """Smallest and largest of what belongs together: a value far off the rest is left out."""
    low, high = (float(edge) for edge in np.percentile(values, (0.3, 99.7)))
    reach = 0.5 * (high - low) + 1e-6
    near = values[(values >= low - reach) & (values <= high + reach)]
    return float(near.min()), float(near.max())


class _Curve:
    """Line, points where they are few, and esd bars that merge into a band where they are many."""

    def __init__(self, plot: pg.PlotWidget, colour: str, *, mean: bool) -> None:
        self._colour = colour
        self._width, self._thick = 1.0 if mean else 1.8, False
        self._mean = mean
        self._bars = pg.PlotDataItem(connect="pairs")
        self._line = pg.PlotDataItem(connect="finite")
        self._points = pg.ScatterPlotItem(size=3.5 if mean else 5.0, brush=pg.mkBrush(colour), pen=None)
        for z, item in enumerate((self._bars, self._line, self._points)):
            item.setZValue(10 + z - 5 * mean)
            plot.addItem(item)

    def set_scale(self, scale: float) -> None:
        self._width, self._thick = (1.0 if self._mean else 1.8) * scale, scale > 1.0
        self._points.setSize((3.5 if self._mean else 5.0) * scale)

    def draw(self, times: NDArray[np.float64], lp: NDArray[np.float64], esd: NDArray[np.float64], columns: int) -> None:
        """Draw this stretch; at most two points a column."""
        sparse = len(times) <= FEW
        pale = faded(self._colour, 110)
        line_times, middle = thinned(times, lp, lp, columns)
        # A pen of one pixel is drawn many times faster than a wider one; on the wall it could not be seen.
        wide = sparse or self._thick
        self._line.setPen(line(self._colour, self._width) if wide else pg.mkPen(self._colour, width=1.0))
        self._line.setData(line_times, middle)
        known = np.flatnonzero(np.isfinite(lp)) if sparse else np.empty(0, np.intp)
        self._points.setData(times[known], lp[known])
        bar_times, bars = thinned(times, lp - esd, lp + esd, columns)
        finite = np.repeat(np.isfinite(bars[0::2]) & np.isfinite(bars[1::2]), 2)
        self._bars.setPen(line(pale, 2.0) if sparse else pg.mkPen(pale, width=1.0))
        self._bars.setData(bar_times[finite], bars[finite])


def _plot(theme: Theme, scale: CompositionScale | None) -> pg.PlotWidget:
    axes: dict[str, Any] = {"bottom": TimeAxis()}
    if scale is not None:
        axes["right"] = CompositionAxis(scale)
    return plot_widget(axes, TITLE, theme.text)
