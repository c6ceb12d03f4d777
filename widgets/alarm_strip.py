"""The alarms that stand, in a strip of their own until somebody has seen them."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from latticewatch.widgets.banner import StateShape, fitting
from latticewatch.widgets.elided import ElidedLabel
from latticewatch.widgets.theme import Theme


class AlarmStrip(QWidget):
    """One line: what rang and since when, and the button that says it was seen; not there while no alarm stands."""

    seen = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._urgent: bool | None = None
        self._shape, self._word, self._text = StateShape(theme), QLabel("ALARM"), _Alarms()
        self._shape.setFixedSize(22, 22)
        self._shape.show_kind("error")
        self.button = QPushButton("Seen (A)")
        self.button.setToolTip("the alarms are known; each rings again only when its cause was away")
        self.button.clicked.connect(self.seen)
        font = self._word.font()
        font.setBold(True)
        self._word.setFont(font)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 2, 8, 2)
        layout.setSpacing(10)
        for widget in (self._shape, self._word, self._text, self.button):
            layout.addWidget(widget, 1 if widget is self._text else 0)
        self.setAutoFillBackground(True)
        self.hide()

    def show_alarms(self, words: str, *, urgent: bool) -> None:
        """The alarms in words, between dots; empty: none. urgent: something is wrong now."""
        self._text.setText(words)
        self.setVisible(bool(words))
        self.setAccessibleName(f"ALARM: {words}")
        if urgent != self._urgent:
            self._urgent = urgent
            ground, ink = self._theme.states["error" if urgent else "paused"]
            self._shape.show_kind("error" if urgent else "silent")
            palette = self.palette()
            palette.setColor(palette.ColorRole.Window, QColor(ground))
            palette.setColor(palette.ColorRole.WindowText, QColor(ink))
            self.setPalette(palette)

    def words(self) -> str:
        return self._text.text()

    def set_scale(self, scale: float) -> None:
        """Size of the type; 1 in the window, more on the wall."""
        for label in (self._word, self._text):
            font = label.font()
            font.setPointSizeF(scale * self.font().pointSizeF())
            label.setFont(font)
        self._shape.setFixedSize(round(22 * scale), round(22 * scale))


class _Alarms(ElidedLabel):
    """Cut between two alarms, not within one."""

    def shown(self) -> str:
        return fitting(self.text(), self.fontMetrics(), self.contentsRect().width())
