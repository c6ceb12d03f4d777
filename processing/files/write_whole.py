"""Files that are either written whole or not at all."""

import errno
import secrets
from collections.abc import Callable
from pathlib import Path

from latticewatch.processing.errors import UserError


def write_whole(path: Path, content: bytes) -> None:
    """Replace the file by this content in one step. Raises UserError where it cannot be written."""

    def write(draft: Path) -> None:
        draft.write_bytes(content)

    replace_whole(path, write)


def replace_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a draft beside the file, then put it in the file's place in one step.

    The draft has the file's suffix. A pipe or a device is written to as it is. Raises UserError where the
    file cannot be written; what was there before is then still there.
    """
    try:
        if path.exists() and not path.is_file():
            write(path)
        else:
            _replace(_resolved(path), write)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path}: cannot be written ({reason}); choose another file") from None


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:
        raise OSError(errno.ELOOP, "a link in circles") from error


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    draft = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}{path.suffix}")
    try:
        draft.touch(exist_ok=False)
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
