"""The logbook by a key: the operator's words, the window as it is, and what the run came to; posted in a thread."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from PyQt6.QtCore import QBuffer, QObject, pyqtSignal
from PyQt6.QtWidgets import QWidget

from latticewatch.app.window.screenshot import picture_of_window
from latticewatch.processing.errors import UserError

log = logging.getLogger(__name__)

QUESTION = "to the logbook:"
HINT = "your own words, above the summary (Enter posts, Esc cancels)"


class LogbookKey(QObject):
    """Asks for the words and posts; the window stays in use, and the entry is on the disk before it is sent.

    run_file: the one to post, None where nothing is recorded. facts: what the window shows, in words. ask_words: asks
    the operator, given the question and a hint. say: shows one line. said: one line of what became of an entry.
    not_kept: the words of an entry that is neither posted nor on the disk, and why.
    """

    said = pyqtSignal(str)
    not_kept = pyqtSignal(str, str)

    def __init__(
        self,
        window: QWidget,
        run_file: Callable[[], Path | None],
        facts: Callable[[], Mapping[str, str]],
        ask_words: Callable[[str, str], object],
        say: Callable[[str], object],
    ) -> None:
        super().__init__(window)
        self._window, self._run_file, self._facts = window, run_file, facts
        self._ask_words, self._say = ask_words, say
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Ask for the operator's words, where there is a run file to post."""
        if self._run_file() is None:
            self._say("nothing to post: this run is not recorded")
        elif self.busy():
            self._say("an entry is being posted; wait for its result")
        else:
            self._ask_words(QUESTION, HINT)

    def post(self, text: str) -> None:
        path = self._run_file()
        if path is None or self.busy():
            return
        buffer = QBuffer()
        picture_of_window(self._window, self._facts()).save(buffer, "PNG")
        picture = bytes(buffer.data().data())
        self._say("posting to the logbook …")
        self._thread = threading.Thread(target=self._post, args=(path, text, picture), name="logbook")
        self._thread.start()

    def busy(self) -> bool:
        """True while an entry is on its way."""
        return self._thread is not None and self._thread.is_alive()

    def end(self) -> None:
        """Wait for the entry that is on its way: its servers have time limits of their own."""
        if self._thread is not None:
            self._thread.join()

    def _post(self, path: Path, text: str, picture: bytes) -> None:
        from latticewatch.app.logbook.session import NotKeptError, post_run  # slow to load: requests, passlib

        try:
            for line in post_run(path, None, None, text, lambda _: picture):
                log.info("logbook: %s", line)
                self.said.emit(line)
        except NotKeptError as error:
            log.warning("logbook: %s", error)
            self.not_kept.emit(text, str(error))
        except UserError as error:
            log.warning("logbook: %s", error)
            self.said.emit(str(error))
        except Exception as error:
            log.exception("the entry could not be posted")
            self.not_kept.emit(text, f"internal error ({type(error).__name__}); the log has details")
