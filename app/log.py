"""The log file: what the program did and why, and the traceback of an internal error."""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from platformdirs import user_log_path

from latticewatch.app.output import write_line
from latticewatch.processing.files.regular_file import check_regular
from latticewatch.processing.text import printable

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Each message in one line without control characters: names of files are in it. A traceback stays as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))


class LogFile(RotatingFileHandler):
    """A log file that takes no more, on a full disk for one, is said once on stderr and stops nothing."""

    is_said = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Instead of a traceback on stderr for each message."""
        del record
        if not self.is_said:
            self.is_said = True
            error = sys.exception()
            reason = getattr(error, "strerror", None) or error
            write_line(f"{self.baseFilename}: the log file cannot be written ({reason}); the run continues", sys.stderr)


def log_path() -> Path:
    return user_log_path("latticewatch", appauthor=False) / "latticewatch.log"


def start_logging(*, verbose: bool) -> None:
    """Log to the file; to stderr only our own lines: what is worth knowing, and with ``verbose`` all of it."""
    ours = logging.getLogger("latticewatch")
    ours.setLevel(logging.DEBUG if verbose else logging.INFO)
    if logging.getLogger().handlers:
        return
    screen = logging.StreamHandler(sys.stderr)
    screen.setFormatter(OneLine("%(message)s"))
    screen.setLevel(logging.DEBUG if verbose else logging.INFO)
    screen.addFilter(lambda record: record.exc_info is None)
    ours.addHandler(screen)
    logging.getLogger().addHandler(_file_handler())


def _file_handler() -> logging.Handler:
    try:
        log_path().parent.mkdir(parents=True, exist_ok=True)
        if log_path().exists():
            check_regular(log_path())
        handler: logging.Handler = LogFile(log_path(), maxBytes=2_000_000, backupCount=3, delay=True)
    except OSError:
        return logging.NullHandler()
    handler.setFormatter(OneLine(FORMAT))
    return handler
