"""The pointer over a page: one crosshair through all views that share an axis, and what is under it, in words."""

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QObject, QPoint, pyqtSignal
from PyQt6.QtGui import QColor

from latticewatch.app.window.readout import (
    map_readout,
    named_readout,
    pattern_readout,
    pixel_told,
    trace_readout,
    value_readout,
)
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.crystal.reflections import Hkl
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.widgets.history import History
from latticewatch.widgets.image_view import ImageView
from latticewatch.widgets.map_view import MapView
from latticewatch.widgets.pattern_view import PatternView
from latticewatch.widgets.pointer import Crosshair, Pointer
from latticewatch.widgets.strip_view import StripView
from latticewatch.widgets.theme import Theme
from latticewatch.widgets.trace_view import TraceView

MAP, TRACE, STRIP, PATTERN, RESIDUAL, IMAGE = "map", "trace", "strip", "pattern", "difference", "image"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pointer is. view: which one. time_s, two_theta_deg: None where it has no such axis. said: in words.

    pixel: row and column of the detector, where the view is the image.
    """

    view: str
    time_s: float | None = None
    two_theta_deg: float | None = None
    said: str = ""
    pixel: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """The views of a page."""

    map: MapView
    trace: TraceView
    strip: StripView
    pattern: PatternView
    image: ImageView


class Pointing(QObject):
    """Follows the pointer over the views. said: what is under it; empty: it is over none.

    menu_wanted: a Place, and where on the screen. reset_wanted: a double click in this view.
    """

    said = pyqtSignal(str)
    menu_wanted = pyqtSignal(object, QPoint)
    reset_wanted = pyqtSignal(str)

    def __init__(
        self,
        parent: QObject,
        theme: Theme,
        run: ShownRun,
        lines: tuple[tuple[Hkl, ...], ...],
        views: Views,
        history: History,
        snapshot: Callable[[], Snapshot],
    ) -> None:
        super().__init__(parent)
        self._run, self._lines, self._views = run, lines, views
        self._history, self._snapshot = history, snapshot
        dark, white = QColor(theme.faint), QColor("#ffffff")
        self._times = [Crosshair(views.map.plot, white), *(Crosshair(v.plot, dark) for v in (views.trace, views.strip))]
        self._angles = [
            Crosshair(views.map.plot, white, upright=False),
            Crosshair(views.pattern.plot, dark),
            Crosshair(views.pattern.residual, dark),
        ]
        plots = {
            MAP: views.map.plot,
            TRACE: views.trace.plot,
            STRIP: views.strip.plot,
            PATTERN: views.pattern.plot,
            RESIDUAL: views.pattern.residual,
            IMAGE: views.image.plot,
        }
        for name, plot in plots.items():
            pointer = Pointer(plot)
            pointer.pointed.connect(lambda x, y, name=name: self.point(self.place(name, x, y)))
            pointer.left.connect(lambda: self.point(None))
            pointer.menu_wanted.connect(lambda x, y, at, name=name: self.menu_wanted.emit(self.place(name, x, y), at))
            pointer.reset_wanted.connect(lambda name=name: self.reset_wanted.emit(name))

    def point(self, place: Place | None) -> None:
        """Draw the crosshair there and say what is under it; None: nowhere."""
        down = self._views.map.sheet.down
        self._times[0].turn(upright=not down)
        self._angles[0].turn(upright=down)
        for cross in self._times:
            cross.show_at(place.time_s if place else None)
        for cross in self._angles:
            cross.show_at(place.two_theta_deg if place else None)
        self.said.emit(place.said if place else "")

    def _trace_told(self, row: Row, y: float) -> str:
        setup, drawn = self._run.setup, self._views.trace.drawn_quantity
        if drawn is None:
            return trace_readout(self._run.names, row, y, setup.composition)
        return named_readout(row, y, drawn, setup.quantities)

    def place(self, view: str, x: float, y: float) -> Place:
        """What is at this place of a view, in the units of its plot."""
        setup = self._run.setup
        if view == MAP:
            time_s, angle = (y, x) if self._views.map.sheet.down else (x, y)
            row = self._row_at(time_s)
            return Place(view, time_s, angle, map_readout(self._run, row, self._lines, angle) if row else "")
        if view == TRACE:
            row = self._row_at(x)
            return Place(view, x, None, self._trace_told(row, y) if row else "")
        if view == STRIP:
            return Place(view, x, None, self._value_at(x))
        if view == IMAGE:
            pixel = self._views.image.pixel_at(x, y)
            where = None if pixel is None else (pixel.row, pixel.column)
            return Place(view, said=pixel_told(pixel, setup.wavelength_A), pixel=where)
        shown = self._views.pattern.shown
        if shown is None:
            return Place(view, None, x)
        said = pattern_readout(shown.pattern, shown.curves, shown.ticks, x, setup.wavelength_A)
        return Place(view, None, x, said)

    def _row_at(self, time_s: float) -> Row | None:
        number = self._history.timeline.row_at(time_s)
        return None if number is None else self._snapshot().row(number)

    def _value_at(self, time_s: float) -> str:
        number = self._history.timeline.row_at(time_s)
        if number is None:
            return ""
        name, values = self._views.strip.shown_values()
        return value_readout(self._snapshot().row(number), name, float(values[number]))
