"""A file that a user names: nothing but a regular file of sane size is read, and nothing can block."""

import io
import os
import stat
from pathlib import Path


class NotRegularError(OSError):
    """A folder, a pipe, a device or the like; ``strerror`` says so."""


class TooLargeError(OSError):
    """Larger than any file of its kind."""


def open_regular(path: Path) -> io.BufferedReader:
    """The file, open for reading. Raises NotRegularError, or OSError with the system's reason; links are followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise NotRegularError(0, "not a path") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(0, "not a file")
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, most_bytes: int) -> bytes:
    """All its bytes. Raises TooLargeError, and as ``open_regular`` does."""
    with open_regular(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise TooLargeError(0, "too large")
    return data


def read_start(path: Path, size: int) -> bytes:
    """Its first bytes, at most so many. Raises as ``open_regular`` does."""
    with open_regular(path) as file:
        return file.read(size)


def read_regular_text(path: Path, most_bytes: int, errors: str = "strict") -> str:
    """The same as UTF-8 text with lines that end in a line feed. Raises UnicodeDecodeError too."""
    return read_regular(path, most_bytes).decode("utf-8", errors).replace("\r\n", "\n").replace("\r", "\n")
