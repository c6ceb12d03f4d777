"""One image of a scan read once more: to be looked at while the run continues."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import HDF5_SIGNATURE, read_start
from latticewatch.processing.flow.frame import Image, NoResult
from latticewatch.processing.flow.packed_images import PackingError
from latticewatch.processing.formats.decode import read_image
from latticewatch.processing.formats.image_file import ImageFile, Unreadable
from latticewatch.processing.sources.hdf5.stack import stack_image


def read_again(scan: Path, name: str) -> NDArray[Any]:
    """The image (rows, columns) of the frame of this name, as its row has it, in counts.

    scan: the scan's folder, or its HDF5 file. Raises UserError with the reason where it is not there any more or
    cannot be read.
    """
    file, _, number = name.rpartition("::")
    path = _found(scan if scan.is_dir() else scan.parent, file or name)
    try:
        content = _image_of(path, int(number) if file else 0)
        if isinstance(content, NoResult):
            raise UserError(f"{name}: {content.reason}; choose another frame")
        return np.asarray(content.counts)
    except (Unreadable, PackingError, OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be read again ({error}); choose another frame".replace("\n", " ")) from None


def _image_of(path: Path, number: int) -> ImageFile | Image | NoResult:
    if read_start(path, len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
        return stack_image(path, number)
    file = read_image(path)
    if number > len(file.more):
        raise Unreadable("no longer in the file")
    return (file, *file.more)[number]


def _found(folder: Path, name: str) -> Path:
    """The file of this name, or of the name that was percent-escaped to be printable."""
    escaped = folder / os.fsdecode(unquote_to_bytes(name))
    path = next((path for path in (folder / name, escaped) if path.is_file()), None)
    if path is None:
        raise UserError(f"{name}: is no longer in {folder.name}; its pattern is kept, its image is not")
    return path
