"""A picture of the window that says by itself what it shows."""

import itertools
import json
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_pictures_path
from PyQt6.QtCore import QBuffer, QCoreApplication, QIODevice, QRect, Qt
from PyQt6.QtGui import QColor, QFont, QImage, QPainter
from PyQt6.QtWidgets import QApplication, QWidget

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.record.run_file.names import numbered

MARGIN, LINE, LINES = 10, 20, 3


def shoot(window: QWidget, facts: Mapping[str, str], stem: Path | None) -> str:
    """Save a picture under a free name of this stem; one line of what became of it.

    Where nothing can be written there, or stem is None, it goes to the user's folder for pictures.
    """
    refusal = ""
    if stem is not None:
        try:
            return f"saved {_saved(window, facts, stem)}, and in the clipboard"
        except UserError as error:
            refusal = f" ({error})"
    own = user_pictures_path()
    try:
        own.mkdir(parents=True, exist_ok=True)
        saved = _saved(window, facts, own / (stem.name if stem else "latticewatch"))
    except (UserError, OSError) as error:
        return f"the picture cannot be saved: {error}{refusal}"
    return f"saved {saved}, and in the clipboard{refusal}"


def _saved(window: QWidget, facts: Mapping[str, str], stem: Path) -> Path:
    """The whole path of the picture that was saved under a free name of this stem. Raises UserError."""
    path = screenshot_path(stem.absolute())
    save_picture(window, facts, path)
    return path


def save_picture(window: QWidget, facts: Mapping[str, str], path: Path) -> None:
    """A picture of the window as PNG, its facts as JSON beside it, and the picture in the clipboard.

    Raises UserError where they cannot be written.
    """
    picture = picture_of_window(window, facts)
    write_whole(path, png_bytes(picture))
    beside = path.with_name(f"{path.name}.json")  # shot.png.json: a shot.json may be somebody's summary
    told = {key: picture.text(key) for key in picture.textKeys()}
    write_whole(beside, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setImage(picture)


def png_bytes(picture: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return bytes(buffer.data().data())


def picture_of_window(window: QWidget, facts: Mapping[str, str]) -> QImage:
    """The window and a caption with these facts; they are the picture's text too."""
    # Texts that were just set have not been given their room yet.
    QCoreApplication.sendPostedEvents()
    facts = {**facts, "Software": f"LatticeWatch {version('latticewatch')}"}
    picture = _captioned(window.grab().toImage(), facts)
    for key, value in facts.items():
        picture.setText(key, value)
    return picture


def screenshot_path(stem: Path) -> Path:
    base = stem.with_name(f"{stem.name}_{time.strftime('%Y%m%d-%H%M%S')}.png")
    return next(path for path in numbered(base) if not path.exists())


def _captioned(picture: QImage, facts: Mapping[str, str]) -> QImage:
    ratio = picture.devicePixelRatio()
    width, height = round(picture.width() / ratio), round(picture.height() / ratio)
    lines = ["   ·   ".join(f"{key}: {value}" for key, value in part) for part in _parts(facts)]
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


def _parts(facts: Mapping[str, str]) -> list[list[tuple[str, str]]]:
    """The facts in their order on ``LINES`` lines, about as long as each other."""
    items = list(facts.items())
    ends = list(itertools.accumulate(len(key) + len(value) for key, value in items))
    lines: list[list[tuple[str, str]]] = [[] for _ in range(LINES)]
    for item, end in zip(items, ends, strict=True):
        lines[min(LINES - 1, int((end - 1) / ends[-1] * LINES))].append(item)
    return [line for line in lines if line]
