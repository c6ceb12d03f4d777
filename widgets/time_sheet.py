"""A plot of time against the scattering angle; which of the two runs across can be swapped."""

from typing import Any

import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, QRectF, pyqtSignal

from latticewatch.widgets.axes import LEFT_WIDTH, AngleAxis, TimeAxis, plot_widget

NAMED = "time since first frame"


class TimeSheet(QObject):
    """Time across and the angle upward; or, as papers print it, the angle across and time downward."""

    times_changed = pyqtSignal(float, float)
    moved_by_hand = pyqtSignal()

    def __init__(self, wavelength_A: float, text_colour: str) -> None:
        super().__init__()
        self._wavelength_A, self._colour = wavelength_A, text_colour
        self.down = False
        self._clock_zero_s: float | None = None
        self._unit = "2θ"
        self.plot = plot_widget(self._axes(), None, text_colour)
        box = self.box
        box.sigXRangeChanged.connect(lambda _, span: None if self.down else self.times_changed.emit(*span))
        box.sigYRangeChanged.connect(lambda _, span: self.times_changed.emit(*span) if self.down else None)
        box.sigRangeChangedManually.connect(lambda *_: self.moved_by_hand.emit())

    @property
    def box(self) -> Any:
        return self.plot.getPlotItem().getViewBox()

    def flip(self) -> None:
        times, angles = self.times(), self.angles()
        self.down = not self.down
        item = self.plot.getPlotItem()
        item.setAxisItems(self._axes())
        item.getAxis("left").setWidth(LEFT_WIDTH)
        for side in ("left", "bottom"):
            item.getAxis(side).setTextPen(self._colour)
        self.show_unit(self._unit)
        self.show_clock(self._clock_zero_s)
        self.box.setLimits(xMin=None, xMax=None, yMin=None, yMax=None)
        self.box.invertY(self.down)
        self.fit_angles(*angles)
        self.show_times(*times)

    def _axes(self) -> dict[str, pg.AxisItem]:
        across, upward = ("left", "bottom") if self.down else ("bottom", "left")
        # Across, the trace below names the time.
        times = TimeAxis(NAMED if self.down else "", across)
        return {across: times, upward: AngleAxis(upward, self._wavelength_A)}

    def _axis(self, kind: type) -> Any:
        item = self.plot.getPlotItem()
        return next(axis for axis in (item.getAxis("left"), item.getAxis("bottom")) if isinstance(axis, kind))

    def show_unit(self, unit: str) -> None:
        self._unit = unit
        self._axis(AngleAxis).show_unit(unit)

    def show_clock(self, zero_s: float | None) -> None:
        self._clock_zero_s = zero_s
        self._axis(TimeAxis).show_clock(zero_s)

    def times(self) -> tuple[float, float]:
        """First and last visible time in seconds."""
        first, last = self.box.viewRange()[1 if self.down else 0]
        return float(first), float(last)

    def angles(self) -> tuple[float, float]:
        """Lowest and highest visible 2θ in degrees."""
        low, high = self.box.viewRange()[0 if self.down else 1]
        return float(low), float(high)

    def pixels(self) -> tuple[int, int]:
        """Pixels along time and along the angle."""
        size = max(8, int(self.box.width())), max(8, int(self.box.height()))
        return size[::-1] if self.down else size

    def show_times(self, first_s: float, last_s: float) -> None:
        (self.box.setYRange if self.down else self.box.setXRange)(first_s, last_s, padding=0.0)

    def fit_angles(self, low: float, high: float) -> None:
        """Make these angles visible, and none beyond them."""
        if self.down:
            self.box.setLimits(xMin=low, xMax=high)
            self.box.setXRange(low, high, padding=0.0)
        else:
            self.box.setLimits(yMin=low, yMax=high)
            self.box.setYRange(low, high, padding=0.0)

    def points(self, times: NDArray[Any], angles: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """What goes across and what goes up."""
        return (angles, times) if self.down else (times, angles)

    def lay(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The image (angles, times) as rows and columns of the plot."""
        return pixels.T if self.down else pixels

    def rect(self, start_s: float, low_deg: float, duration_s: float, span_deg: float) -> QRectF:
        """Where an image lies that covers these times and angles."""
        if self.down:
            return QRectF(low_deg, start_s, span_deg, duration_s)
        return QRectF(start_s, low_deg, duration_s, span_deg)
