"""Standard output and standard error: whoever listens can never stop, delay or spoil a run."""

import contextlib
import io
import logging
import os
import select
import stat
import sys
import threading
from typing import Any, TextIO

log = logging.getLogger(__name__)

MOST_KEPT = 64_000_000
"""Bytes for a reader that takes nothing: some 100 000 frames as JSON."""


class PatientOutput(io.RawIOBase):
    """An output that neither fails nor blocks.

    What its reader does not take now (a pager that waits for a key, a terminal stopped by Ctrl-S) is kept and written
    later. Where the output cannot be written, because the reader is gone or the disk is full, this is logged, and it
    leads nowhere from then on.
    """

    def __init__(self, number: int, name: str) -> None:
        super().__init__()
        self._number, self._name = number, name
        self._place = _opened_without_blocking(number)
        self._kept = bytearray()
        self._leads_nowhere = False
        self._lock = threading.RLock()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, content: Any, /) -> int:
        with self._lock:
            if not self._leads_nowhere:
                self._kept += content
                self._pass_on(wait_ms=0)
                if len(self._kept) > MOST_KEPT:
                    self._lead_nowhere("nobody reads it")
        return len(memoryview(content))

    def finish(self) -> None:
        """Wait until the reader has taken all that was kept."""
        with self._lock:
            self._pass_on(wait_ms=None)

    def _pass_on(self, wait_ms: int | None) -> None:
        watched = select.poll()
        watched.register(self._place, select.POLLOUT)
        while self._kept and watched.poll(wait_ms):
            try:
                del self._kept[: os.write(self._place, self._kept[: select.PIPE_BUF])]
            except BlockingIOError:
                if wait_ms == 0:
                    return
            except OSError as error:
                self._lead_nowhere(error.strerror or str(error))

    def _lead_nowhere(self, reason: str) -> None:
        self._leads_nowhere = True
        self._kept.clear()
        log.warning("%s can no longer be written (%s): nothing more is written to it", self._name, reason)


def _opened_without_blocking(number: int) -> int:
    """A pipe or a terminal once more, so that it does not become one that never blocks for other processes as well."""
    kind = os.fstat(number).st_mode
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        with contextlib.suppress(OSError):
            return os.open(f"/dev/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return number


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
    sys.stdout = _patient(1, "standard output", sys.stdout)
    sys.stderr = _patient(2, "standard error", sys.stderr)


def _patient(number: int, name: str, before: TextIO | None) -> TextIO:
    encoding = before.encoding if before else "utf-8"
    output: Any = PatientOutput(number, name)
    return io.TextIOWrapper(output, encoding, "backslashreplace", write_through=True)


def write_line(text: str, stream: TextIO | None = None) -> None:
    """One line on standard output, or on this stream, at once; a stream that fails stops nothing."""
    stream = stream or sys.stdout
    with contextlib.suppress(OSError, ValueError):
        stream.write(text + "\n")
        stream.flush()


def flush_outputs() -> None:
    """At the end: until the readers have taken everything."""
    for stream in (sys.stdout, sys.stderr):
        output = getattr(stream, "buffer", None)
        if isinstance(output, PatientOutput):
            output.finish()
