"""The pointer over a plot: where it is, and what it asks for there."""

from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor

from latticewatch.widgets.theme import line

REST_MS = 30


class Pointer(QObject):
    """Follows the pointer over one plot, at most thirty times a second.

    pointed: across and up, in the units of the plot. left: it is over the plot no more. menu_wanted: the right button
    was clicked at this place, and where on the screen. reset_wanted: a double click.
    """

    pointed = pyqtSignal(float, float)
    left = pyqtSignal()
    menu_wanted = pyqtSignal(float, float, QPoint)
    reset_wanted = pyqtSignal()

    def __init__(self, plot: pg.PlotWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self._place: QPointF | None = None
        self._inside = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._tell)
        plot.scene().sigMouseMoved.connect(self._moved)
        plot.scene().sigMouseClicked.connect(self._clicked)
        plot.viewport().installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if a1 is not None and a1.type() == QEvent.Type.Leave:
            self._place = None
            self._timer.start()
        return super().eventFilter(a0, a1)

    def _moved(self, place: QPointF) -> None:
        self._place = place
        if not self._timer.isActive():
            self._timer.start()

    def _tell(self) -> None:
        point = None if self._place is None else self._within(self._place)
        if point is not None:
            self._inside = True
            self.pointed.emit(point.x(), point.y())
        elif self._inside:
            self._inside = False
            self.left.emit()

    def _within(self, place: QPointF) -> QPointF | None:
        """This place of the scene in the plot's units; None beside the plot."""
        box = self._plot.getPlotItem().getViewBox()
        return box.mapSceneToView(place) if box.sceneBoundingRect().contains(place) else None

    def _clicked(self, event: Any) -> None:
        point = self._within(event.scenePos())
        if point is None:
            return
        if event.button() == Qt.MouseButton.RightButton:
            event.accept()
            self.menu_wanted.emit(point.x(), point.y(), event.screenPos().toPoint())
        elif event.button() == Qt.MouseButton.LeftButton and event.double():
            event.accept()
            self.reset_wanted.emit()


class Crosshair:
    """A thin line through a plot at the place that the pointer has in this or in a linked one."""

    def __init__(self, plot: pg.PlotWidget, colour: QColor, *, upright: bool = True) -> None:
        pen = line(colour, 1.0, Qt.PenStyle.DotLine)
        self._line = pg.InfiniteLine(angle=90 if upright else 0, movable=False, pen=pen)
        self._line.setZValue(29)
        self._line.hide()
        plot.addItem(self._line, ignoreBounds=True)

    def turn(self, *, upright: bool) -> None:
        self._line.setAngle(90 if upright else 0)

    def show_at(self, place: float | None) -> None:
        """Put it there; None hides it."""
        self._line.setVisible(place is not None)
        if place is not None:
            self._line.setValue(place)

    def place(self) -> float | None:
        return float(self._line.value()) if self._line.isVisible() else None
