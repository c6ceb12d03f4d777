"""Standard output and standard error: whoever listens can never stop or spoil a run."""

import logging
import os
import sys
from typing import TextIO

log = logging.getLogger(__name__)


def secure_outputs() -> None:
    """To be called before any file is opened.

    A closed descriptor would be given to the next file, the run file for one, and what is written to standard output
    would end up in it. A letter that an output cannot take is escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def write_line(text: str, stream: TextIO | None = None) -> None:
    """One line on standard output, or on this stream, at once.

    Where it cannot be written, because the reader is gone or the disk is full, this is logged and the stream leads
    nowhere from now on.
    """
    stream = stream or sys.stdout
    try:
        stream.write(text + "\n")
        stream.flush()
    except (OSError, ValueError) as error:
        _lead_nowhere(stream)
        reason = getattr(error, "strerror", None) or error
        name = "standard error" if stream is sys.stderr else "standard output"
        log.warning("%s can no longer be written (%s); the run continues", name, reason)


def flush_outputs() -> None:
    """What others wrote and nobody takes (a warning, on a full disk) must not become the status of the process."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _lead_nowhere(stream)


def _lead_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
