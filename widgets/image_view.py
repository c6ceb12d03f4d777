"""The detector image with the rings that geometry and phases predict."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from latticewatch.widgets.pattern_view import Ticks
from latticewatch.widgets.theme import DARK


class ImageView(QWidget):
    """Counts on a logarithmic scale, rings over the lower half: above it the image speaks for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = pg.PlotWidget()
        item = self.plot.getPlotItem()
        item.setMenuEnabled(False)
        item.ctrlMenu.setParent(self.plot, item.ctrlMenu.windowFlags())
        item.hideButtons()
        item.setAspectLocked(True)
        item.invertY(True)
        for axis in ("left", "bottom"):
            item.hideAxis(axis)
        self._counts, self._rings = pg.ImageItem(), pg.ImageItem()
        self._counts.setLookupTable(pg.colormap.get("cividis").getLookupTable(nPts=256))
        for each in (self._counts, self._rings):
            self.plot.addItem(each)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setAccessibleName("detector image with predicted rings")

    def show_image(self, counts: NDArray[np.float32], two_theta: NDArray[np.float32], ticks: tuple[Ticks, ...]) -> None:
        """Show this image (rows, columns), with rings at the ticks' angles (degrees)."""
        shown = np.log1p(counts)
        high = float(np.percentile(shown, 99.9)) or 1.0
        self._counts.setImage(shown, autoLevels=False, levels=(0.0, high))
        self._rings.setImage(rings(two_theta, ticks), autoLevels=False, levels=(0, 255))
        box = QRectF(0.0, 0.0, counts.shape[1], counts.shape[0])
        for each in (self._counts, self._rings):
            each.setRect(box)
        self.plot.setRange(box, padding=0.01)


def rings(two_theta: NDArray[np.float32], ticks: tuple[Ticks, ...]) -> NDArray[np.uint8]:
    """An overlay (rows, columns, 4): one pixel wide rings in the components' colours over the lower half."""
    overlay = np.zeros((*two_theta.shape, 4), np.uint8)
    across = np.maximum(np.abs(np.gradient(two_theta, axis=0)), np.abs(np.gradient(two_theta, axis=1)))
    lower = np.arange(two_theta.shape[0])[:, None] >= two_theta.shape[0] // 2
    for number, component in enumerate(ticks):
        colour = QColor(DARK.components[number])
        for angle in component.two_theta[np.isfinite(component.two_theta)]:
            on_ring = lower & (np.abs(two_theta - angle) <= 0.6 * across)
            overlay[on_ring] = colour.red(), colour.green(), colour.blue(), 210
    return overlay
