"""The one door for files: nothing but a regular file of sane size is read, and nothing can block.

Every file that a user names, or that lies where others may write, is opened here; a test holds that no module opens
files otherwise.
"""

import codecs
import contextlib
import errno
import io
import os
import stat
from pathlib import Path

KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
NOT_OPENED = {errno.ELOOP: "a link", errno.ENXIO: "a pipe or device"}


class NotRegularError(OSError):
    """A folder, a pipe, a device or the like; ``strerror`` says which."""


class TooLargeError(OSError):
    """Larger than any file of its kind."""


def what_it_is(mode: int) -> str:
    """``a pipe``, ``a link``, ...: what this is when it is not a regular file; empty when it is one."""
    return "" if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "a device")


def open_descriptor(path: Path, *, follow_links: bool = True) -> int:
    """A descriptor of the file, open for reading.

    Raises NotRegularError, also for a link that is not followed, or OSError with the system's reason.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    except ValueError as error:
        raise NotRegularError(0, "not a path") from error
    except OSError as error:
        if error.errno in NOT_OPENED and not (follow_links and error.errno == errno.ELOOP):
            raise NotRegularError(0, f"{NOT_OPENED[error.errno]}, not a file") from None
        raise
    try:
        kind = what_it_is(os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    if kind:
        os.close(descriptor)
        raise NotRegularError(0, f"{kind}, not a file")
    return descriptor


def check_regular(path: Path) -> None:
    """For what a library opens by its name afterwards. Raises as ``open_descriptor`` does."""
    descriptor = open_descriptor(path)
    with contextlib.suppress(OSError):  # nothing was written
        os.close(descriptor)


def open_regular(path: Path) -> io.BufferedReader:
    """The file, open for reading. Raises NotRegularError, or OSError with the system's reason; links are followed."""
    return os.fdopen(open_descriptor(path), "rb")


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
    """The same as text, see ``text_of``. Raises UnicodeDecodeError too."""
    return text_of(read_regular(path, most_bytes), errors)


def text_of(raw: bytes, errors: str = "strict") -> str:
    """These bytes as text with lines that end in a line feed: UTF-8, or UTF-16 where its byte order mark says so.

    Editors on Windows begin files with a mark, which is no part of the text. Raises UnicodeDecodeError.
    """
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return raw.decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")
