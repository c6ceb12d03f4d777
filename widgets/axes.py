"""Axes that speak the user's units: time in s, min or h, and composition beside the lattice parameter."""

import math
from collections.abc import Callable
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import QObject, QTimer

from latticewatch.processing.reaction.composition import CompositionScale, fraction_of

LEFT_WIDTH, RIGHT_WIDTH = 74, 58
UNITS = ((600.0, "s", 1.0), (3.0 * 3600.0, "min", 60.0), (math.inf, "h", 3600.0))


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Time since the first frame; the unit follows the range that is shown."""

    def __init__(self, *, named: bool = True) -> None:
        # The base class sets a range while it is built.
        self._named, self._unit, self._size = named, "", 1.0
        super().__init__("bottom")
        self.enableAutoSIPrefix(False)
        if named:
            self.setLabel("time since first frame / s")

    def setRange(self, mn: float, mx: float) -> None:
        """Choose the unit, then take the range."""
        _, unit, self._size = next(row for row in UNITS if mx - mn <= row[0])
        changed, self._unit = unit != self._unit, unit
        super().setRange(mn, mx)
        if changed and self._named:
            self.setLabel(f"time since first frame / {unit}")

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Ticks at round values of the unit."""
        ticks = super().tickValues(minVal / self._size, maxVal / self._size, size)
        return [(spacing * self._size, [value * self._size for value in values]) for spacing, values in ticks]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The values in the unit."""
        return list(super().tickStrings([value / self._size for value in values], scale, spacing / self._size))


class CompositionAxis(pg.AxisItem):  # type: ignore[misc]
    """The fraction that belongs to the lattice parameters of the linked view, on the user's scale."""

    def __init__(self, scale: CompositionScale) -> None:
        self._scale = scale
        super().__init__("right")
        self.enableAutoSIPrefix(False)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Ticks at round fractions."""
        ends = [fraction_of(self._scale, lp, 0.0)[0] for lp in (minVal, maxVal)]
        if not all(map(math.isfinite, ends)):
            return []
        ticks = super().tickValues(min(ends), max(ends), size)
        return [(spacing, [self._lp(value) for value in values]) for spacing, values in ticks]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """The fractions at these lattice parameters."""
        fractions = [fraction_of(self._scale, value, 0.0)[0] for value in values]
        return list(super().tickStrings(fractions, scale, spacing))

    def _lp(self, x: float) -> float:
        scale = self._scale
        return scale.first_A + x * (scale.second_A - scale.first_A) + scale.bowing_A * x * (1.0 - x)


def plot_widget(axes: dict[str, Any], left: str, theme_text: str, right_width: int = RIGHT_WIDTH) -> pg.PlotWidget:
    """A plot without menu and buttons, its side axes as wide as those of its neighbours."""
    plot = pg.PlotWidget(axisItems=axes)
    item = plot.getPlotItem()
    item.setMenuEnabled(False)
    # The library's menu has no parent and would outlive the window.
    item.ctrlMenu.setParent(plot, item.ctrlMenu.windowFlags())
    item.hideButtons()
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
    return plot


def on_range(plot: pg.PlotWidget, slot: Callable[[], None]) -> None:
    """Call ``slot`` whenever the visible range or the size of the plot changes."""
    box = plot.getPlotItem().getViewBox()
    box.sigRangeChanged.connect(lambda *_: slot())
    box.sigResized.connect(lambda *_: slot())


def soon(parent: QObject, slot: Callable[[], None]) -> QTimer:
    """A timer whose start calls ``slot`` once, when the event loop is next idle, however often it is started."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.timeout.connect(slot)
    return timer
