"""A second strip under the trace: followed peaks, values of the frames' headers, how good the fits are, how much beam
there was."""

from html import escape

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from latticewatch.processing.flow.accuracy import quoted
from latticewatch.widgets.axes import LEFT_WIDTH, TimeAxis, on_range, plot_widget, soon
from latticewatch.widgets.history import History
from latticewatch.widgets.theme import Theme, faded
from latticewatch.widgets.thinning import thinned

MERITS = {"Rwp / %": 0, "χ²": 1, "mean intensity": 2}
FEW = 160
LONGEST_NAME = 18
# Of a followed peak. A header's name has no slash.
OF_PEAK = {"two_theta_deg": "2θ / °", "area": "area", "fwhm_deg": "FWHM / °"}
PEAK = "peak/"


class StripView(QWidget):
    """One number per frame against time; a frame that has none is a gap in the line."""

    def __init__(self, theme: Theme, history: History) -> None:
        super().__init__()
        self._history = history
        self.quantity = QComboBox()
        self.quantity.addItems(MERITS)
        self.quantity.setAccessibleName("what the strip shows")
        self.quantity.setToolTip(
            "figures of merit, intensity, a followed peak or a value of the frames' headers (Shift+R: the next one)"
        )
        self.quantity.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.quantity.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._now = QLabel()
        self._now.setTextFormat(Qt.TextFormat.PlainText)
        self.plot = plot_widget({"bottom": TimeAxis("")}, "Rwp / %", theme.text)
        self._line = self.plot.plot(pen=pg.mkPen(theme.data, width=1.0), connect="finite")
        self._bars = pg.PlotDataItem(pen=pg.mkPen(faded(theme.data, 110), width=1.0), connect="pairs")
        self.plot.addItem(self._bars)
        self._points = pg.ScatterPlotItem(size=3.5, brush=pg.mkBrush(theme.data), pen=None)
        self.plot.addItem(self._points)
        self._lay_out()
        self._later = soon(self, self.paint_now)
        on_range(self.plot, self._later.start)
        self.quantity.currentTextChanged.connect(self._renamed)
        self.setMinimumHeight(130)
        self.setAccessibleName("header values, figures of merit and intensity against time")

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.setContentsMargins(LEFT_WIDTH + 4, 2, 8, 0)
        above.setSpacing(16)
        above.addWidget(self.quantity)
        above.addWidget(self._now)
        above.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(above)
        layout.addWidget(self.plot)

    def show_clock(self, zero_s: float | None) -> None:
        self.plot.getPlotItem().getAxis("bottom").show_clock(zero_s)

    def next_quantity(self) -> None:
        self.quantity.setCurrentIndex((self.quantity.currentIndex() + 1) % self.quantity.count())

    def shown_values(self) -> tuple[str, NDArray[np.float64]]:
        """What the strip shows, and its value in each row (count,); NaN where it has none. A view."""
        name, values, _ = self._shown()
        return name, values

    def _shown(self) -> tuple[str, NDArray[np.float64], NDArray[np.float64] | None]:
        """As ``shown_values``, with the esds of what has any."""
        chosen, name = self.quantity.currentData(), self.quantity.currentText()
        if chosen is None:
            return name, self._history.merits[:, MERITS.get(name, 0)], None
        if str(chosen).startswith(PEAK):
            _, peak, value = str(chosen).split("/")
            return (f"{peak} {OF_PEAK[value]}", *self._history.peak_values(peak, value))
        return str(chosen), self._history.header_values(chosen), None

    def _offer(self) -> None:
        """What there is to be shown by now."""
        peaks = [(name, value) for name in self._history.peak_names for value in OF_PEAK]
        offered = {f"{PEAK}{name}/{value}": f"{shown_name(name)} {OF_PEAK[value]}" for name, value in peaks}
        offered |= {name: shown_name(name) for name in self._history.header_names}
        for data, text in offered.items():
            if self.quantity.findData(data) < 0:
                self.quantity.addItem(text, data)

    def paint_now(self) -> None:
        if not self.isVisible() or not self._history.count:
            return
        self._offer()
        box = self.plot.getPlotItem().getViewBox()
        _, every, esds = self._shown()
        part = self._history.timeline.visible(*box.viewRange()[0])
        values, times = every[part], self._history.timeline.starts[part]
        columns = max(50, int(box.width()))
        self._line.setData(*thinned(times, values, values, columns))
        self._draw_esds(times, values, None if esds is None else esds[part], columns)
        known = np.isfinite(values)
        few = known if len(values) <= FEW else np.zeros(0, np.intp)
        self._points.setData(times[few], values[few])
        if known.any():
            low, high = float(values[known].min()), float(values[known].max())
            least = 0.01 * abs(high) if esds is None else 3.0 * float(np.nanmedian(esds[part]))
            margin = max(0.1 * (high - low), least, 1e-9)
            self.plot.setYRange(low - margin, high + margin)
        newest, esd = every[-1], np.nan if esds is None else esds[-1]
        told = f"{newest:.6g}" if np.isnan(esd) else quoted(newest, esd, unit="")
        self._now.setText(f"newest frame: {told}" if np.isfinite(newest) else "newest frame: no value")

    def _draw_esds(
        self, times: NDArray[np.float64], values: NDArray[np.float64], esds: NDArray[np.float64] | None, columns: int
    ) -> None:
        if esds is None:
            self._bars.setData([], [])
            return
        bar_times, bars = thinned(times, values - esds, values + esds, columns)
        finite = np.repeat(np.isfinite(bars[0::2]) & np.isfinite(bars[1::2]), 2)
        self._bars.setData(bar_times[finite], bars[finite])

    def _renamed(self, name: str) -> None:
        self.plot.getPlotItem().setLabel("left", escape(name))  # pyqtgraph takes it for HTML
        self.paint_now()


def shown_name(name: str) -> str:
    """A header's key as it is offered: no wider than the strip is high."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
