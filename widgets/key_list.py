"""F1: every key and what it does."""

from collections.abc import Iterable

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

COLUMNS = 2


class KeyList(QDialog):
    """A list made from the window's own actions, so that it cannot be out of date."""

    def __init__(self, parent: QWidget, actions: Iterable[QAction]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        shown = [action for action in actions if action.shortcuts()]
        half = -(-len(shown) // COLUMNS)
        for number, action in enumerate(shown):
            column, line = divmod(number, half)
            keys = (key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())
            grid.addWidget(_bold(", ".join(keys)), line, 2 * column)
            grid.addWidget(QLabel(action.text()), line, 2 * column + 1)
        mouse = QLabel(
            "Mouse: click in map or trace shows that frame; drag moves, wheel zooms, "
            "wheel over an axis zooms that axis; drag with the right button stretches."
        )
        mouse.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addLayout(grid)
        layout.addSpacing(8)
        layout.addWidget(mouse)
        layout.addWidget(buttons)


def _bold(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label
