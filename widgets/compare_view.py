"""Runs laid over one another."""

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from latticewatch.widgets.axes import TimeAxis, plot_widget
from latticewatch.widgets.theme import Theme, faded, line
from latticewatch.widgets.thinning import Floats

SYMBOLS = ("o", "s", "t", "d", "star", "p", "h", "x")
QUANTITIES = ("lattice parameter", "composition", "progress")
ZEROS = {
    "mixing": "time since mixing",
    "first frame": "time since first frame",
    "half the change": "time from half the change",
}
LABELS = {"lattice parameter": "lattice parameter / Å", "composition": "fraction", "progress": "share of the change"}
MOST_SYMBOLS = 120


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run: its watched lattice parameter against seconds from the first frame; arrays (n,), NaN in gaps.

    fraction: composition, NaN throughout where no scale is given. progress: share of this run's change of lattice
    parameter. pauses: start and end in seconds. mixing_s, half_s: NaN where not known.
    """

    label: str
    times_s: Floats
    lp_A: Floats
    lp_esd_A: Floats
    fraction: Floats
    progress: Floats
    pauses: tuple[tuple[float, float], ...]
    mixing_s: float
    half_s: float

    def zero_s(self, alignment: str) -> float:
        """The time that becomes 0, NaN where it is not known."""
        return {"mixing": self.mixing_s, "first frame": 0.0, "half the change": self.half_s}[alignment]

    def values(self, quantity: str) -> Floats:
        return {"lattice parameter": self.lp_A, "composition": self.fraction, "progress": self.progress}[quantity]


class CompareView(QWidget):
    """Overlay with a list of the runs; a run is hidden by its tick in the list."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._runs: list[ComparedRun] = []
        self._items: list[list[Any]] = []
        self._dropped: set[int] = set()
        self.quantity, self.alignment = _choice(QUANTITIES, "what is compared"), _choice(tuple(ZEROS), "what is time 0")
        self.list = QListWidget()
        self.list.setAccessibleName("runs")
        self.list.setFixedWidth(250)
        self.hint = QLabel()
        self.hint.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setWordWrap(True)
        self._axis = TimeAxis()
        self.plot = plot_widget({"bottom": self._axis}, LABELS["lattice parameter"], theme.text, 10)
        self._lay_out()
        self.quantity.currentIndexChanged.connect(lambda _: self.draw())
        self.alignment.currentIndexChanged.connect(lambda _: self.draw())
        self.list.itemChanged.connect(lambda _: self.draw())

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        for text, choice in (("compare", self.quantity), ("aligned at", self.alignment)):
            choices.addWidget(QLabel(text))
            choices.addWidget(choice)
        choices.addStretch(1)
        across = QHBoxLayout()
        across.addWidget(self.plot, 1)
        across.addWidget(self.list)
        layout = QVBoxLayout(self)
        layout.addLayout(choices)
        layout.addLayout(across, 1)
        layout.addWidget(self.hint)

    def add_run(self, run: ComparedRun) -> None:
        number = len(self._runs)
        self._runs.append(run)
        colour = self.colour(number)
        item = QListWidgetItem(f"{'●■▲◆★⬟⬢✕'[number % len(SYMBOLS)]} {run.label}")
        item.setForeground(QColor(colour))
        item.setToolTip(f"<p>{escape(run.label)}</p>")  # a tip that looks like markup would be taken for it
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked)
        curve = pg.PlotDataItem(pen=line(colour, 1.5), connect="finite")
        points = pg.ScatterPlotItem(
            size=7, symbol=SYMBOLS[number % len(SYMBOLS)], brush=pg.mkBrush(colour), pen=pg.mkPen(colour)
        )
        self._items.append([curve, points])
        for each in (curve, points):
            self.plot.addItem(each)
        self.list.addItem(item)

    def colour(self, number: int) -> str:
        colours = (*self._theme.components, *self._theme.pins)
        return colours[number % len(colours)]

    def chosen(self) -> int | None:
        """The run that is chosen in the list; None: none is."""
        number = self.list.currentRow()
        return number if 0 <= number < len(self._runs) and number not in self._dropped else None

    def label(self, number: int) -> str:
        return self._runs[number].label

    def drop(self, number: int, dropped: bool = True) -> None:
        """Take this run away, or bring it back; its colour and symbol stay its own."""
        (self._dropped.add if dropped else self._dropped.discard)(number)
        item = self.list.item(number)
        if item is not None:
            item.setHidden(dropped)
        self.draw()

    def visible_runs(self) -> list[int]:
        """Numbers of the runs that are ticked."""
        items = ((number, self.list.item(number)) for number in range(len(self._runs)) if number not in self._dropped)
        return [number for number, item in items if item and item.checkState() == Qt.CheckState.Checked]

    def draw(self) -> None:
        quantity, alignment = self.quantity.currentText(), self.alignment.currentText()
        shown, missing = self.visible_runs(), []
        for number, run in enumerate(self._runs):
            for old in self._items[number][2:]:
                self.plot.removeItem(old)
            del self._items[number][2:]
            zero_s, values = run.zero_s(alignment), run.values(quantity)
            known = number in shown and math.isfinite(zero_s) and bool(np.isfinite(values).any())
            if known:
                self._draw_run(number, run.times_s - zero_s, values, zero_s)
            else:
                for item in self._items[number]:
                    item.setData([], [])
            if number in shown and not known:
                missing.append(run.label)
        self.plot.getPlotItem().setLabel("left", LABELS[quantity])
        self._axis.call(ZEROS[alignment])
        self.plot.getPlotItem().getViewBox().autoRange(padding=0.04)
        self.hint.setText(f"not known, so not drawn: {', '.join(missing)}" if missing else "")

    def _draw_run(self, number: int, times: Floats, values: Floats, zero_s: float) -> None:
        curve, points = self._items[number][:2]
        curve.setData(times, values)
        some = np.flatnonzero(np.isfinite(values))[:: max(1, len(values) // MOST_SYMBOLS)]
        points.setData(times[some], values[some])
        for start_s, end_s in self._runs[number].pauses:
            band = pg.LinearRegionItem(
                (start_s - zero_s, end_s - zero_s),
                brush=faded(self.colour(number), 40),
                pen=pg.mkPen(None),
                movable=False,
            )
            band.setZValue(-10)
            self.plot.addItem(band, ignoreBounds=True)
            self._items[number].append(band)


def _choice(texts: tuple[str, ...], name: str) -> QComboBox:
    choice = QComboBox()
    choice.addItems(texts)
    choice.setAccessibleName(name)
    choice.setToolTip(name)
    return choice
