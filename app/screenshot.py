"""A picture of the window that says by itself what it shows."""

from importlib.metadata import version
from pathlib import Path

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QColor, QFont, QImage, QPainter
from PyQt6.QtWidgets import QWidget

from latticewatch.processing.errors import UserError

MARGIN, LINE = 10, 20


def save_screenshot(window: QWidget, path: Path, facts: dict[str, str]) -> None:
    """Write the window and a caption with these facts as a PNG; the facts are its text chunks too.

    Raises UserError where the file cannot be written.
    """
    facts = {**facts, "Software": f"LatticeWatch {version('latticewatch')}"}
    picture = _captioned(window.grab().toImage(), facts)
    for key, value in facts.items():
        picture.setText(key, value)
    if not picture.save(str(path), "PNG"):
        raise UserError(f"{path}: the screenshot cannot be written; check the folder and the space left")


def _captioned(picture: QImage, facts: dict[str, str]) -> QImage:
    ratio = picture.devicePixelRatio()
    width, height = round(picture.width() / ratio), round(picture.height() / ratio)
    lines = ["   ·   ".join(f"{key}: {value}" for key, value in part) for part in _halves(facts)]
    whole = QImage(
        picture.width(), picture.height() + round(ratio * (2 * MARGIN + LINE * len(lines))), QImage.Format.Format_RGB32
    )
    whole.setDevicePixelRatio(ratio)
    whole.fill(QColor("#ffffff"))
    painter = QPainter(whole)
    painter.drawImage(0, 0, picture)
    painter.setPen(QColor("#16191d"))
    painter.setFont(QFont(painter.font().family(), 10))
    for number, line in enumerate(lines):
        box = QRect(MARGIN, height + MARGIN + LINE * number, width - 2 * MARGIN, LINE)
        text = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    return whole


def _halves(facts: dict[str, str]) -> list[list[tuple[str, str]]]:
    items = list(facts.items())
    middle = (len(items) + 1) // 2
    return [items[:middle], items[middle:]]
