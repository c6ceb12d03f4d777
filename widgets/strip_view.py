"""A second strip under the trace: how good the fits are, and how much beam there was."""

import numpy as np
import pyqtgraph as pg
from PyQt6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from latticewatch.widgets.axes import TimeAxis, on_range, plot_widget, soon
from latticewatch.widgets.history import History
from latticewatch.widgets.theme import Theme
from latticewatch.widgets.thinning import thinned

QUANTITIES = {"Rwp / %": 0, "χ²": 1, "mean intensity": 2}


class StripView(QWidget):
    """One number per frame against time."""

    def __init__(self, theme: Theme, history: History) -> None:
        super().__init__()
        self._history = history
        self.quantity = QComboBox()
        self.quantity.addItems(QUANTITIES)
        self.quantity.setAccessibleName("second strip")
        self.quantity.setMaximumWidth(160)
        self.plot = plot_widget({"bottom": TimeAxis("")}, "Rwp / %", theme.text)
        self._line = self.plot.plot(pen=pg.mkPen(theme.data, width=1.0), connect="finite")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.quantity)
        layout.addWidget(self.plot)
        self._later = soon(self, self.paint_now)
        on_range(self.plot, self._later.start)
        self.quantity.currentTextChanged.connect(self._renamed)
        self.setMinimumHeight(110)

    def show_clock(self, zero_s: float | None) -> None:
        """The time of day instead of elapsed time; None: elapsed."""
        self.plot.getPlotItem().getAxis("bottom").show_clock(zero_s)

    def paint_now(self) -> None:
        """Draw what is visible."""
        if not self.isVisible() or not self._history.count:
            return
        box = self.plot.getPlotItem().getViewBox()
        part = self._history.timeline.visible(*box.viewRange()[0])
        values = self._history.merits[part, QUANTITIES[self.quantity.currentText()]]
        times = self._history.timeline.starts[part]
        self._line.setData(*thinned(times, values, values, max(50, int(box.width()))))
        known = values[np.isfinite(values)]
        if known.size:
            low, high = float(known.min()), float(known.max())
            margin = max(0.1 * (high - low), 0.02 * abs(high), 1e-9)
            self.plot.setYRange(low - margin, high + margin)

    def _renamed(self, name: str) -> None:
        self.plot.getPlotItem().setLabel("left", name)
        self.paint_now()
