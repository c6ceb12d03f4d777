"""Runs laid over one another."""

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QFont, QIcon, QPainter, QPainterPath, QPen, QPixmap, QTransform
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol

from latticewatch.processing.record.export.compared import AXES, LATTICE, QUANTITIES, TIMES, ZEROS, ComparedRun
from latticewatch.widgets.axes import TimeAxis, on_range, plot_widget
from latticewatch.widgets.theme import Theme, line
from latticewatch.widgets.thinning import Floats

Limits = tuple[tuple[float, float], tuple[float, float]]

# pyqtgraph's; "t1" points upward.
SHAPES = ("o", "s", "t1", "d", "star", "p", "h", "x")
MOST_SYMBOLS = 120
SYMBOL_PX = 7
PADDING = 0.04
BAR, MOST_BARS = 0.012, 8  # height of the bar over a pause, of the plot's; lines of them


@dataclass(frozen=True, slots=True)
class Symbol:
    """How the points of one run are drawn; no other run has this shape, filled or hollow."""

    shape: str | QPainterPath
    hollow: bool


def symbol_of(number: int) -> Symbol:
    """The symbol of the run of this number: each shape filled, then each hollow, then the number itself."""
    if number < 2 * len(SHAPES):
        return Symbol(SHAPES[number % len(SHAPES)], hollow=number >= len(SHAPES))
    path = QPainterPath()
    path.addText(0.0, 0.0, QFont("DejaVu Sans", 10), str(number + 1))
    box = path.boundingRect()
    size = 1.6 / max(box.width(), box.height())
    return Symbol(QTransform.fromScale(size, size).map(path.translated(-box.center())), hollow=False)


class CompareView(QWidget):
    """Overlay with a list of the runs; a run is hidden by its tick in the list.

    A double click in the plot, or ``whole``, shows all of it again after it was zoomed. redrawn: other runs are drawn,
    or others are ticked.
    """

    redrawn = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._runs: list[ComparedRun] = []
        self._items: list[list[Any]] = []
        self._dropped: set[int] = set()
        self._whole: Limits | None = None
        self.quantity, self.alignment = _choice(QUANTITIES, "what is compared"), _choice(ZEROS, "what is time 0")
        self.log_time = QCheckBox("logarithmic time")
        self.log_time.setToolTip("decades of time from its zero on; what lies before it is left out (L)")
        self.whole_button = QPushButton("whole view")
        self.whole_button.setToolTip("show all of the runs again (F, or a double click in the plot)")
        self.list = QListWidget()
        self.list.setAccessibleName("runs")
        self.list.setFixedWidth(250)
        self.hint = QLabel()
        self.hint.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setWordWrap(True)
        self._axis = TimeAxis()
        self.plot = plot_widget({"bottom": self._axis}, AXES[LATTICE], theme.text, 10)
        self._lay_out()
        for choice in (self.quantity, self.alignment):
            choice.currentIndexChanged.connect(lambda _: self.draw(anew=True))
        self.log_time.toggled.connect(lambda _: self.draw(anew=True))
        self.whole_button.clicked.connect(self.whole)
        self.plot.scene().sigMouseClicked.connect(lambda event: self.whole() if event.double() else None)
        on_range(self.plot, self._offer_whole)
        self.list.itemChanged.connect(lambda _: self.draw())

    def _lay_out(self) -> None:
        choices = QHBoxLayout()
        for text, choice in (("compare", self.quantity), ("aligned at", self.alignment)):
            choices.addWidget(QLabel(text))
            choices.addWidget(choice)
        choices.addWidget(self.log_time)
        choices.addStretch(1)
        choices.addWidget(self.whole_button)
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
        symbol = symbol_of(number)
        pen, brush = pg.mkPen(colour), pg.mkBrush(None if symbol.hollow else colour)
        item = QListWidgetItem(_icon(symbol, pen, brush), run.label)
        item.setForeground(QColor(colour))
        item.setToolTip(f"<p>{escape(run.label)}</p>")  # a tip that looks like markup would be taken for it
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked)
        curve = pg.PlotDataItem(pen=line(colour, 1.5), connect="finite")
        points = pg.ScatterPlotItem(size=SYMBOL_PX, symbol=symbol.shape, brush=brush, pen=pen)
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

    def drawn_runs(self) -> list[int]:
        """Numbers of the runs that are ticked and can be drawn on the chosen axes."""
        quantity, alignment = self.quantity.currentText(), self.alignment.currentText()
        return [number for number in self.visible_runs() if not self._runs[number].why_not_drawn(quantity, alignment)]

    def run(self, number: int) -> ComparedRun:
        return self._runs[number]

    def whole(self) -> None:
        """Show all of the runs, after the plot was zoomed or moved."""
        self.plot.getPlotItem().getViewBox().autoRange(padding=PADDING)
        self._whole = self._range()
        self._offer_whole()

    def limits(self) -> Limits | None:
        """What of the plot is shown (seconds, the quantity's unit); None: all of it."""
        return None if self._whole in (None, self._range()) else self._range()

    def _range(self) -> Limits:
        (left, right), (low, high) = self.plot.getPlotItem().getViewBox().viewRange()
        if self.log_time.isChecked():
            left, right = (10.0 ** min(each, 300.0) for each in (left, right))
        return (left, right), (low, high)

    def _offer_whole(self) -> None:
        self.whole_button.setEnabled(self.limits() is not None)

    def draw(self, *, anew: bool = False) -> None:
        """Draw the ticked runs. A part of the plot that was zoomed to stays, but for other axes (``anew``)."""
        quantity, alignment = self.quantity.currentText(), self.alignment.currentText()
        zoomed, shown, drawn = self.limits() is not None and not anew, self.visible_runs(), self.drawn_runs()
        for number, run in enumerate(self._runs):
            for old in self._items[number][2:]:
                self.plot.removeItem(old)
            del self._items[number][2:]
            if number in drawn:
                zero_s = run.zero_s(alignment)
                self._draw_run(number, self._along(run.curve.times_s - zero_s), run.values(quantity)[0], zero_s)
            else:
                for item in self._items[number]:
                    item.setData([], [])
        self.plot.getPlotItem().setLabel("left", AXES[quantity])
        self._axis.show_decades(self.log_time.isChecked())
        self._axis.call(TIMES[alignment])
        if not zoomed:
            self.whole()
        missing = [(self._runs[number], number) for number in shown if number not in drawn]
        why = [f"{run.label} ({run.why_not_drawn(quantity, alignment)})" for run, _ in missing]
        self.hint.setText(f"not drawn: {', '.join(why)}" if why else "")
        self.redrawn.emit()

    def _along(self, times_s: Floats) -> Floats:
        """Where these times stand along the axis: on a logarithmic one nowhere at 0 and before it."""
        if not self.log_time.isChecked():
            return times_s
        return np.log10(np.where(times_s > 0.0, times_s, np.nan))

    def _draw_run(self, number: int, times: Floats, values: Floats, zero_s: float) -> None:
        curve, points = self._items[number][:2]
        curve.setData(times, values)
        some = np.flatnonzero(np.isfinite(values) & np.isfinite(times))[:: max(1, len(values) // MOST_SYMBOLS)]
        points.setData(times[some], values[some])
        top = 1.0 - 1.5 * BAR * (number % MOST_BARS)  # each run's pauses in a line of their own, over what was measured
        for start_s, end_s in self._runs[number].pauses:
            if self.log_time.isChecked() and not start_s > zero_s:
                continue
            bar = pg.LinearRegionItem(
                tuple(self._along(np.array([start_s, end_s]) - zero_s)),
                brush=QColor(self.colour(number)),
                pen=pg.mkPen(None),
                movable=False,
                span=(top - BAR, top),
            )
            bar.setZValue(-10)
            self.plot.addItem(bar, ignoreBounds=True)
            self._items[number].append(bar)


def _icon(symbol: Symbol, pen: QPen, brush: QBrush) -> QIcon:
    """The symbol as the plot draws it."""
    pixmap = QPixmap(2 * SYMBOL_PX, 2 * SYMBOL_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(SYMBOL_PX, SYMBOL_PX)
    drawSymbol(painter, symbol.shape, 1.4 * SYMBOL_PX, pen, brush)
    painter.end()
    return QIcon(pixmap)


def _choice(texts: tuple[str, ...], name: str) -> QComboBox:
    choice = QComboBox()
    choice.addItems(texts)
    choice.setAccessibleName(name)
    choice.setToolTip(name)
    return choice
