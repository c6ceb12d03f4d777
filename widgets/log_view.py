"""What the program did and why, newest at the foot."""

from collections.abc import Sequence

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QPlainTextEdit

from latticewatch.widgets.theme import mono

MOST_LINES = 2000


class LogView(QPlainTextEdit):
    """A window on the last lines of the log. Plain text: a file's name is never taken for markup."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setMaximumBlockCount(MOST_LINES)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(mono(self))
        self.setAccessibleName("log")

    def sizeHint(self) -> QSize:
        return QSize(400, 110)

    def add_lines(self, lines: Sequence[str]) -> None:
        if lines:
            self.appendPlainText("\n".join(lines))
