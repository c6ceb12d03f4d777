"""An image with the mask that is drawn on it, and the pencil."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from latticewatch.widgets.axes import image_plot, on_range, soon
from latticewatch.widgets.theme import line

Place = tuple[float, float]
MASKED, LEFT_OUT = (226, 40, 28, 215), (70, 74, 82, 255)
OUTLINE = QColor("#ffd166")
NEAR_PIXELS = 80.0
"""How much is shown round a pixel that was chosen, each way."""


class Tool(StrEnum):
    """What the left button does."""

    MOVE = "move"
    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    BRUSH = "brush"


class MaskCanvas(QWidget):
    """Shows an image and its mask, and tells what is drawn; places are (row, column).

    rectangle_drawn: two corners. polygon_drawn: its corners. brush_moved: from one place to the next, the first time
    to the same; brush_lifted: the button was let go. pointed: the pixel under the pointer.
    """

    rectangle_drawn = pyqtSignal(object, object)
    polygon_drawn = pyqtSignal(object)
    brush_moved = pyqtSignal(object, object)
    brush_lifted = pyqtSignal()
    pointed = pyqtSignal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.tool = Tool.RECTANGLE
        self._box = _DrawBox(self)
        self.plot = image_plot(self._box)
        self._counts = pg.ImageItem(autoDownsample=True)
        self._counts.setLookupTable(pg.colormap.get("cividis").getLookupTable(nPts=256))
        self._out, self._mask = pg.ImageItem(), pg.ImageItem()
        for each, colour in ((self._out, LEFT_OUT), (self._mask, MASKED)):
            each.setLookupTable(np.array([(0, 0, 0, 0), colour], np.uint8))
        pen = line(OUTLINE, 1.5)
        self._outline = pg.PlotDataItem(pen=pen, symbol="s", symbolSize=5, symbolBrush=OUTLINE, symbolPen=None)
        for each in (self._counts, self._out, self._mask, self._outline):
            self.plot.addItem(each)
        self._shape = (0, 0)
        self._shown_out, self._shown_mask = np.zeros((0, 0), bool), np.zeros((0, 0), bool)
        self._later = soon(self, self._draw_masks)
        on_range(self.plot, self._later.start)
        self._corners: list[Place] = []
        self.plot.scene().sigMouseMoved.connect(self._point)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.setAccessibleName("image and mask")

    def show_image(self, counts: NDArray[Any], left_out: NDArray[np.bool_]) -> None:
        """Show these counts (rows, columns) on a logarithmic scale. left_out: what has no counts anyway."""
        shown = np.log1p(np.where(left_out, 0.0, np.maximum(counts, 0))).astype(np.float32)
        valid = shown[~left_out] if not left_out.all() else shown.ravel()
        low, high = (float(level) for level in np.percentile(valid[:: max(1, len(valid) // 200_000)], (1.0, 99.8)))
        self._counts.setImage(shown, autoLevels=False, levels=(low, max(high, low + 1e-3)))
        self._shown_out = left_out
        self._corners = []
        self._draw_outline([])
        if shown.shape != self._shape:
            self._shape = (shown.shape[0], shown.shape[1])
            self.show_whole()
        self._draw_masks()

    def show_mask(self, mask: NDArray[np.bool_]) -> None:
        """Show this mask (rows, columns)."""
        self._shown_mask = mask
        self._draw(self._mask, mask)

    def _draw_masks(self) -> None:
        self._draw(self._out, self._shown_out)
        self._draw(self._mask, self._shown_mask)

    def _draw(self, item: pg.ImageItem, mask: NDArray[np.bool_]) -> None:
        """The part that is in view, not finer than the screen: all of a large mask would take a tenth of a second."""
        view, step = self._box.viewRect(), max(1, math.floor(float(self._box.viewPixelSize()[0])))
        top, left = (max(0, math.floor(edge)) for edge in (view.top(), view.left()))
        part = thinned(mask[top : max(top, math.ceil(view.bottom())), left : max(left, math.ceil(view.right()))], step)
        if not part.size:
            item.clear()
            return
        item.setImage(part.view(np.uint8), autoLevels=False, levels=(0, 1))
        item.setRect(QRectF(left, top, part.shape[1] * step, part.shape[0] * step))

    def show_whole(self) -> None:
        """The whole image in view."""
        self.plot.setRange(QRectF(0.0, 0.0, self._shape[1], self._shape[0]), padding=0.01)

    def show_near(self, row: int, column: int) -> None:
        """This pixel in the middle, and what is round it."""
        size = 2.0 * NEAR_PIXELS
        self.plot.setRange(QRectF(column + 0.5 - NEAR_PIXELS, row + 0.5 - NEAR_PIXELS, size, size), padding=0.0)

    def take(self, tool: Tool) -> None:
        """Draw with this; a polygon that is not closed is given up."""
        self.tool = tool
        self._corners = []
        self._draw_outline([])

    def point_at(self, place: Place) -> QPointF:
        """Where a place of the image is on this widget's plot, in pixels of the screen."""
        scene = self._box.mapViewToScene(QPointF(place[1], place[0]))
        return QPointF(self.plot.mapFromScene(scene))

    def drag_rectangle(self, start: Place, now: Place, *, ended: bool) -> None:
        """The button went down at the first place and is at the second."""
        (top, left), (bottom, right) = start, now
        corners = [(top, left), (top, right), (bottom, right), (bottom, left), (top, left)]
        self._draw_outline([] if ended else corners)
        if ended:
            self.rectangle_drawn.emit(start, now)

    def add_corner(self, place: Place) -> None:
        """One more corner of the polygon."""
        self._corners.append(place)
        self._draw_outline(self._corners)

    def close_polygon(self) -> None:
        """The polygon has all its corners."""
        corners, self._corners = self._corners, []
        self._draw_outline([])
        if len(corners) >= 3:
            self.polygon_drawn.emit(corners)

    def _draw_outline(self, places: Sequence[Place]) -> None:
        self._outline.setData([place[1] for place in places], [place[0] for place in places])

    def _point(self, at: QPointF) -> None:
        if not self._box.sceneBoundingRect().contains(at):
            return
        point = self._box.mapSceneToView(at)
        row, column = math.floor(point.y()), math.floor(point.x())
        if 0 <= row < self._shape[0] and 0 <= column < self._shape[1]:
            self.pointed.emit(row, column)


class _DrawBox(pg.ViewBox):  # type: ignore[misc]
    """The left button draws, the middle one and the tool MOVE move the image, the wheel zooms."""

    def __init__(self, canvas: MaskCanvas) -> None:
        super().__init__(enableMenu=False)
        self._canvas = canvas

    def _place(self, at: QPointF) -> Place:
        point = self.mapSceneToView(at)
        return point.y(), point.x()

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        tool = self._canvas.tool
        if ev.button() != Qt.MouseButton.LeftButton or tool not in (Tool.RECTANGLE, Tool.BRUSH):
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        now = self._place(ev.scenePos())
        if tool is Tool.RECTANGLE:
            self._canvas.drag_rectangle(self._place(ev.buttonDownScenePos()), now, ended=ev.isFinish())
            return
        before = self._place(ev.buttonDownScenePos() if ev.isStart() else ev.lastScenePos())
        self._canvas.brush_moved.emit(before, now)
        if ev.isFinish():
            self._canvas.brush_lifted.emit()

    def mouseClickEvent(self, ev: Any) -> None:
        """The brush draws what is under it; the polygon gets a corner, and is closed by a double or right click."""
        tool, left = self._canvas.tool, ev.button() == Qt.MouseButton.LeftButton
        place = self._place(ev.scenePos())
        if tool is Tool.POLYGON and (ev.double() or ev.button() == Qt.MouseButton.RightButton):
            self._canvas.close_polygon()
        elif tool is Tool.POLYGON and left:
            self._canvas.add_corner(place)
        elif tool is Tool.BRUSH and left:
            self._canvas.brush_moved.emit(place, place)
            self._canvas.brush_lifted.emit()
        else:
            return
        ev.accept()


def thinned(mask: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """One pixel for ``step`` times ``step``, True where any of them is; the last ones may stand for fewer."""
    for axis in (0, 1) if step > 1 else ():
        length = mask.shape[axis]
        thin = np.zeros([-(-each // step) if number == axis else each for number, each in enumerate(mask.shape)], bool)
        for first in range(min(step, length)):
            part = mask[first::step] if axis == 0 else mask[:, first::step]
            thin[: part.shape[0], : part.shape[1]] |= part
        mask = thin
    return mask
