"""Mask, dark and flat images: read from a file and checked against the detector's shape."""

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import open_regular, read_regular
from latticewatch.processing.formats.decode import decode
from latticewatch.processing.formats.image_file import LARGEST_FILE, Unreadable, check_shape

FIT2D = tuple(b"MASK")
FIT2D_HEADER_BYTES = 1024


def read_mask(path: Path, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (rows, columns) of this .edf, .msk (fit2d), .npy, .npz, .mask, ... file; True is left out.

    Any value but zero masks its pixel, as pyFAI and fit2d have it. Raises UserError where the file cannot be
    read, holds more than one image or has another shape.
    """
    values = _read(path, "mask", shape)
    mask: NDArray[np.bool_] = values != 0  # NaN differs from zero: masked
    if mask.all():
        raise UserError(f"{path}: the mask leaves no pixel; a pixel is masked where the value is not 0")
    return mask


def read_correction(path: Path, role: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The dark or flat image (rows, columns) in this file; ``role`` ("dark", "flat") names it in errors.

    Raises UserError as ``read_mask`` does.
    """
    return _read(path, role, shape).astype(np.float64)


def _read(path: Path, role: str, shape: tuple[int, int]) -> NDArray[Any]:
    try:
        values = _READERS.get(path.suffix.lower(), _read_image)(path)
    except UserError:
        raise
    except Exception as error:  # readers raise what they like on broken files
        raise UserError(f"{path}: the {role} cannot be read ({_reason(error)}); check --{role}") from None
    if values.dtype.kind not in "biuf":
        raise UserError(f"{path}: the {role} is not an image of numbers; check --{role}")
    if values.shape != shape:
        raise UserError(
            f"{path}: the {role} has {_spelled(values.shape)} pixels, the images have {_spelled(shape)}; "
            f"give the {role} of this detector"
        )
    return np.array(values)


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0][:100] if text else type(error).__name__


def _spelled(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape) or "no"


def _read_image(path: Path) -> NDArray[Any]:
    """As frames are read, by content: sizes are checked before memory is taken, and nothing hangs."""
    return np.asarray(decode(path.name, read_regular(path, LARGEST_FILE)).counts)


def _read_npy(path: Path) -> NDArray[Any]:
    open_regular(path).close()
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)  # a header that lies fails here
    return mapped


def _read_npz(path: Path) -> NDArray[Any]:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        chosen = names if len(names) == 1 else [name for name in names if name == "mask"]
        if len(chosen) != 1:
            raise UserError(f'{path}: holds {len(names)} arrays; keep one, or call one of them "mask"')
        with archive.open(f"{chosen[0]}.npy") as entry:
            _check_header(entry)
        with archive.open(f"{chosen[0]}.npy") as entry:
            return np.asarray(np.lib.format.read_array(entry, allow_pickle=False))


def _check_header(file: Any) -> None:
    """Before an array is unpacked: a few kilobytes may unpack to gigabytes."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    check_shape(math.prod(shape), 1, dtype.itemsize)


def _read_fit2d(path: Path) -> NDArray[Any]:
    """fit2d's mask: a bit a pixel, each row filled up to 32."""
    data = read_regular(path, LARGEST_FILE)
    if tuple(data[0:16:4]) != FIT2D:
        raise Unreadable("not a fit2d mask")
    columns, rows = (int(number) for number in np.frombuffer(data, "<i4", 2, 16))
    check_shape(rows, columns, 1)
    row_bytes = 4 * math.ceil(columns / 32)
    packed = np.frombuffer(data, np.uint8, rows * row_bytes, FIT2D_HEADER_BYTES).reshape(rows, row_bytes)
    return np.unpackbits(packed, axis=1, count=columns, bitorder="little")


def _read_dioptas(path: Path) -> NDArray[Any]:
    """Dioptas writes .mask as a TIFF, older ones as a table of 0 and 1."""
    data = read_regular(path, LARGEST_FILE)
    if data[:2] in (b"II", b"MM"):
        return _read_image(path)
    return np.loadtxt(io.BytesIO(data), dtype=np.int8, ndmin=2)


_READERS = {".npy": _read_npy, ".npz": _read_npz, ".msk": _read_fit2d, ".mask": _read_dioptas}
