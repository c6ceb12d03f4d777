"""What is drawn over the time plots: pauses, marks, the forecast and the cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QFont, QLinearGradient

from latticewatch.processing.reaction.verdict import Forecast
from latticewatch.widgets.history import Episode


class PauseBands:
    """Bands where the lattice parameter stood still, with its value."""

    def __init__(self, plot: pg.PlotWidget, colour: QColor) -> None:
        self._plot = plot
        self._colour = colour
        self._bands: list[Any] = []
        self._texts: list[Any] = []
        self._font: QFont | None = None

    def show_pauses(self, pauses: list[Episode], *, labels: bool, text_colour: str = "#ffffff") -> None:
        """Draw these pauses; bands are made once and then only moved."""
        while len(self._bands) < len(pauses):
            self._bands.append(self._band())
            self._texts.append(self._text(text_colour) if labels else None)
        for number, band in enumerate(self._bands):
            shown = number < len(pauses)
            band.setVisible(shown)
            if shown:
                band.setRegion((pauses[number].start_s, pauses[number].end_s))
        if labels:
            self._place_texts(pauses)

    def _band(self) -> Any:
        band = pg.LinearRegionItem(brush=self._colour, pen=pg.mkPen(None), movable=False)
        band.setZValue(5)
        self._plot.addItem(band, ignoreBounds=True)
        return band

    def _text(self, colour: str) -> Any:
        text = pg.TextItem(color=colour, anchor=(0.5, 0.0))
        text.setZValue(20)
        if self._font is not None:
            text.setFont(self._font)
        self._plot.addItem(text, ignoreBounds=True)
        return text

    def set_font(self, font: QFont) -> None:
        """The type of the values."""
        self._font = font
        for text in self._texts:
            if text is not None:
                text.setFont(font)

    def _place_texts(self, pauses: list[Episode]) -> None:
        top = self._plot.getPlotItem().getViewBox().viewRange()[1][1]
        for text, pause in zip(self._texts, pauses, strict=False):
            text.setText(f"{pause.lp_A:.3f} Å")
            text.setPos(0.5 * (pause.start_s + pause.end_s), top)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a time: mixing, or the operator's note."""

    time_s: float
    text: str


class MarkLines:
    """Thin lines with a short text along them."""

    def __init__(self, plot: pg.PlotWidget, colour: QColor, ground: QColor) -> None:
        self._plot = plot
        self._colour, self._ground = colour, ground
        self._font: QFont | None = None
        self._lines: list[Any] = []

    def set_font(self, font: QFont) -> None:
        """The type of the texts."""
        self._font = font
        for line in self._lines:
            line.label.setFont(font)

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Draw these marks; lines are made once and then only moved."""
        while len(self._lines) < len(marks):
            self._lines.append(self._line())
        for number, line in enumerate(self._lines):
            shown = number < len(marks)
            line.setVisible(shown)
            if shown:
                line.setValue(marks[number].time_s)
                line.label.setFormat(_short(marks[number].text).replace("{", "{{").replace("}", "}}"))

    def _line(self) -> Any:
        options = {
            "position": 0.08,
            "rotateAxis": (1, 0),
            "anchors": [(0, 0), (0, 1)],
            "color": self._colour,
            "fill": self._ground,
        }
        pen = pg.mkPen(self._colour, width=1, style=Qt.PenStyle.DashLine)
        line = pg.InfiniteLine(angle=90, movable=False, pen=pen, label="", labelOpts=options)
        line.setZValue(15)
        if self._font is not None:
            line.label.setFont(self._font)
        self._plot.addItem(line, ignoreBounds=True)
        return line


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class ForecastBand:
    """When the reaction will be complete: densest at the best estimate, fading to the ends of the interval."""

    def __init__(self, plot: pg.PlotWidget, colour: QColor) -> None:
        self._colour = colour
        self._band = pg.LinearRegionItem(pen=pg.mkPen(None), movable=False)
        self._band.setZValue(2)
        self._band.hide()
        plot.addItem(self._band, ignoreBounds=True)
        self._line = pg.InfiniteLine(
            angle=90,
            pen=pg.mkPen(colour, width=1, style=Qt.PenStyle.DotLine),
            label="complete",
            labelOpts={"position": 0.9, "color": colour, "rotateAxis": (1, 0), "anchors": [(1, 0), (1, 1)]},
        )
        self._line.setZValue(3)
        self._line.hide()
        plot.addItem(self._line, ignoreBounds=True)

    def show_forecast(self, forecast: Forecast | None) -> None:
        """Draw it; None hides it."""
        self._band.setVisible(forecast is not None)
        self._line.setVisible(forecast is not None)
        if forecast is None:
            return
        first, best, last = forecast.earliest_s, forecast.complete_s, forecast.latest_s
        self._line.setValue(best)
        self._band.setRegion((first, last))
        gradient = QLinearGradient(first, 0.0, max(last, first + 1e-9), 0.0)
        middle = min(0.99, max(0.01, (best - first) / max(1e-9, last - first)))
        for place, alpha in ((0.0, 0), (middle, 90), (1.0, 0)):
            colour = QColor(self._colour)
            colour.setAlpha(alpha)
            gradient.setColorAt(place, colour)
        self._band.setBrush(QBrush(gradient))


class Cursor(QObject):
    """A vertical line that a click or a drag moves; hidden while the newest frame is shown."""

    moved = pyqtSignal(float)

    def __init__(self, plot: pg.PlotWidget, colour: QColor) -> None:
        super().__init__(plot)
        self._plot = plot
        pen = pg.mkPen(colour, width=1.5, style=Qt.PenStyle.DashDotLine)
        self._line = pg.InfiniteLine(angle=90, movable=True, pen=pen, hoverPen=pg.mkPen(colour, width=3))
        self._line.setZValue(30)
        self._line.hide()
        plot.addItem(self._line, ignoreBounds=True)
        self._line.sigDragged.connect(lambda line: self.moved.emit(float(line.value())))
        plot.scene().sigMouseClicked.connect(self._clicked)

    def show_at(self, time_s: float | None) -> None:
        """Put the line at this time; None hides it."""
        self._line.setVisible(time_s is not None)
        if time_s is not None:
            self._line.setValue(time_s)

    def _clicked(self, event: Any) -> None:
        box = self._plot.getPlotItem().getViewBox()
        inside = box.sceneBoundingRect().contains(event.scenePos())
        if inside and event.button() == Qt.MouseButton.LeftButton and not event.double():
            self.moved.emit(float(box.mapSceneToView(event.scenePos()).x()))
