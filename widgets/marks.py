"""What is drawn over the time plots: pauses, marks, the forecast and the cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QFont, QLinearGradient

from latticewatch.processing.flow.verdict import Forecast
from latticewatch.widgets.theme import line

ROOM_PX = 6.0
HAT = 0.015  # of the plot's height


@dataclass(frozen=True, slots=True)
class Rest:
    """A stretch in which the lattice parameter stood still, and its level in words."""

    start_s: float
    end_s: float
    text: str


class PauseBrackets:
    """Brackets where the lattice parameter stood still, with its value where there is room for it: nothing lies over
    what was measured.
    """

    def __init__(self, plot: pg.PlotWidget, colour: QColor, *, hats: bool = True) -> None:
        """hats: a bar along the upper edge joins the two lines of each."""
        self._plot = plot
        self._colour, self._hats = colour, hats
        self._brackets: list[list[Any]] = []
        self._texts: list[Any] = []
        self._font: QFont | None = None
        self._ground: QColor | None = None
        self._across = "vertical"

    def set_ground(self, ground: QColor) -> None:
        """What the values are written on, so that no line runs through them."""
        self._ground = ground

    def turn(self, *, down: bool) -> None:
        """Time now runs across or downward; the brackets are made anew when they are next shown."""
        for bracket in self._brackets:
            for part in bracket:
                self._plot.removeItem(part)
        self._brackets.clear()
        self._across = "horizontal" if down else "vertical"

    def show_pauses(self, pauses: Sequence[Rest], *, labels: bool, text_colour: str = "#ffffff") -> None:
        """Draw these pauses; brackets are made once and then only moved."""
        while len(self._brackets) < len(pauses):
            self._brackets.append(self._bracket())
        while labels and len(self._texts) < len(pauses):
            self._texts.append(self._text(text_colour))
        for number, bracket in enumerate(self._brackets):
            shown = number < len(pauses)
            for part in bracket:
                part.setVisible(shown)
                if shown:
                    part.setRegion((pauses[number].start_s, pauses[number].end_s))
        if labels:
            self._place_texts(pauses)

    def _bracket(self) -> list[Any]:
        nothing, options = QColor(0, 0, 0, 0), {"orientation": self._across, "movable": False}
        parts = [pg.LinearRegionItem(brush=nothing, pen=line(self._colour, 1.0), **options)]
        if self._hats:
            span = (1.0 - HAT, 1.0)
            parts.append(pg.LinearRegionItem(brush=self._colour, pen=pg.mkPen(None), span=span, **options))
        for part in parts:
            part.setZValue(1)
            self._plot.addItem(part, ignoreBounds=True)
        return parts

    def _text(self, colour: str) -> Any:
        text = pg.TextItem(color=colour, anchor=(0.5, 0.0), fill=self._ground)
        text.setZValue(4)  # under the curves, over the marks
        if self._font is not None:
            text.setFont(self._font)
        self._plot.addItem(text, ignoreBounds=True)
        return text

    def set_font(self, font: QFont) -> None:
        self._font = font
        for text in self._texts:
            text.setFont(font)

    def _place_texts(self, pauses: Sequence[Rest]) -> None:
        """Within the plot, and none over another: of two that would overlap the later one is left out."""
        box = self._plot.getPlotItem().getViewBox()
        (left, right), (bottom, top) = box.viewRange()
        per_pixel = (right - left) / max(1.0, box.width())
        free = left
        for text, pause in zip(self._texts, pauses, strict=False):
            text.setText(pause.text)
            half = (0.5 * text.boundingRect().width() + ROOM_PX) * per_pixel
            middle = min(max(0.5 * (pause.start_s + pause.end_s), left + half), right - half)
            seen = pause.end_s >= left and pause.start_s <= right and middle - half >= free
            text.setVisible(seen)
            if seen:
                text.setPos(middle, top - HAT * (top - bottom))
                free = middle + half
        for text in self._texts[len(pauses) :]:
            text.setVisible(False)


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
        self._font = font
        for mark in self._lines:
            mark.label.setFont(font)

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Draw these marks; lines are made once and then only moved."""
        while len(self._lines) < len(marks):
            self._lines.append(self._line())
        for number, drawn in enumerate(self._lines):
            shown = number < len(marks)
            drawn.setVisible(shown)
            if shown:
                drawn.setValue(marks[number].time_s)
                drawn.label.setFormat(_short(marks[number].text).replace("{", "{{").replace("}", "}}"))

    def _line(self) -> Any:
        options = {
            "position": 0.24,
            "rotateAxis": (1, 0),
            "anchors": [(0, 0), (0, 1)],
            "color": self._colour,
            "fill": self._ground,
        }
        pen = line(self._colour, 1.0, Qt.PenStyle.DashLine)
        mark = pg.InfiniteLine(angle=90, movable=False, pen=pen, label="", labelOpts=options)
        mark.setZValue(3)  # under the curves: a note must not hide what was measured
        if self._font is not None:
            mark.label.setFont(self._font)
        self._plot.addItem(mark, ignoreBounds=True)
        return mark


def _short(text: str) -> str:
    return text if len(text) <= 28 else f"{text[:27]}…"


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
            pen=line(colour, 1.0, Qt.PenStyle.DotLine),
            label="complete",
            labelOpts={"position": 0.9, "color": colour, "rotateAxis": (1, 0), "anchors": [(1, 0), (1, 1)]},
        )
        self._line.setZValue(3)
        self._line.hide()
        plot.addItem(self._line, ignoreBounds=True)

    def set_font(self, font: QFont) -> None:
        self._line.label.setFont(font)

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
    """A line across time that a click or a drag moves; hidden while the newest frame is shown."""

    moved = pyqtSignal(float)

    def __init__(self, plot: pg.PlotWidget, colour: QColor) -> None:
        super().__init__(plot)
        self._plot = plot
        pen = line(colour, 1.5, Qt.PenStyle.DashDotLine)
        self._line = pg.InfiniteLine(angle=90, movable=True, pen=pen, hoverPen=line(colour, 3.0))
        self._line.setZValue(30)
        self._line.hide()
        plot.addItem(self._line, ignoreBounds=True)
        self._line.sigDragged.connect(lambda dragged: self.moved.emit(float(dragged.value())))
        plot.scene().sigMouseClicked.connect(self._clicked)
        self._down = False

    def turn(self, *, down: bool) -> None:
        """Time now runs across or downward."""
        self._down = down
        self._line.setAngle(0 if down else 90)

    def show_at(self, time_s: float | None) -> None:
        """Put the line at this time; None hides it."""
        self._line.setVisible(time_s is not None)
        if time_s is not None:
            self._line.setValue(time_s)

    def _clicked(self, event: Any) -> None:
        box = self._plot.getPlotItem().getViewBox()
        inside = box.sceneBoundingRect().contains(event.scenePos())
        if inside and event.button() == Qt.MouseButton.LeftButton and not event.double():
            point = box.mapSceneToView(event.scenePos())
            self.moved.emit(float(point.y() if self._down else point.x()))
