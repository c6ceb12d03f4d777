"""Axes that speak the user's units: elapsed time or the clock; 2θ, Q or d; composition beside the lattice parameter.

Data stay in seconds, degrees and Å: only the ticks are put at round values of the unit that is shown.
"""

import bisect
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QObject, Qt, QTimer

from latticewatch.processing.flow.composition import CompositionScale, cell_of, fraction_of, fraction_text
from latticewatch.processing.text import local_time

LEFT_WIDTH, RIGHT_WIDTH, HALF_LINE = 74, 58, 7.0
UNITS = ((600.0, "s", 1.0), (3.0 * 3600.0, "min", 60.0), (math.inf, "h", 3600.0))
CLOCK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
ANGLE_LABELS = {"2θ": "2θ / °", "Q": "Q / Å⁻¹", "d": "d / Å"}

Ticks = list[tuple[float, list[float]]]


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Time since the first frame, in a unit that follows the range, or the clock's time."""

    def __init__(self, name: str = "time since first frame", side: str = "bottom") -> None:
        # The base class sets a range while it is built.
        self._called, self._unit, self._size = name, "s", 1.0
        self._clock_zero_s: float | None = None
        self._decades = False
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self._name()

    def show_decades(self, shown: bool) -> None:
        """Whether the axis is logarithmic: its values are the logarithm, to base 10, of the time in seconds."""
        self._decades = shown
        self._name()
        self.picture = None
        self.update()

    def show_clock(self, zero_s: float | None) -> None:
        """Show the time of day; ``zero_s``: the clock at time 0, seconds since the epoch. None, or a
        time that no calendar has: elapsed time."""
        self._clock_zero_s = None if zero_s is None or local_time("%H", zero_s) == "?" else zero_s
        self._name()
        self.picture = None
        self.update()

    def call(self, name: str) -> None:
        """What the time is counted from; empty: no label."""
        self._called = name
        self._name()

    def setRange(self, mn: float, mx: float) -> None:
        before = self._unit
        _, self._unit, self._size = next(row for row in UNITS if mx - mn <= row[0])
        super().setRange(mn, mx)
        if self._unit != before:
            self._name()

    def _name(self) -> None:
        if self._called:
            clock = self._clock_zero_s is not None
            unit = "s" if self._decades else self._unit
            self.setLabel("time of day" if clock else f"{self._called} / {unit}")

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:
        if self._clock_zero_s is not None:
            return _clock_ticks(self._clock_zero_s, minVal, maxVal, size)
        if self._decades:
            return _decade_ticks(minVal, maxVal)
        ticks = super().tickValues(minVal / self._size, maxVal / self._size, size)
        return [(spacing * self._size, [value * self._size for value in values]) for spacing, values in ticks]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self._clock_zero_s is not None:
            form = "%H:%M:%S" if spacing < 60 else "%H:%M"
            return [local_time(form, self._clock_zero_s + value) for value in values]
        if self._decades:
            return [f"{10.0**value:.3g}" if spacing else "" for value in values]
        return list(super().tickStrings([value / self._size for value in values], scale, spacing / self._size))


def _clock_ticks(zero_s: float, first: float, last: float, size: float) -> Ticks:
    wanted = max(1.0, (last - first) / max(2.0, size / 90.0))
    step = float(CLOCK_STEPS[min(len(CLOCK_STEPS) - 1, bisect.bisect_left(CLOCK_STEPS, wanted))])
    local_zero = zero_s + time.localtime(zero_s).tm_gmtoff
    number = math.ceil((first + local_zero) / step)
    values = []
    while number * step - local_zero <= last:
        values.append(number * step - local_zero)
        number += 1
    return [(step, values)]


def _decade_ticks(first: float, last: float) -> Ticks:
    """Decades, and in between 2 and 5 where there are few of them, else unnamed."""
    decades = range(math.floor(first), math.ceil(last) + 1)
    between = [number + math.log10(each) for number in decades for each in range(2, 10)]
    named = [number + math.log10(each) for number in decades for each in ((1, 2, 5) if len(decades) < 5 else (1,))]
    return [
        (1.0, [value for value in named if first <= value <= last]),
        (0.0, [value for value in between if first <= value <= last and value not in named]),
    ]


class CompositionAxis(pg.AxisItem):  # type: ignore[misc]
    """The fraction that belongs to the lattice parameters of the linked view, on the user's scale."""

    def __init__(self, scale: CompositionScale) -> None:
        self._scale = scale
        super().__init__("right")
        self.enableAutoSIPrefix(False)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:
        ends = [fraction_of(self._scale, lp, 0.0)[0] for lp in (minVal, maxVal)]
        if not all(map(math.isfinite, ends)):
            return []
        ticks = super().tickValues(min(ends), max(ends), size)
        return [(spacing, [cell_of(self._scale, value) for value in values]) for spacing, values in ticks]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The fractions at these lattice parameters; in brackets where they are out of range."""
        fractions = [round(fraction_of(self._scale, value, 0.0)[0], 9) + 0.0 for value in values]  # no -0
        texts = super().tickStrings(fractions, scale, spacing)
        return [fraction_text(fraction, text) for fraction, text in zip(fractions, texts, strict=True)]


class AngleAxis(pg.AxisItem):  # type: ignore[misc]
    """2θ in degrees, or Q = 4π sin θ / λ, or d = λ / (2 sin θ) (Bragg's law)."""

    def __init__(self, side: str, wavelength_A: float) -> None:
        self._wavelength_A, self.unit = wavelength_A, "2θ"
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.show_unit("2θ")

    def show_unit(self, unit: str) -> None:
        """``2θ``, ``Q`` or ``d``."""
        self.unit = unit
        self.setLabel(ANGLE_LABELS[unit])
        self.picture = None
        self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:
        if self.unit == "2θ":
            return list(super().tickValues(minVal, maxVal, size))
        low, high = sorted(self._value(min(179.0, max(0.05, angle))) for angle in (minVal, maxVal))
        if self.unit == "d":
            # d runs away towards small angles: ticks are spaced for the middle of the range.
            high = min(high, 4.0 * self._value(0.5 * (max(0.05, minVal) + maxVal)))
        ticks = super().tickValues(low, high, size)
        return [(spacing, [self._angle(value) for value in values if value > 0.0]) for spacing, values in ticks]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.unit == "2θ":
            return list(super().tickStrings(values, scale, spacing))
        return list(super().tickStrings([self._value(angle) for angle in values], scale, spacing))

    def _value(self, two_theta: float) -> float:
        sine = math.sin(math.radians(0.5 * two_theta))
        return 4.0 * math.pi * sine / self._wavelength_A if self.unit == "Q" else 0.5 * self._wavelength_A / sine

    def _angle(self, value: float) -> float:
        sine = value * self._wavelength_A / (4.0 * math.pi) if self.unit == "Q" else 0.5 * self._wavelength_A / value
        return 2.0 * math.degrees(math.asin(sine)) if sine <= 1.0 else math.nan


@dataclass(frozen=True, slots=True)
class Step:
    """A move or zoom by hand: when it began (monotonic clock), and the ranges across and up before it."""

    began_s: float
    ranges: tuple[list[float], list[float]]


class ZoomBox(pg.ViewBox):  # type: ignore[misc]
    """A view that is moved by a drag and zoomed to a rectangle by a drag with Shift; it remembers where it was."""

    MOST_KEPT = 30

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.before: list[Step] = []
        self._turned_s = -math.inf

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        if ev.isStart():
            self._keep()
        shifted = bool(ev.modifiers() & Qt.KeyboardModifier.ShiftModifier) or self.state["mouseMode"] == self.RectMode
        if shifted and axis is None and ev.button() == Qt.MouseButton.LeftButton:
            self.setMouseMode(self.RectMode)
            super().mouseDragEvent(ev)
            if ev.isFinish():
                self.setMouseMode(self.PanMode)
        else:
            super().mouseDragEvent(ev, axis)

    def wheelEvent(self, ev: Any, axis: int | None = None) -> None:
        self._keep()
        super().wheelEvent(ev, axis)

    def _keep(self) -> None:
        """Where it is now; many turns of the wheel in one go are one step."""
        (across, up), now = self.viewRange(), time.monotonic()
        if now - self._turned_s > 0.5 and (not self.before or self.before[-1].ranges != (across, up)):
            self.before = [*self.before[1 - self.MOST_KEPT :], Step(now, (across, up))]
        self._turned_s = now

    def zoom_back(self) -> bool:
        """Where it was before the last move or zoom by hand; False where there was none."""
        if not self.before:
            return False
        across, up = self.before.pop().ranges
        self.setRange(xRange=across, yRange=up, padding=0.0, disableAutoRange=True)
        return True


def plot_widget(
    axes: dict[str, Any], left: str | None, theme_text: str, right_width: int = RIGHT_WIDTH
) -> pg.PlotWidget:
    """A plot without menu and buttons, its side axes as wide as those of its neighbours."""
    plot = pg.PlotWidget(axisItems=axes, viewBox=ZoomBox(enableMenu=False))
    item = plot.getPlotItem()
    item.setMenuEnabled(False)
    # The library's menu has no parent and would outlive the window.
    item.ctrlMenu.setParent(plot, item.ctrlMenu.windowFlags())
    item.hideButtons()
    if left is not None:
        item.setLabel("left", left)
    item.getAxis("left").setWidth(LEFT_WIDTH)
    item.getAxis("left").enableAutoSIPrefix(False)
    item.showAxis("right")
    right = item.getAxis("right")
    right.setWidth(right_width)
    if not isinstance(right, CompositionAxis):
        right.setStyle(showValues=False, tickLength=0)
    for name in ("left", "right", "bottom"):
        item.getAxis(name).setTextPen(theme_text)
    item.getViewBox().setDefaultPadding(0.0)
    # Room for half a number at either end of an axis.
    item.layout.setContentsMargins(1.0, HALF_LINE, 1.0, 1.0)
    return plot


def image_plot(box: pg.ViewBox | None = None) -> pg.PlotWidget:
    """For the image of a detector: its first row above, pixels square, no axes."""
    plot = pg.PlotWidget(viewBox=box)
    item = plot.getPlotItem()
    item.setMenuEnabled(False)
    item.ctrlMenu.setParent(plot, item.ctrlMenu.windowFlags())
    item.hideButtons()
    item.setAspectLocked(True)
    item.invertY(True)
    for axis in ("left", "bottom"):
        item.hideAxis(axis)
    return plot


def on_range(plot: pg.PlotWidget, slot: Callable[[], None]) -> None:
    """Call ``slot`` whenever the visible range or the size of the plot changes."""
    box = plot.getPlotItem().getViewBox()
    box.sigRangeChanged.connect(lambda *_: slot())
    box.sigResized.connect(lambda *_: slot())


def link_times(one: pg.PlotWidget, other: pg.PlotWidget) -> None:
    """One time range for both. The library's own link follows the place on the screen, wrong while one is hidden."""
    for source, target in ((one, other), (other, one)):
        follow = target.getPlotItem().getViewBox()
        source.getPlotItem().getViewBox().sigXRangeChanged.connect(
            lambda _, span, follow=follow: follow.setXRange(*span, padding=0.0)
        )


def soon(parent: QObject, slot: Callable[[], None]) -> QTimer:
    """A timer whose start calls ``slot`` once, when the event loop is next idle, however often it is started."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.timeout.connect(slot)
    return timer
