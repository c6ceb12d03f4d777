"""HDF5 files of unknown origin: what is checked before anything is read.

HDF5 follows links, virtual datasets and external storage into any file it can open, has no switch against it, and
declares sizes that it does not hold. ``open_shared`` and ``refusal`` are for all files; the others are for run files:
only the paths that a run file has are touched, and nothing leads out of the file.
"""

import contextlib
import logging
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import h5py

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import NotRegularError, check_regular

log = logging.getLogger(__name__)

LARGEST_ROWS = 10_000_000
LARGEST_BINS = 200_000
LARGEST_RATIO = 1000
SLACK_BYTES = 1 << 22
LARGEST_TEXT_BYTES = 1 << 28
KNOWN_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF}
# What h5py raises, now this, now that, on files whose tables do not hold together.
DAMAGE = (OSError, KeyError, IndexError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError)


def open_shared(path: Path) -> Any:
    """The file, open for reading without a lock, so that a writer is never stopped; as a SWMR reader where the writer
    is one. Raises NotRegularError, OSError."""
    check_regular(path)
    try:
        return h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        try:
            return h5py.File(path, "r", locking=False, swmr=True, libver="latest")
        except RuntimeError:  # what h5py raises of a damaged superblock
            raise error from None


def refusal(dataset: Any, filters: Set[int]) -> str:
    """Why this dataset must not be read: kept outside its file, or packed by none of these filters; else empty."""
    if dataset.external:
        return "lies in external storage, which is not read"
    properties = dataset.id.get_create_plist()
    if any(properties.get_filter(number)[0] not in filters for number in range(properties.get_nfilters())):
        return "is packed with a filter that is not known; unpack it with h5repack"
    return ""


@contextlib.contextmanager
def damage_said(where: str) -> Iterator[None]:
    """Turns what h5py raises on a damaged file into a UserError that names ``where``."""
    try:
        yield
    except DAMAGE as error:
        log.debug("%s: damaged", where, exc_info=True)
        detail = " ".join(str(error).split())[:120]
        raise UserError(f"{where}: the file is damaged ({detail}); give an intact run file") from None


def open_hdf5(path: Path) -> Any:
    """The run file, open for reading. Raises UserError."""
    try:
        return open_shared(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such run file; check its name") from None
    except NotRegularError as error:
        raise UserError(f"{path}: {error.strerror}; give a run file of latticewatch") from None
    except OSError as error:
        reason = "cannot be read" if isinstance(error, PermissionError) else "not an HDF5 file, or a damaged one"
        raise UserError(f"{path}: {reason}; give a run file of latticewatch") from None


def child(group: Any, path: str, where: str) -> Any:
    """What lies at this path below the group, reached by hard links only. Raises UserError."""
    for name in path.split("/"):
        if not isinstance(group, h5py.Group) or name not in group:
            raise UserError(f"{where}: not a run file of latticewatch ({path} is missing); give a run file")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise UserError(f"{where}: {path} is a link to elsewhere, which is not followed; give the file itself")
        group = group[name]
    return group


def dataset(group: Any, path: str, where: str) -> Any:
    """The dataset at this path, checked to lie in this file whole and to be as large as it says.

    Raises UserError for external storage, virtual datasets, unknown filters and impossible sizes.
    """
    found = child(group, path, where)
    if not isinstance(found, h5py.Dataset):
        raise UserError(f"{where}: {path} is not a dataset; give a run file of latticewatch")
    if found.is_virtual:
        raise UserError(f"{where}: {path} takes its data from other datasets, which is not followed; copy the data")
    if reason := refusal(found, KNOWN_FILTERS):
        raise UserError(f"{where}: {path} {reason}")
    if found.shape is None or found.nbytes > LARGEST_RATIO * found.id.get_storage_size() + SLACK_BYTES:
        raise UserError(f"{where}: {path} is declared larger than the data it holds; give an intact run file")
    return found


def numbers(group: Any, path: str, where: str, count: int | None = None) -> Any:
    """The numbers of a one-dimensional dataset, (count,) float64 or int64. Raises UserError."""
    found = dataset(group, path, where)
    if found.ndim != 1 or found.dtype.kind not in "iufb" or len(found) > LARGEST_ROWS:
        raise UserError(f"{where}: {path} is not a column of numbers; give an intact run file")
    values = found[: len(found) if count is None else count]
    return values.astype("f8" if found.dtype.kind == "f" else "i8")


def text(group: Any, path: str, where: str) -> str:
    """The text of a scalar dataset. Raises UserError."""
    found = dataset(group, path, where)
    if h5py.check_string_dtype(found.dtype) is None or found.shape != ():
        raise UserError(f"{where}: {path} is not a text; give an intact run file")
    return str(found.asstr()[()])


def texts(group: Any, path: str, where: str, count: int | None = None) -> list[str]:
    """The texts of a one-dimensional dataset, read so that they cannot fill the memory. Raises UserError."""
    found = dataset(group, path, where)
    if found.ndim != 1 or h5py.check_string_dtype(found.dtype) is None or len(found) > LARGEST_ROWS:
        raise UserError(f"{where}: {path} is not a column of text; give an intact run file")
    longest = max(1, found.file.id.get_filesize())
    # A text cannot be longer than the file, but each of a million can point to the same long one.
    step = int(min(1024, max(16, LARGEST_TEXT_BYTES // longest)))
    values: list[str] = []
    total = 0
    end = len(found) if count is None else count
    for start in range(0, end, step):
        block = [str(value) for value in found.asstr()[start : min(end, start + step)]]
        total += sum(map(len, block))
        if total > LARGEST_TEXT_BYTES:
            raise UserError(f"{where}: {path} holds more text than any run; give an intact run file")
        values += block
    return values


def run_id_of(path: Path) -> str | None:
    """What ties this run file to its journal, None where it cannot be read or is no run of ours."""
    try:
        with open_hdf5(path) as file, damage_said(str(path)):
            return text(file, "entry/latticewatch/run_id", str(path))
    except UserError:
        return None
