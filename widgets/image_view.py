"""The detector image with its mask and the rings that geometry and phases predict."""

import math
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

from latticewatch.widgets.axes import image_plot, on_range, soon
from latticewatch.widgets.pattern_view import Ticks
from latticewatch.widgets.theme import DARK

MASKED = (150, 30, 24, 255)
UNMASKED_LINE = (70, 74, 82, 255)


@dataclass(frozen=True, slots=True)
class Pixel:
    """A pixel of the detector, or the largest of those that share one of the thinned image. counts: of it."""

    row: int
    column: int
    two_theta_deg: float
    counts: float
    masked: bool


class ImageView(QWidget):
    """Counts on a logarithmic scale, rings over the lower half: above it the image speaks for itself.

    Masked pixels are hatched, as what was not measured is in the map.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plot = image_plot()
        self._counts, self._mask, self._rings = pg.ImageItem(), pg.ImageItem(), pg.ImageItem()
        self._counts.setLookupTable(pg.colormap.get("cividis").getLookupTable(nPts=256))
        for each in (self._counts, self._mask, self._rings):
            self.plot.addItem(each)
        self._shape = (0, 0)
        self._step = 1
        self._raw, self._masked = np.empty((0, 0), np.float32), np.empty((0, 0), np.bool_)
        self._angles = np.empty((0, 0), np.float32)
        self._ticks: tuple[Ticks, ...] = ()
        self._width = 0
        self._later = soon(self, self._redraw_rings)
        on_range(self.plot, self._later.start)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setAccessibleName("detector image with mask and predicted rings")

    def show_image(
        self,
        counts: NDArray[np.float32],
        two_theta: NDArray[np.float32],
        ticks: tuple[Ticks, ...],
        masked: NDArray[np.bool_] | None = None,
        step: int = 1,
    ) -> None:
        """Show this image (rows, columns), with rings at the ticks' angles (degrees).

        masked: pixels that are left out; they are hatched. step: pixels of the detector to one of the image, each way.
        The zoom stays while images have one shape.
        """
        self._raw, self._step = counts, step
        self._masked = masked if masked is not None else np.zeros(counts.shape, np.bool_)
        shown = np.log1p(counts)
        self._counts.setImage(shown, autoLevels=False, levels=_levels(shown, masked))
        overlay = hatch(masked if masked is not None else np.zeros(counts.shape, bool))
        self._mask.setImage(overlay, autoLevels=False, levels=(0, 255))
        self._angles, self._ticks = two_theta, ticks
        self._draw_rings(self._pixels_per_point())
        box = QRectF(0.0, 0.0, counts.shape[1], counts.shape[0])
        for each in (self._counts, self._mask):
            each.setRect(box)
        if counts.shape != self._shape:
            self._shape = counts.shape
            self.plot.setRange(box, padding=0.01)

    def show_whole(self) -> None:
        """The whole image in view."""
        if self._angles.size:
            self.plot.setRange(QRectF(0.0, 0.0, self._shape[1], self._shape[0]), padding=0.01)

    def clear(self) -> None:
        for each in (self._counts, self._mask, self._rings):
            each.clear()
        self._angles = np.empty((0, 0), np.float32)

    def pixel_at(self, x: float, y: float) -> Pixel | None:
        """What lies at this place of the plot; None beside the image."""
        row, column = math.floor(y), math.floor(x)
        if not self._angles.size or not (0 <= row < self._raw.shape[0] and 0 <= column < self._raw.shape[1]):
            return None
        angle, counts = float(self._angles[row, column]), float(self._raw[row, column])
        return Pixel(row * self._step, column * self._step, angle, counts, bool(self._masked[row, column]))

    def _pixels_per_point(self) -> int:
        """How many pixels of the image share one of the screen: thinner rings would be drawn with holes."""
        box = self.plot.getPlotItem().getViewBox()
        return max(1, math.ceil(float(box.viewPixelSize()[0])))

    def _redraw_rings(self) -> None:
        if self._angles.size and self._pixels_per_point() != self._width:
            self._draw_rings(self._pixels_per_point())

    def _draw_rings(self, width: int) -> None:
        self._width = width
        self._rings.setImage(rings(self._angles, self._ticks, width), autoLevels=False, levels=(0, 255))
        self._rings.setRect(QRectF(0.0, 0.0, self._angles.shape[1], self._angles.shape[0]))


class ImagePanel(QWidget):
    """An image under a line that says which frame it is, or why there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self.view = ImageView()
        self.view.setToolTip(
            "counts on a logarithmic scale; hatched: masked; rings over the lower half: the fitted cells. Wheel: zoom"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._words)
        layout.addWidget(self.view, 1)
        self.setMinimumHeight(160)

    def words(self) -> str:
        return self._words.text()

    def say(self, text: str) -> None:
        self._words.setText(text)
        self.view.clear()

    def say_reading(self, name: str) -> None:
        """The image before stays until this one is there."""
        self._words.setText(f"{name}: reading the image …")

    def show_image(
        self,
        words: str,
        counts: NDArray[np.float32],
        two_theta: NDArray[np.float32],
        masked: NDArray[np.bool_],
        ticks: tuple[Ticks, ...],
        step: int = 1,
    ) -> None:
        """An image (rows, columns) with its mask, and rings at the ticks' angles. step: as ImageView has it."""
        self._words.setText(words)
        self.view.show_image(counts, two_theta, ticks, masked, step)


def _levels(shown: NDArray[np.float32], masked: NDArray[np.bool_] | None) -> tuple[float, float]:
    """Robust: the 1st and the 99.8th percentile of what counts."""
    valid = shown if masked is None or masked.all() else shown[~masked]
    low, high = (float(level) for level in np.percentile(valid, (1.0, 99.8)))
    return low, max(high, low + 1e-3)


def hatch(masked: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """An overlay (rows, columns, 4): diagonal stripes over masked pixels, clear elsewhere."""
    overlay = np.zeros((*masked.shape, 4), np.uint8)
    rows, columns = np.nonzero(masked)
    overlay[rows, columns] = np.where(((rows + columns) % 8 < 2)[:, None], MASKED, UNMASKED_LINE)
    return overlay


def rings(two_theta: NDArray[np.float32], ticks: tuple[Ticks, ...], width: int = 1) -> NDArray[np.uint8]:
    """An overlay (rows, columns, 4): rings in the components' colours over the lower half, ``width`` pixels wide."""
    overlay = np.zeros((*two_theta.shape, 4), np.uint8)
    angles = np.concatenate([np.empty(0), *(component.two_theta for component in ticks)])
    inks = [(*rgb, 235) for *rgb, _ in (QColor(colour).getRgb() for colour in DARK.components)]
    colours = np.array([inks[number] for number, one in enumerate(ticks) for _ in one.two_theta], np.uint8)
    order = np.argsort(angles)[: np.count_nonzero(np.isfinite(angles))]
    if not len(order):
        return overlay
    half = two_theta.shape[0] // 2
    lower = two_theta[half:]
    across = np.maximum(*np.abs(np.gradient(lower)))
    angles, colours = angles[order], colours[order]
    nearest = np.searchsorted(0.5 * (angles[1:] + angles[:-1]), lower)
    on_ring = np.abs(lower - angles[nearest]) <= (0.1 + 0.5 * width) * across
    overlay[half:][on_ring] = colours[nearest[on_ring]]
    return overlay
