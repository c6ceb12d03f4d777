"""Files that are saved from the window, in a thread: a disk that does not answer must not hold it up."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from latticewatch.processing.errors import UserError
from latticewatch.processing.text import one_line

log = logging.getLogger(__name__)


class Saver(QObject):
    """Saves one file at a time: another is refused until it is saved. said: one line of what became of each."""

    said = pyqtSignal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None

    def save(self, path: Path, write: Callable[[Path], object]) -> None:
        """Call ``write`` with this path, which may raise UserError."""
        if self._thread is not None and self._thread.is_alive():
            self.said.emit("another file is being saved; wait for it")
            return
        self._thread = threading.Thread(target=self._run, args=(path, write), name="saving")
        self._thread.start()

    def end(self) -> None:
        """Wait for the file that is being saved."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, path: Path, write: Callable[[Path], object]) -> None:
        try:
            write(path)
        except (UserError, OSError) as error:
            self.said.emit(f"not saved: {error}")
        except Exception as error:  # whatever it is: it is said
            log.exception("%s could not be saved", path)
            told = one_line(f"internal error ({type(error).__name__}: {error}); the log has details")
            self.said.emit(f"not saved: {told}")
        else:
            self.said.emit(f"saved {path}")
