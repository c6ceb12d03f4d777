"""What is drawn over both time plots: pauses and the cursor."""

from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QColor

from latticewatch.widgets.history import Episode


class PauseBands:
    """Bands where the lattice parameter stood still, with its value."""

    def __init__(self, plot: pg.PlotWidget, colour: QColor) -> None:
        self._plot = plot
        self._colour = colour
        self._bands: list[Any] = []
        self._texts: list[Any] = []

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
        self._plot.addItem(text, ignoreBounds=True)
        return text

    def _place_texts(self, pauses: list[Episode]) -> None:
        top = self._plot.getPlotItem().getViewBox().viewRange()[1][1]
        for text, pause in zip(self._texts, pauses, strict=False):
            text.setText(f"{pause.lp_A:.3f} Å")
            text.setPos(0.5 * (pause.start_s + pause.end_s), top)


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
