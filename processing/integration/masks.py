"""Mask, dark and flat images: read from a file and checked against the detector's shape."""

import io
import logging
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import (
    HDF5_SIGNATURE,
    check_regular,
    open_regular,
    read_regular,
    read_start,
)
from latticewatch.processing.formats.decode import decode
from latticewatch.processing.formats.image_file import LARGEST_FILE, Unreadable, check_shape
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import AS_READ, Geometry

FIT2D = tuple(b"MASK")
FIT2D_HEADER_BYTES = 1024
PNG = b"\x89PNG\r\n\x1a\n"
FEW_LEFT, HALF = 0.3, 0.5  # of the pixels; a detector with more bad pixels than good ones is no detector
RINGS = 500
OUTLYING = 8.0  # times the spread of the ring
CLEAR_SHARE, CLEARLY_MORE = 0.2, 4.0
Nonzero = Literal["bad", "good"]
DRAWN_ON, NONZERO = "mask_orientation", "mask_nonzero"
"""Keys of a mask's own header, as experiment.toml has them; an EDF that the mask editor wrote has both."""

log = logging.getLogger(__name__)


def read_mask(path: Path, shape: tuple[int, int], nonzero: Nonzero | None = None) -> NDArray[np.bool_]:
    """The mask (rows, columns) of this .edf, .msk (fit2d), .npy, .npz, .mask, .h5, .png, ... file; True is left out.

    nonzero: what pixels are whose value is not 0; None: as the file says, else bad, as pyFAI, fit2d and NeXus have it.
    Raises UserError where the file cannot be read, holds more than one image, has another shape, leaves no pixel, or
    leaves so few that it may be the other way round and nobody said so.
    """
    values = _read(path, "mask", shape)
    if nonzero is None and _said_in(path).get(NONZERO) == "bad":
        nonzero = "bad"
    mask: NDArray[np.bool_] = (values == 0) | (values != values) if nonzero == "good" else values != 0
    left = 1.0 - float(mask.mean())
    if left == 0.0:
        raise UserError(f"{path}: the mask leaves no pixel; a pixel is masked where the value is not 0")
    if nonzero is None and left < FEW_LEFT:
        raise UserError(
            f"{path}: the mask leaves {100 * left:.0f} % of the pixels, those whose value is 0; set [geometry] "
            'mask_nonzero = "good" in experiment.toml if those are the bad ones, else mask_nonzero = "bad"'
        )
    log.log(logging.WARNING if left < HALF else logging.INFO, "%s: leaves %.0f %% of the pixels", path, 100 * left)
    return mask


def flipped(mask: NDArray[np.bool_], orientation: int) -> NDArray[np.bool_]:
    """The mask (rows, columns) that was drawn on images in this orientation, as it lies on the images as read."""
    rows = -1 if orientation in (1, 2) else 1
    columns = -1 if orientation in (1, 4) else 1
    return mask[::rows, ::columns]


def placed_mask(
    mask: NDArray[np.bool_], geometry: Geometry, drawn_on: int | None, image: Any, where: Path
) -> NDArray[np.bool_]:
    """The mask as it lies on the images as they are read.

    drawn_on: the orientation in which the mask was drawn; None: the one that its file ``where`` says. Where that says
    none, with a geometry of turned images, a
    program that reads images as they are (pyFAI) and one that turns them (Dioptas) may have written it: ``image``, the
    first one, packed or not, decides by which of the two covers what stands out from its ring. Raises UserError where
    it leaves that open.
    """
    turned = flipped(mask, geometry.orientation)
    drawn_on = drawn_on or drawn_orientation(where)
    if drawn_on is not None:
        return flipped(mask, drawn_on)
    if np.array_equal(mask, turned):
        return mask
    angles = azimuthal_integrator(geometry, mask.shape).center_array(mask.shape, unit="2th_deg")
    outlying = _stands_out(np.asarray(image, np.float64), np.asarray(angles), mask | turned)
    as_read_share, turned_share = (float(outlying[only].mean()) for only in (mask & ~turned, turned & ~mask))
    if as_read_share > max(CLEAR_SHARE, CLEARLY_MORE * turned_share):
        return mask
    if turned_share > max(CLEAR_SHARE, CLEARLY_MORE * as_read_share):
        log.warning("%s: drawn on images in orientation %d: turned back", where, geometry.orientation)
        return turned
    raise UserError(
        f"{where}: was the mask drawn on the images as read, or on turned ones as Dioptas shows them? Set [geometry] "
        f"mask_orientation = {AS_READ} (as read) or {geometry.orientation} (turned) in experiment.toml"
    )


def drawn_orientation(path: Path) -> int | None:
    """The orientation of the images that this mask was drawn on, where its file says so."""
    said = _said_in(path).get(DRAWN_ON, "")
    return int(said) if said in ("1", "2", "3", "4") else None


def _said_in(path: Path) -> Mapping[str, str]:
    """The header of a mask that is an EDF; of any other, and of one that cannot be read, it is empty."""
    try:
        if not read_start(path, 3).lstrip(b"\r\n").startswith(b"{"):
            return {}
        return decode(path.name, read_regular(path, LARGEST_FILE)).header
    except (OSError, UserError, Unreadable):
        return {}


def _stands_out(image: NDArray[np.float64], angles: NDArray[np.float64], doubtful: NDArray[np.bool_]) -> Any:
    """Where a pixel differs from its ring (rows, columns), as the pixels show it that are not in doubt."""
    step = (angles.max() - angles.min()) / RINGS
    ring = ((angles - angles.min()) / step).astype(int)
    sound = ~doubtful & np.isfinite(image)
    level, spread = np.full(RINGS + 1, np.nan), np.full(RINGS + 1, np.nan)
    order = np.argsort(ring[sound], kind="stable")
    numbers, starts = np.unique(ring[sound][order], return_index=True)
    for number, values in zip(numbers, np.split(image[sound][order], starts[1:]), strict=True):
        level[number] = np.median(values)
        spread[number] = max(1.4826 * np.median(np.abs(values - level[number])), math.sqrt(max(level[number], 1.0)))
    return np.abs(image - level[ring]) > OUTLYING * spread[ring]


def read_correction(path: Path, role: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The dark or flat image (rows, columns) in this file; ``role`` ("dark", "flat") names it in errors.

    Raises UserError as ``read_mask`` does.
    """
    return _read(path, role, shape).astype(np.float64)


def read_exposure(path: Path, role: str, shape: tuple[int, int]) -> NDArray[Any]:
    """An image of the detector (rows, columns) in its own type, in which codes of bad pixels are still told.

    Raises UserError as ``read_mask`` does.
    """
    return _read(path, role, shape)


def _read(path: Path, role: str, shape: tuple[int, int]) -> NDArray[Any]:
    try:
        reader = _READERS.get(path.suffix.lower(), _read_image)
        if path.suffix.lower() == ".npz":
            values = _read_npz(path, role)
        elif reader is _read_image and read_start(path, 8) == HDF5_SIGNATURE:
            values = _read_hdf5(path, role)
        else:
            values = reader(path)
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
    data = read_regular(path, LARGEST_FILE)
    if data.startswith(PNG):
        return _read_png(data)
    image = decode(path.name, data)
    if image.more:
        raise Unreadable(f"holds {1 + len(image.more)} images, where one is needed")
    return np.asarray(image.counts)


def _read_png(data: bytes) -> NDArray[Any]:
    from matplotlib.image import imread  # slow to load: not before a mask needs it

    columns, rows = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    check_shape(rows, columns, 16)
    values = np.asarray(imread(io.BytesIO(data), format="png"))
    return values if values.ndim == 2 else values[:, :, :3].max(axis=2)  # colours; the fourth would be the opacity


def _read_hdf5(path: Path, role: str) -> NDArray[Any]:
    """The only image in the file, or the only one whose name has the role in it (``mask``, ``pixel_mask``)."""
    from latticewatch.processing.formats.hdf5_tree import Hdf5Tree  # slow to load: not before a mask needs it

    check_regular(path)
    with Hdf5Tree(path) as tree:
        images = {name: item for name, item in tree.walk() if _is_one_image(item)}
        named = {name: item for name, item in images.items() if role in name.rpartition("/")[2].lower()}
        chosen = named or images
        if len(chosen) != 1:
            names = ", ".join(list(chosen)[:5]) or "none"
            raise UserError(f'{path}: holds {len(chosen)} images ({names}); keep one, or call one of them "{role}"')
        (dataset,) = chosen.values()
        tree.check(dataset)
        return np.asarray(dataset[()]).reshape(dataset.shape[-2:])


def _is_one_image(item: Any) -> bool:
    shape: tuple[int, ...] = getattr(item, "shape", None) or ()
    return len(shape) >= 2 and math.prod(shape[:-2]) == 1 and item.dtype.kind in "biuf"


def _read_npy(path: Path) -> NDArray[Any]:
    with open_regular(path) as file:
        _check_header(file)
        file.seek(0)
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _read_npz(path: Path, role: str) -> NDArray[Any]:
    """The only array in the file, or the one that is called as its role."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        chosen = names if len(names) == 1 else [name for name in names if name == role]
        if len(chosen) != 1:
            raise UserError(f'{path}: holds {len(names)} arrays; keep one, or call one of them "{role}"')
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


_READERS = {".npy": _read_npy, ".msk": _read_fit2d, ".mask": _read_dioptas}
