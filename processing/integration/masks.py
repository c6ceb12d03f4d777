"""Mask, dark and flat images: read from a file and checked against the detector's shape."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError

LARGEST_BYTES = 2_000_000_000
CBF_HEADER_END = b"\x0c\x1a\x04\xd5"


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
    _check_file(path, role)
    try:
        values = _READERS.get(path.suffix.lower(), _read_with_fabio)(path)
    except UserError:
        raise
    except Exception as error:  # readers raise what they like on broken files
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise UserError(f"{path}: the {role} cannot be read ({reason}); check --{role}") from None
    if values is None or values.dtype.kind not in "biuf":
        raise UserError(f"{path}: the {role} is not an image of numbers; check --{role}")
    if values.shape != shape:
        raise UserError(
            f"{path}: the {role} has {_spelled(values.shape)} pixels, the images have {_spelled(shape)}; "
            f"give the {role} of this detector"
        )
    return values


def _check_file(path: Path, role: str) -> None:
    try:
        regular, size = path.is_file(), path.stat().st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise UserError(f"{path}: the {role} cannot be read ({reason}); check --{role}") from None
    if not regular or size > LARGEST_BYTES:
        raise UserError(f"{path}: the {role} is not an image file; check --{role}")


def _spelled(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape) or "no"


def _read_npy(path: Path) -> NDArray[Any]:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # a header that lies fails here, before memory is
    return np.array(mapped)


def _read_npz(path: Path) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BYTES:
            raise UserError(f"{path}: too large once unpacked; give one image in it")
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if len(arrays.files) == 1 or name == "mask"]
        if len(names) != 1:
            raise UserError(f'{path}: holds {len(arrays.files)} arrays; keep one, or call one of them "mask"')
        return np.asarray(arrays[names[0]])


def _read_with_fabio(path: Path) -> NDArray[Any]:
    import fabio

    if path.suffix.lower() == ".cbf" and CBF_HEADER_END not in path.read_bytes():
        raise ValueError("cut within its header")  # fabio would loop for ever
    with fabio.open(str(path)) as image:
        if getattr(image, "incomplete_file", False):
            raise ValueError("cut short")
        return np.asarray(image.data)


def _read_dioptas(path: Path) -> NDArray[Any]:
    """Dioptas writes .mask as a TIFF, older ones as a table of 0 and 1."""
    with path.open("rb") as file:
        start = file.read(2)
    if start in (b"II", b"MM"):
        return _read_with_fabio(path)
    return np.loadtxt(path, dtype=np.int8, ndmin=2)


_READERS = {".npy": _read_npy, ".npz": _read_npz, ".mask": _read_dioptas}
