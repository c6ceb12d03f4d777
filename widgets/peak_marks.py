"""Followed peaks in the pattern: the range of each shaded, its fit, and a line with its name where it is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import Qt

from latticewatch.widgets.theme import Theme, faded, line
from latticewatch.widgets.thinning import Floats

FONT_PT = 7.5


@dataclass(frozen=True, slots=True)
class ShownPeak:
    """A followed peak: where it is looked for and where it is, degrees; NaN where none is found."""

    name: str
    range_deg: tuple[float, float]
    two_theta_deg: float


class PeakMarks:
    """Draws them in a plot; it keeps as many items as it ever needed."""

    def __init__(self, plot: Any, theme: Theme) -> None:
        self._plot, self._theme = plot, theme
        self._regions: list[Any] = []
        self._names: list[Any] = []
        self._found: list[float] = []
        self._places = pg.PlotDataItem(pen=line(theme.highlight, 1.0, Qt.PenStyle.DashLine), connect="pairs")
        self._fit = pg.PlotDataItem(pen=line(theme.highlight, 1.6), connect="finite")
        for item in (self._places, self._fit):
            item.setZValue(6)
            plot.addItem(item, ignoreBounds=True)

    def show(self, peaks: tuple[ShownPeak, ...], curves: list[tuple[Floats, Floats]]) -> None:
        """These peaks and no others. curves: angle and intensity as drawn, of each stretch that was fitted."""
        for number, peak in enumerate(peaks):
            if number == len(self._regions):
                self._add()
            self._regions[number].setRegion(peak.range_deg)
            self._names[number].setText(peak.name)
        for number, (region, name) in enumerate(zip(self._regions, self._names, strict=True)):
            region.setVisible(number < len(peaks))
            name.setVisible(number < len(peaks))
        hole = np.array([np.nan])
        angles, values = ([part for curve in curves for part in (curve[axis], hole)] or [hole] for axis in (0, 1))
        self._fit.setData(np.concatenate(angles), np.concatenate(values))
        self._found = [peak.two_theta_deg for peak in peaks if np.isfinite(peak.two_theta_deg)]
        self.place()

    def place(self) -> None:
        """Lines and names over the height that is shown now."""
        _, (bottom, top) = self._plot.getPlotItem().getViewBox().viewRange()
        self._places.setData(np.repeat(self._found, 2), np.tile([bottom, top], len(self._found)))
        for region, name in zip(self._regions, self._names, strict=True):
            name.setPos(region.getRegion()[0], top)

    def _add(self) -> None:
        shade = faded(self._theme.highlight, 26)
        region = pg.LinearRegionItem(brush=shade, pen=pg.mkPen(faded(self._theme.highlight, 90)), movable=False)
        region.setZValue(-10)
        name = pg.TextItem(color=self._theme.highlight, anchor=(0.0, 0.0))
        font = self._plot.font()
        font.setPointSizeF(FONT_PT)
        name.setFont(font)
        for item in (region, name):
            self._plot.addItem(item, ignoreBounds=True)
        self._regions.append(region)
        self._names.append(name)
