"""The numbers of one frame over the trace: a column for each component, in its colour, that keeps its width."""

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QColor, QFont, QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QWidget

from latticewatch.widgets.axes import LEFT_WIDTH

WIDEST = " 00.00000 ± 0.00000 Å "
A_LINE = 3


class NumberTable(QWidget):
    """Which frame it is, then of each component its name and number, below it a second one; the mean comes last."""

    def __init__(self, names: Sequence[str], colours: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)
        self._title = _label(None)
        self._cells = [(_label(colour), _label(colour)) for colour in colours]
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(4, 2, 8, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(0)
        self._grid.addWidget(self._title, 0, 0)
        self._a_line = 0
        self._size_columns()
        self._arrange(A_LINE)
        self.setAccessibleName("numbers of the shown frame")

    def set_font(self, font: QFont) -> None:
        for label in (self._title, *(label for pair in self._cells for label in pair)):
            label.setFont(font)
        self._size_columns()

    def minimumSizeHint(self) -> QSize:
        """Room for one number in a line: what is narrower would cut it, and half a number is another number."""
        return QSize(self._title_px + self._cell_px + 40, super().minimumSizeHint().height())

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self._arrange(max(1, (self.width() - self._title_px - 24) // (self._cell_px + 10)))

    def _size_columns(self) -> None:
        """As wide as the widest number that can come: what changes with each frame must not move."""
        metrics = self._title.fontMetrics()
        self._title_px = max(LEFT_WIDTH, metrics.horizontalAdvance("frame 00000"))
        longest = max(self._names, key=metrics.horizontalAdvance)
        self._cell_px = metrics.horizontalAdvance(longest + WIDEST)
        self._grid.setColumnMinimumWidth(0, self._title_px)
        for column in range(1, self._grid.columnCount()):
            self._grid.setColumnMinimumWidth(column, self._cell_px if column <= self._a_line else 0)

    def _arrange(self, a_line: int) -> None:
        """This number of columns, but not more than there are, nor than are easily read."""
        a_line = min(a_line, A_LINE, len(self._cells))
        if a_line == self._a_line:
            return
        self._a_line = a_line
        few_lines = len(self._cells) <= 2 * a_line  # where there is no room, the lattice parameters come first
        for number, (upper, lower) in enumerate(self._cells):
            line, column = divmod(number, a_line)
            self._grid.addWidget(upper, 2 * line, column + 1)
            self._grid.addWidget(lower, 2 * line + 1, column + 1)
            lower.setVisible(few_lines)  # after it has a parent: without one it would be a window of its own
        for column in range(1, A_LINE + 2):
            self._grid.setColumnMinimumWidth(column, self._cell_px if column <= a_line else 0)
            self._grid.setColumnStretch(column, int(column == a_line + 1))

    def show_numbers(self, title: str, numbers: Sequence[tuple[str, str]]) -> None:
        self._title.setText(title)
        for name, (upper, lower), (first, second) in zip(self._names, self._cells, numbers, strict=False):
            upper.setText(f"{name} {first}")
            lower.setText(second)

    def text(self) -> str:
        """All that is shown, for a reader and for tests."""
        cells = (f"{upper.text()} {lower.text()}".strip() for upper, lower in self._cells)
        return " | ".join((self._title.text(), *cells))


def _label(colour: str | None) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    if colour is not None:
        palette = label.palette()
        palette.setColor(palette.ColorRole.WindowText, QColor(colour))
        label.setPalette(palette)
    return label
