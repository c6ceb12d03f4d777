"""A line of text that takes the room it gets and never widens the window; what does not fit is in its tool tip."""

from html import escape

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy, QWidget

# A name that is cut has at least this width.
LEAST_PX = 60


class ElidedLabel(QLabel):
    """Plain text of one or several lines; the middle of a line that is too long is left out: a file's number stays.

    ends: the end is left out instead.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None, *, ends: bool = False) -> None:
        super().__init__(parent)
        self._ends = ends
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, a0: str | None) -> None:
        super().setText(a0)
        # Qt would take a name with angle brackets for markup.
        self.setToolTip(escape(a0 or "").replace("\n", "<br>"))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def shown(self) -> str:
        """What is on the screen."""
        return "\n".join(self._cut(line) for line in self.text().split("\n"))

    def _cut(self, line: str) -> str:
        """A long name gives way to the words beside it, while that leaves something of it."""
        metrics, width, middle = self.fontMetrics(), self.contentsRect().width(), Qt.TextElideMode.ElideMiddle
        too_wide = metrics.horizontalAdvance(line) - width
        if too_wide <= 0:
            return line
        if self._ends:
            return metrics.elidedText(line, Qt.TextElideMode.ElideRight, width)
        longest = max(line.split(" "), key=metrics.horizontalAdvance)
        left = metrics.horizontalAdvance(longest) - too_wide
        if left > LEAST_PX:
            line = line.replace(longest, metrics.elidedText(longest, middle, left), 1)
        return metrics.elidedText(line, middle, width)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        del a0
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), self.alignment(), self.shown())
