"""Over the map: what it shows, on which scale, in which unit, and what its colours mean."""

import math

import numpy as np
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QImage, QPixmap
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QWidget

from latticewatch.processing.flow.wording import level
from latticewatch.widgets.axes import LEFT_WIDTH
from latticewatch.widgets.colours import COLOURS, Levels, lookup_table
from latticewatch.widgets.theme import Theme

MODES = ("as measured", "minus first", "|change|", "minus shown", "minus pinned", "minus mean")
MODE_TIPS = (
    "intensity",
    "minus the first frame that has a pattern",
    "absolute change from the frame before",
    "minus the shown frame: the chosen one, or the newest",
    "minus the frame that was pinned last (P)",
    "minus the mean of the frames in view",
)
SCALES = ("linear", "sqrt", "log")
LEAST_PX = 52
RANGES = ("reflection", "whole pattern")
UNITS = ("2θ", "Q", "d")
SCALE_TIP = "scale of the colours (C); a difference is always linear, even about 0"


class MapBar(QWidget):
    """Four choices and a strip of colours between the intensities at its ends, which can be given by hand."""

    changed = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.range = _choice(RANGES, "what the map spans: the reflection, or the whole pattern (W)", "range")
        self.mode = _choice(MODES, "what the colours show (D)", "mode")
        for number, tip in enumerate(MODE_TIPS):
            self.mode.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.scale = _choice(SCALES, SCALE_TIP, "scale")
        self.unit = _choice(UNITS, "unit of the scattering angle, here and under the pattern (U)", "unit")
        self._strip = QLabel()
        self._strip.setScaledContents(True)
        self._strip.setMinimumWidth(24)
        self._strip.setMaximumWidth(90)
        self.low, self.high = (_Limit(which) for which in ("lowest", "highest"))
        for limit in (self.low, self.high):
            limit.editingFinished.connect(self.changed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(LEFT_WIDTH + 4, 0, 8, 2)
        self._choices = (self.range, self.mode, self.scale, self.unit)
        for choice in self._choices:
            layout.addWidget(choice)
            choice.currentIndexChanged.connect(lambda _: self.changed.emit())
        layout.addStretch(1)
        for widget in (self.low, self._strip, self.high):
            layout.addWidget(widget)
        self._draw_strip(diverging=False)

    def take_over(self, before: "MapBar") -> None:
        """The choices of another bar, and the limits that were given by hand."""
        for old, new in zip(before._choices, self._choices, strict=True):
            new.setCurrentIndex(old.currentIndex())
        self.low.hold(before.low.given)
        self.high.hold(before.high.given)

    def next_mode(self) -> None:
        _advance(self.mode)

    def next_scale(self) -> None:
        if self.scale.isEnabled():
            _advance(self.scale)

    def next_unit(self) -> None:
        _advance(self.unit)

    def limited(self, levels: Levels) -> Levels:
        """These levels, but where the user gave a limit by hand."""
        low = levels.low if self.low.given is None else self.low.given
        high = levels.high if self.high.given is None else self.high.given
        return Levels(low, max(high, low + 1e-6))

    def show_levels(self, levels: Levels, *, diverging: bool) -> None:
        self.low.show_level(levels.low)
        self.high.show_level(levels.high)
        self.scale.setEnabled(not diverging)
        if diverging != self._diverging:
            self._draw_strip(diverging=diverging)

    def _draw_strip(self, *, diverging: bool) -> None:
        self._diverging = diverging
        colours = lookup_table(self._theme, diverging=diverging)[np.linspace(0, COLOURS - 1, 90).astype(int)]
        pixels = np.ascontiguousarray(np.broadcast_to(colours, (12, 90, 4)))
        image = QImage(pixels.tobytes(), 90, 12, 4 * 90, QImage.Format.Format_RGBA8888)
        self._strip.setPixmap(QPixmap.fromImage(image.copy()))
        self._strip.setAccessibleName("colour scale")
        self._strip.setToolTip("colours of the map; robust: the 1st to the 99.8th percentile")


class _Limit(QLineEdit):
    """One end of the colour scale. given: what the user wrote; None: it follows the data."""

    def __init__(self, which: str) -> None:
        super().__init__()
        self.given: float | None = None
        self.setMaximumWidth(self.fontMetrics().horizontalAdvance("-00000.0 "))
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("00000 "))
        self.setToolTip(f"{which} intensity of the colours; a number holds it, an empty field follows the data again")
        self.setAccessibleName(f"{which} intensity of the colours")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.returnPressed.connect(self._leave)
        self.textEdited.connect(self._take)

    def show_level(self, value: float) -> None:
        if not self.hasFocus():
            self.setText(level(value))

    def _take(self, text: str) -> None:
        try:
            given = float(text.replace(",", "."))
        except ValueError:
            given = math.nan
        self.hold(given if math.isfinite(given) else None)

    def hold(self, given: float | None) -> None:
        self.given = given
        font = self.font()
        font.setBold(self.given is not None)
        self.setFont(font)

    def _leave(self) -> None:
        """The keys belong to the window again."""
        window = self.window()
        if window is not None:
            window.setFocus()


def _advance(choice: QComboBox) -> None:
    choice.setCurrentIndex((choice.currentIndex() + 1) % choice.count())


def _choice(texts: tuple[str, ...], tip: str, name: str) -> QComboBox:
    choice = QComboBox()
    choice.addItems(texts)
    choice.setToolTip(tip)
    choice.setAccessibleName(name)
    # Where there is little room the views need it.
    choice.setMinimumContentsLength(3)
    choice.setMinimumWidth(LEAST_PX)
    choice.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return choice
