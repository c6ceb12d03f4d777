"""Files that are either written whole or not at all."""

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import is_image
from latticewatch.processing.files.regular_file import HDF5_SIGNATURE, read_start

INPUTS = (".poni", ".cif", ".toml", ".mask", ".msk", ".npy", ".npz")


def _never(_: Path) -> bool:
    return False


def write_whole(path: Path, content: bytes, may_replace: Callable[[Path], bool] = _never) -> None:
    """Replace the file by this content in one step. Raises UserError as ``replace_whole`` does."""
    replace_whole(path, lambda draft: draft.write_bytes(content), may_replace)


def refuse_inputs(target: Path, inputs: Iterable[Path | None]) -> None:
    """Raises UserError where the file that is to be written is one of those that a run is made with."""
    place = os.path.realpath(target)
    if any(path is not None and os.path.realpath(path) == place for path in inputs):
        raise UserError(f"{target}: is what the run is made with, and is kept; choose another file")


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


def replace_whole(path: Path, write: Callable[[Path], object], may_replace: Callable[[Path], bool] = _never) -> None:
    """Let ``write`` fill a draft beside the file, then put it in the file's place in one step.

    The draft has the file's suffix. A pipe or a device is written to as it is. may_replace: whether a file of a kind
    that is kept was written by this export before. Raises UserError where the file cannot be written, and where a run,
    an image or what runs are made with (INPUTS) is there; what was there before is then still there.
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
            _check_no_measurement(place, path, may_replace)
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


def _check_no_measurement(place: Path, path: Path, may_replace: Callable[[Path], bool]) -> None:
    """Raises UserError where a file is there that cannot be computed again."""
    if not place.exists():
        return
    is_of_run = is_image(place.name) or place.suffix.lower() in INPUTS
    is_of_run = is_of_run or read_start(place, len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
    if is_of_run and not may_replace(place):
        raise UserError(f"{path}: holds a run, images or what a run was made with, and is kept; choose another file")
