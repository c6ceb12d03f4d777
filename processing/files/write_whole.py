"""Files that are either written whole or not at all."""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from latticewatch.processing.errors import UserError


def write_whole(path: Path, content: bytes) -> None:
    """Replace the file by this content in one step. Raises UserError where it cannot be written."""
    replace_whole(path, lambda draft: draft.write_bytes(content))


@contextmanager
def _open_for_others(path: Path) -> Iterator[None]:
    """A pipe or a device; a pipe that nobody reads would block for ever. Raises OSError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(
            error.errno, "a pipe that nobody reads" if error.errno == errno.ENXIO else error.strerror
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def replace_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a draft beside the file, then put it in the file's place in one step.

    The draft has the file's suffix. A pipe or a device is written to as it is. Raises UserError where the
    file cannot be written; what was there before is then still there.
    """
    try:
        if path.exists() and not path.is_file():
            with _open_for_others(path):
                write(path)
        else:
            try:
                place = path.resolve()
            except RuntimeError as error:
                raise OSError(errno.ELOOP, "a link in circles") from error
            draft = place.with_name(f".{place.stem[:40]}-{secrets.token_hex(4)}{place.suffix}")
            try:
                draft.touch(exist_ok=False)
                write(draft)
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: cannot be written ({reason}); choose another file") from None
