"""Paths that are offered in a box, and paths that are dropped onto a window."""

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget


def files_box(tip: str) -> QComboBox:
    box = QComboBox()
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def path_in(box: QComboBox) -> Path | None:
    data = box.currentData()
    return data if isinstance(data, Path) else None


def _short(path: Path) -> str:
    """The end of a path, which tells more than its beginning; the tooltip has it all."""
    return str(path) if len(path.parts) <= 3 else str(Path("…", *path.parts[-2:]))


def put_first(box: QComboBox, paths: list[Path]) -> None:
    """Offer these before what is there, and choose the first of them."""
    for path in reversed(paths):
        for number in range(box.count()):
            if box.itemData(number) == path:
                box.removeItem(number)
                break
        box.insertItem(0, _short(path), path)
        box.setItemData(0, str(path), Qt.ItemDataRole.ToolTipRole)
    if paths:
        box.setCurrentIndex(0)


def append(box: QComboBox, paths: list[Path]) -> None:
    there = [box.itemData(number) for number in range(box.count())]
    for path in paths:
        if path not in there:
            box.addItem(_short(path), path)
            box.setItemData(box.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)


def dropped_on(event: QDropEvent) -> list[Path]:
    data = event.mimeData()
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()] if data is not None else []


def with_buttons(box: QComboBox, ask: Callable[[], None], *more: QWidget) -> QWidget:
    """The box with a button that asks for a file, and what else belongs beside it."""
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(box, 1)
    button = QPushButton("…")
    button.setAccessibleName("browse")
    button.setFixedWidth(32)
    button.clicked.connect(lambda _: ask())
    for each in (button, *more):
        layout.addWidget(each)
    return holder
