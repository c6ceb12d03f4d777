"""A mask as a file that this program, pyFAI and fabio read; an EDF says how it lies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import replace_whole
from latticewatch.processing.integration.geometry import AS_READ
from latticewatch.processing.integration.masks import DRAWN_ON, NONZERO


def _write_edf(draft: Path, values: NDArray[np.uint8]) -> None:
    from fabio.edfimage import EdfImage  # slow to load: not before a mask is written

    EdfImage(data=values, header={DRAWN_ON: str(AS_READ), NONZERO: "bad"}).write(str(draft))


def _write_tiff(draft: Path, values: NDArray[np.uint8]) -> None:
    from fabio.tifimage import TifImage  # slow to load: not before a mask is written

    TifImage(data=values).write(str(draft))


def _write_npy(draft: Path, values: NDArray[np.uint8]) -> None:
    np.save(draft, values)


WRITERS: dict[str, Callable[[Path, NDArray[np.uint8]], None]] = {
    ".edf": _write_edf,
    ".npy": _write_npy,
    ".tif": _write_tiff,
}


def write_mask(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a mask (rows, columns; True is left out) that was drawn on images as they are read: 1 where it is True.

    Raises UserError for another ending, a file that is there already, and a mask that leaves nothing.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        raise UserError(f"{path}: masks are written as {', '.join(WRITERS)}; choose one of these endings")
    if path.exists():
        raise UserError(f"{path}: is there already, and is kept; choose another name")
    if mask.all():
        raise UserError(f"{path}: not written: the mask leaves no pixel; unmask some, or invert it")
    replace_whole(path, lambda draft: write(draft, mask.astype(np.uint8)))


def free_mask_name(folder: Path, stem: str = "mask") -> Path:
    """``mask.edf`` in this folder, or the next one that is not there yet."""
    for number in range(1, 1000):
        candidate = folder / f"{stem}{'' if number == 1 else f'_{number}'}.edf"
        if not candidate.exists():
            return candidate
    raise UserError(f"{folder}: a thousand masks lie there; choose another folder")
