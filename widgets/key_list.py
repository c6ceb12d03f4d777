"""F1: every key and what it does, by menu."""

from collections.abc import Iterable
from itertools import groupby

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

COLUMNS = 2


class KeyList(QDialog):
    """A list made from the window's own actions, so that it cannot be out of date. Their data name their menu."""

    def __init__(self, parent: QWidget, actions: Iterable[QAction]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        shown = [action for action in actions if action.shortcuts()]
        menus = [(str(menu), list(some)) for menu, some in groupby(shown, lambda action: action.data())]
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        heights = [0] * COLUMNS
        for menu, some in menus:
            lowest = heights.index(min(heights))
            heights[lowest] += len(some) + 1
            columns[lowest].addWidget(_bold(menu))
            columns[lowest].addLayout(_grid(some))
            columns[lowest].addSpacing(8)
        across = QHBoxLayout()
        across.setSpacing(28)
        for column in columns:
            column.addStretch(1)
            across.addLayout(column)
        mouse = QLabel(
            "Mouse: click in map or trace shows that frame; the right button opens a menu; drag moves, wheel zooms, "
            "wheel over an axis zooms that axis, Shift and a drag zoom to a rectangle; a double click or F shows "
            "everything."
        )
        mouse.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addLayout(across)
        layout.addWidget(mouse)
        layout.addWidget(buttons)


def _grid(actions: Iterable[QAction]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(18)
    grid.setVerticalSpacing(3)
    for line, action in enumerate(actions):
        keys = (key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())
        grid.addWidget(QLabel(", ".join(keys)), line, 0)
        grid.addWidget(QLabel(action.text()), line, 1)
    grid.setColumnMinimumWidth(0, 110)
    grid.setColumnStretch(1, 1)
    return grid


def _bold(text: str) -> QLabel:
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label
