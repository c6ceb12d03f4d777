"""Draw a mask on any frame: rectangle, polygon, brush, limits of the counts; import, invert, turn; kept as a file."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.run.outcome_line import counted
from latticewatch.app.window.access import name_plots
from latticewatch.app.window.newest import Newest
from latticewatch.app.window.path_box import dropped_on
from latticewatch.app.window.placement import fitted_size
from latticewatch.app.window.undo import Undo
from latticewatch.processing.calibration.check import read_frame
from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.count_limits import largest_valid, least_valid
from latticewatch.processing.integration.mask_file import free_mask_name, write_mask
from latticewatch.processing.integration.mask_shapes import outside, polygon, rectangle, stroke
from latticewatch.processing.integration.masks import drawn_orientation, flipped, read_mask
from latticewatch.processing.text import printable
from latticewatch.widgets.mask_canvas import MaskCanvas, Place, Tool

POLL_MS = 60
MASK_FILES = "EDF, which says how it lies (*.edf);;NumPy (*.npy);;TIFF (*.tif)"
TOOLS = (
    (Tool.RECTANGLE, "&Rectangle", "drag from corner to corner"),
    (Tool.POLYGON, "&Polygon", "click its corners; a double click or the right button closes it"),
    (Tool.BRUSH, "&Brush", "drag over the pixels, or click"),
    (Tool.MOVE, "&Move", "drag the image; the middle button does so always, the wheel zooms"),
)
TURNS = (("Flip up-down", 2), ("Flip left-right", 4), ("Turn by 180°", 1))
USE = "Use for this scan from now …"
WELCOME = "Choose a frame, or drop one here."


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image comes from. read: its counts (rows, columns); may raise UserError, and is asked in a thread."""

    name: str
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Opened:
    name: str
    counts: NDArray[Any]
    left_out: NDArray[np.bool_]
    mask: NDArray[np.bool_] | None


def scan_source(scan: Path, name: str) -> Source:
    """The image of the frame of this name in a scan."""
    from latticewatch.processing.sources.reread_image import read_again  # slow to load: not before the window

    return Source(name, lambda: read_again(scan, name))


def file_source(path: Path) -> Source:
    """The image in this file."""
    return Source(path.name, lambda: read_frame(path).counts)


class MaskEditor(QDialog):
    """kept: the path of a mask that was saved."""

    kept = pyqtSignal(Path)

    def __init__(
        self,
        parent: QWidget | None,
        source: Source | None = None,
        *,
        mask: Path | None = None,
        pixel: tuple[int, int] | None = None,
        folder: Path | None = None,
        use: Callable[[Path], object] | None = None,
    ) -> None:
        """mask: the file to begin with. pixel: it is masked, and shown large. folder: where a mask is to be kept.

        use: uses a mask that was saved for the scan from now on.
        """
        super().__init__(parent)
        self._folder = folder or (mask.parent if mask is not None else Path.home())
        self._pixel, self._use = pixel, use
        self._file: Path | None = None
        self.counts: NDArray[Any] = np.empty((0, 0))
        self.mask_drawn: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self._before_stroke: NDArray[np.bool_] | None = None
        self._newest = Newest("mask editor")
        self._undo = Undo(self, self.say)
        self.setWindowTitle("Mask – LatticeWatch")
        self.setAcceptDrops(True)
        self.canvas = MaskCanvas()
        self.title, self.pointed, self.foot = QLabel(WELCOME), QLabel(), QLabel()
        self.amount = QLabel()
        self.size_box = QSpinBox()
        self.erase = QCheckBox("&unmask instead")
        self.least, self.most = QLineEdit(), QLineEdit()
        self.tools = {tool: QRadioButton(words) for tool, words, _ in TOOLS}
        self.buttons: dict[str, QPushButton] = {}
        self._lay_out()
        self._connect()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._newest.poll)
        self._timer.start(POLL_MS)
        self._show_state()
        if source is not None:
            self.look_at(source, mask)

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        left, column = QWidget(), QVBoxLayout()
        left.setLayout(column)
        column.setContentsMargins(0, 0, 0, 0)
        self._add_row(column, ("Frame …", self.ask_frame), ("Import a mask …", self.ask_import))
        column.addWidget(_heading("Draw"))
        grid = QGridLayout()
        for number, (tool, _, tip) in enumerate(TOOLS):
            self.tools[tool].setToolTip(tip)
            group.addButton(self.tools[tool])
            grid.addWidget(self.tools[tool], number // 2, number % 2)
        column.addLayout(grid)
        self.tools[Tool.RECTANGLE].setChecked(True)
        self.size_box.setRange(1, 200)
        self.size_box.setValue(5)
        self.size_box.setSuffix(" pixels")
        self.size_box.setAccessibleName("size of the brush")
        row = QHBoxLayout()
        row.addWidget(QLabel("brush"))
        row.addWidget(self.size_box)
        row.addWidget(self.erase, 1)
        column.addLayout(row)
        column.addWidget(_heading("Counts"))
        row = QHBoxLayout()
        for label, box in (("below", self.least), ("above", self.most)):
            row.addWidget(QLabel(label))
            row.addWidget(box)
            box.setAccessibleName(f"counts {label}")
            box.setPlaceholderText("none")
        column.addLayout(row)
        self._add_row(column, ("Mask these counts", self.apply_limits))
        column.addWidget(_heading("The whole mask"))
        self._add_row(column, ("Invert", self.invert), ("Clear", self.clear))
        self._add_row(column, *((words, partial(self.turn, words, number)) for words, number in TURNS[:2]))
        self._add_row(column, (TURNS[2][0], partial(self.turn, *TURNS[2])), ("Whole image", self.canvas.show_whole))
        self._add_row(column, ("Undo", self.undo), ("Redo", self.redo))
        column.addStretch(1)
        column.addWidget(self.amount)
        self._add_row(column, ("Save …", self.ask_save))
        if self._use is not None:
            self._add_row(column, (USE, self.use))
        for said in (self.title, self.pointed, self.foot, self.amount):
            said.setTextFormat(Qt.TextFormat.PlainText)
            said.setWordWrap(True)
        right, column = QWidget(), QVBoxLayout()
        right.setLayout(column)
        column.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.pointed)
        self.pointed.setWordWrap(False)
        column.addLayout(head)
        column.addWidget(self.canvas, 1)
        left.setFixedWidth(max(260, left.sizeHint().width()))
        sides = QHBoxLayout()
        sides.addWidget(left)
        sides.addWidget(right, 1)
        close = QPushButton("C&lose")
        close.clicked.connect(self.reject)
        end = QHBoxLayout()
        end.addWidget(self.foot, 1)
        end.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addLayout(sides, 1)
        layout.addLayout(end)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter in a box must not press the first button that there is
        name_plots({"image and mask": self.canvas.plot})
        self.resize(fitted_size(self, 1160, 680))

    def _add_row(self, column: QVBoxLayout, *acts: tuple[str, Callable[[], object]]) -> None:
        row = QHBoxLayout()
        for words, act in acts:
            button = self.buttons[words] = QPushButton(words)
            button.clicked.connect(partial(_do, act))
            row.addWidget(button)
        column.addLayout(row)

    def _connect(self) -> None:
        for tool, button in self.tools.items():
            button.toggled.connect(partial(self._take, tool))
        self.canvas.rectangle_drawn.connect(
            lambda corner, opposite: self._draw("rectangle", rectangle(self.mask_drawn.shape, corner, opposite))
        )
        self.canvas.polygon_drawn.connect(
            lambda corners: self._draw("polygon", polygon(self.mask_drawn.shape, corners))
        )
        self.canvas.brush_moved.connect(self._brush)
        self.canvas.brush_lifted.connect(self._brushed)
        self.canvas.pointed.connect(self._point)
        self.most.returnPressed.connect(self.apply_limits)
        self.least.returnPressed.connect(self.apply_limits)
        for key, act in (("Ctrl+Z", self.undo), ("Ctrl+Shift+Z", self.redo), ("Ctrl+S", self.ask_save)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(act)

    def say(self, text: str) -> None:
        self.foot.setText(printable(text))

    def busy(self) -> bool:
        """True while a file is being read or written."""
        return self._newest.busy()

    def look_at(self, source: Source, mask: Path | None = None) -> None:
        """Read this image, in a thread, and begin with this mask; the mask that is drawn stays where it fits."""
        self.title.setText(f"{printable(source.name)}: reading …")
        self._newest.ask(lambda _: _read(source, mask), self._opened, self._not_opened)

    def _opened(self, opened: _Opened) -> None:
        self.counts = opened.counts
        self.title.setText(f"{printable(opened.name)}; red: masked; grey: no counts anyway")
        self.canvas.show_image(opened.counts, opened.left_out)
        if self.mask_drawn.shape != opened.counts.shape or opened.mask is not None:
            self._undo = Undo(self, self.say)
            self._set(opened.mask if opened.mask is not None else np.zeros(opened.counts.shape, bool))
        if self._pixel is not None:
            (row, column), self._pixel = self._pixel, None
            self.canvas.show_near(row, column)
            self._draw(f"pixel {row}, {column}", stroke(self._shape(), *2 * ((row + 0.5, column + 0.5),), 0.1))
            self.tools[Tool.BRUSH].setChecked(True)
        self._show_state()

    def _not_opened(self, text: str) -> None:
        self.title.setText(printable(text))
        self._show_state()

    def _shape(self) -> tuple[int, int]:
        return self.mask_drawn.shape[0], self.mask_drawn.shape[1]

    def _set(self, mask: NDArray[np.bool_]) -> None:
        self.mask_drawn = mask
        self.canvas.show_mask(mask)
        self._show_state()

    def _unpack(self, bits: NDArray[np.uint8], shape: tuple[int, int]) -> None:
        self._set(np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(bool))

    def _change(self, words: str, mask: NDArray[np.bool_]) -> None:
        """One step that can be undone; only where it changes something."""
        before = self.mask_drawn
        if before.size and not np.array_equal(before, mask):
            self._undo.do(words, partial(self._unpack, *_packed(mask)), partial(self._unpack, *_packed(before)))
        self._show_state()

    def _draw(self, words: str, region: NDArray[np.bool_]) -> None:
        erases = self.erase.isChecked()
        mask = self.mask_drawn & ~region if erases else self.mask_drawn | region
        self._change(f"unmasking: {words}" if erases else f"masking: {words}", mask)

    def _take(self, tool: Tool, chosen: bool) -> None:
        if chosen:
            self.canvas.take(tool)

    def _brush(self, start: Place, end: Place) -> None:
        """The mask follows the brush; the step is made when it is lifted."""
        if not self.mask_drawn.size:
            return
        if self._before_stroke is None:
            self._before_stroke = self.mask_drawn
        region = stroke(self._shape(), start, end, 0.5 * self.size_box.value())
        self._set(self.mask_drawn & ~region if self.erase.isChecked() else self.mask_drawn | region)

    def _brushed(self) -> None:
        after, before, self._before_stroke = self.mask_drawn, self._before_stroke, None
        if before is not None:
            self.mask_drawn = before
            self._change("brush", after)

    def apply_limits(self) -> None:
        """Mask, or unmask, what counts less or more than the limits."""
        try:
            least, most = (float(box.text()) if box.text().strip() else None for box in (self.least, self.most))
        except ValueError:
            self.say("the limits of the counts must be numbers, or empty")
            return
        if least is None and most is None:
            self.say("give a limit: below or above which counts are masked")
            return
        told = [f"{name} {value:g}" for name, value in (("below", least), ("above", most)) if value is not None]
        self._draw(f"counts {' or '.join(told)}", outside(self.counts, least, most))

    def invert(self) -> None:
        """What was masked is not, and the other way round."""
        self._change("inverting", ~self.mask_drawn)

    def clear(self) -> None:
        """Nothing is masked."""
        self._change("clearing", np.zeros_like(self.mask_drawn))

    def turn(self, words: str, orientation: int) -> None:
        """The mask as it was drawn on images in this orientation."""
        self._change(words.lower(), flipped(self.mask_drawn, orientation))

    def undo(self) -> None:
        self._undo.undo()
        self._show_state()

    def redo(self) -> None:
        self._undo.redo()
        self._show_state()

    def ask_frame(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Frame", str(self._folder), "All files (*)")
        if name:
            self.look_at(file_source(Path(name)))

    def ask_import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Import a mask", str(self._folder), "All files (*)")
        if name:
            self.import_mask(Path(name))

    def import_mask(self, path: Path) -> None:
        """Add the mask in this file to the one that is drawn."""
        if not self.mask_drawn.size:
            self.say("choose a frame first: the mask must have its shape")
            return
        shape = self._shape()
        self._newest.ask(
            lambda _: _as_read(path, shape),
            lambda mask: self._change(f"importing {path.name}", self.mask_drawn | mask),
            lambda text: self.say(f"not imported: {text}"),
        )

    def ask_save(self) -> None:
        if not self.mask_drawn.any():
            self.say("nothing to save: nothing is masked")
            return
        options = QFileDialog.Option.DontConfirmOverwrite  # nothing is written over
        offered = str(free_mask_name(self._folder))
        name, kind = QFileDialog.getSaveFileName(self, "Save the mask", offered, MASK_FILES, options=options)
        if name:
            path = Path(name)
            self.save(path if path.suffix else path.with_suffix(f".{kind.rpartition('*.')[2].rstrip(')')}"))

    def save(self, path: Path) -> None:
        """Write the mask, in a thread."""
        mask = self.mask_drawn
        self._newest.ask(
            lambda _: write_mask(path, mask),
            lambda _: self._saved(path),
            lambda text: self.say(f"not saved: {text}"),
        )

    def _saved(self, path: Path) -> None:
        how = "" if path.suffix.lower() == ".edf" else "; with turned images set [geometry] mask_orientation = 3"
        self.say(f"saved {path}{how}. Scans that are started with it use it.")
        self._file = path
        self._show_state()
        self.kept.emit(path)

    def use(self) -> None:
        """Use the saved mask for the scan from now on; the window of the run asks."""
        if self._use is not None and self._file is not None:
            self._use(self._file)

    def _point(self, row: int, column: int) -> None:
        if row < self.counts.shape[0] and column < self.counts.shape[1]:
            masked = ", masked" if self.mask_drawn[row, column] else ""
            self.pointed.setText(f"row {row}, column {column}: {self.counts[row, column]:g} counts{masked}")

    def _show_state(self) -> None:
        has_image, count = self.mask_drawn.size > 0, int(np.count_nonzero(self.mask_drawn))
        share = 100.0 * count / max(1, self.mask_drawn.size)
        self.amount.setText(f"{counted(count, 'pixel')} masked ({share:.2f} %)" if has_image else "")
        for words, button in self.buttons.items():
            button.setEnabled(has_image or words == "Frame …")
        self.buttons["Undo"].setEnabled(self._undo.can_undo())
        self.buttons["Redo"].setEnabled(self._undo.can_redo())
        self.buttons["Save …"].setEnabled(count > 0)
        if USE in self.buttons:
            self.buttons[USE].setEnabled(self._file is not None)

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        """A frame is opened."""
        for path in (dropped_on(a0) if a0 is not None else [])[:1]:
            self.look_at(file_source(path))

    def done(self, a0: int) -> None:
        """Wait for what is being read or written."""
        self._timer.stop()
        self._newest.end()
        super().done(a0)


def _read(source: Source, mask: Path | None) -> _Opened:
    counts = np.asarray(source.read())
    if counts.ndim != 2:
        raise UserError(f"{source.name}: is no image; choose another frame")
    left_out = ~((counts >= least_valid(counts)) & (counts < largest_valid(counts.dtype, {})))
    shape = (counts.shape[0], counts.shape[1])
    return _Opened(source.name, counts, left_out, None if mask is None else _as_read(mask, shape))


def _as_read(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask in this file as it lies on images as read; one that does not say how it lies is taken as it is."""
    return flipped(read_mask(path, shape, "bad"), drawn_orientation(path) or 3).copy()


def _packed(mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """A bit a pixel: every step keeps a mask."""
    return np.packbits(mask), (mask.shape[0], mask.shape[1])


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def _do(act: Callable[[], object], checked: bool = False) -> None:
    del checked
    act()
