"""Where the window was: kept as JSON in the user's own state folder, never handed around.

Not Qt's own settings file: reading one of those can run what is written in it.
"""

import json
import logging
from pathlib import Path

from platformdirs import user_state_path
from PyQt6.QtCore import QByteArray, QSize
from PyQt6.QtWidgets import QMainWindow, QWidget

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular_text
from latticewatch.processing.files.write_whole import write_whole

log = logging.getLogger(__name__)

LARGEST_BYTES = 100_000
# What a title bar and borders take, of most window managers.
FRAME = (16, 40)


def state_path() -> Path:
    return user_state_path("latticewatch", appauthor=False) / "window.json"


def fitting_size(wanted: tuple[int, int], screen: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a window that is to be ``wanted``, with its frame and title bar within the screen's room."""
    return min(wanted[0], screen[0] - FRAME[0]), min(wanted[1], screen[1] - FRAME[1])


def restore(window: QMainWindow, path: Path) -> bool:
    """Put the window where it was; False, and nothing done, where that is not known."""
    try:
        kept = json.loads(read_regular_text(path, LARGEST_BYTES))
        geometry, docks = (bytes.fromhex(kept[key]) for key in ("geometry", "docks"))
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return window.restoreGeometry(QByteArray(geometry)) and window.restoreState(QByteArray(docks))


def keep(window: QMainWindow, path: Path) -> None:
    """Remember where the window is; a folder that cannot be written is no reason to complain."""
    kept = {"geometry": bytes(window.saveGeometry().data()).hex(), "docks": bytes(window.saveState().data()).hex()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(kept).encode())
    except (OSError, UserError) as error:
        log.info("the window's place is not kept: %s", error)


def fitted_size(window: QWidget, width: int, height: int) -> QSize:
    """This size, or what the window's screen has room for: nothing of a window lies outside."""
    screen = window.screen()
    if screen is None:
        return QSize(width, height)
    room = screen.availableGeometry()
    return QSize(*fitting_size((width, height), (room.width(), room.height())))
