"""EPICS NTNDArray, as areaDetector sends it: what one update says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Image
from latticewatch.processing.formats.header_text import LONGEST_VALUE, MOST_LINES
from latticewatch.processing.formats.image_file import LARGEST_IMAGE, Unreadable
from latticewatch.processing.sources.streams.pixels import bitshuffled_bare, lz4, plain

SCALAR_TYPES = {1: "i1", 2: "<i2", 3: "<i4", 4: "<i8", 5: "u1", 6: "<u2", 7: "<u4", 8: "<u8", 9: "<f4", 10: "<f8"}
"""pvData's numbers for the type of what was packed, which ``codec.parameters`` holds."""


def is_empty(update: Any) -> bool:
    """Whether nothing was acquired yet: a server says so when it starts."""
    value = update["value"]
    return value is None or np.size(value) == 0


def pixels_of(update: Any) -> Image:
    """The image, (rows, columns). Raises Unreadable where its sizes do not fit, or it is packed in an unknown way."""
    shape, value = _shape(update), update["value"]
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in "iuf":
        raise Unreadable("its pixels are not numbers")
    codec = str(update["codec"]["name"])
    if not codec:
        return plain(value, shape, value.dtype)
    dtype = SCALAR_TYPES.get(_integer(update["codec"]["parameters"]))
    if dtype is None:
        raise Unreadable("it does not say what kind of pixels are packed")
    return _unpacked(codec, _packed(update, value), shape, np.dtype(dtype))


def stamp_of(update: Any) -> tuple[int, int]:
    """Seconds and nanoseconds since the epoch; zeros where it has no time stamp."""
    stamp = update["timeStamp"]
    return int(stamp["secondsPastEpoch"]), int(stamp["nanoseconds"])


def header_of(update: Any) -> dict[str, str]:
    header = {}
    for attribute in update["attribute"][:MOST_LINES]:
        value = attribute["value"]
        if isinstance(value, str | int | float):
            header[str(attribute["name"])[:200]] = str(value)[:LONGEST_VALUE]
    return header


def _shape(update: Any) -> tuple[int, int]:
    """areaDetector names the columns first."""
    sizes = [_integer(dimension["size"]) for dimension in update["dimension"]]
    if len(sizes) != 2 or min(sizes) < 1 or max(sizes) > LARGEST_IMAGE:
        raise Unreadable(f"its dimensions are {' x '.join(map(str, sizes[:5])) or 'missing'}, not columns x rows")
    return sizes[1], sizes[0]


def _packed(update: Any, value: NDArray[Any]) -> NDArray[np.uint8]:
    """The server's buffer may be longer than what was packed into it."""
    data = value.view(np.uint8)
    size = int(update["compressedSize"])
    if not 0 < size <= data.nbytes:
        raise Unreadable(f"it says that {size} bytes are packed, and has {data.nbytes}")
    return data[:size]


def _unpacked(codec: str, packed: NDArray[np.uint8], shape: tuple[int, int], dtype: np.dtype[Any]) -> Image:
    if codec == "bslz4":
        return bitshuffled_bare(packed, shape, dtype)
    if codec == "lz4":
        return lz4(packed, shape, dtype, framed=False)
    raise Unreadable("it is packed in a way that is not known; set NDPluginCodec to LZ4, BSLZ4 or none")


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, int | np.integer) else -1
