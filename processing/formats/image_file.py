"""One image file as it was read, and the two ways in which a file is not one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset

NAN = float("nan")
LARGEST_FILE = 512 * 1024 * 1024
"""Bytes, packed or unpacked; a 16-megapixel detector writes 70 MB. What is larger is not allocated at all."""
LARGEST_IMAGE = 100_000_000
"""Pixels."""


class Unreadable(Exception):  # noqa: N818 — a verdict on a file, not a fault of ours
    """The file is no image that can be used; the message says why, without the file's name."""


class NotWhole(Unreadable):
    """Not an image yet: still being written, copied or out of reach. It may be one later, so try again."""


class OutOfReach(NotWhole):
    """The system gave an error in place of the bytes; what they are is not known."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A detector image with what its header says.

    counts: (rows, columns) in the type of the file; codes for masked pixels (-1, -2, NaN, the largest value
    of an unsigned type) stay as they are; still packed where a checksum vouches for them. header: keys and
    values as the detector wrote them. stamp_s: start of the exposure in seconds since the epoch, read as UTC, to
    the millisecond; exposure_s and period_s in seconds; NaN where the header does not say. proven: a checksum
    in the file vouches for its content. masked: pixels (rows, columns) that the file calls bad. more: the file's other
    images, in their order.
    """

    counts: NDArray[Any] | ByteOffset | Bitshuffled
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stamp_s: float = NAN
    exposure_s: float = NAN
    period_s: float = NAN
    proven: bool = False
    checksum: str = ""
    masked: NDArray[np.bool_] | None = None
    more: tuple["ImageFile", ...] = ()


def check_shape(rows: int, columns: int, itemsize: int) -> None:
    """Raises Unreadable for a shape that no detector has, before anything of that size is allocated."""
    if rows < 1 or columns < 1:
        raise Unreadable(f"its header declares {rows} x {columns} pixels")
    if rows * columns > LARGEST_IMAGE or rows * columns * itemsize > LARGEST_FILE:
        raise Unreadable(f"its header declares {rows} x {columns} pixels, more than any detector has")


def one_file(images: Iterable[ImageFile]) -> ImageFile:
    """The images of one file as its first, which has the others. Raises Unreadable where they are larger than any."""
    found, size = [], 0
    for image in images:
        found.append(image)
        size += image.counts.nbytes if isinstance(image.counts, np.ndarray) else 0
        if size > LARGEST_FILE:
            raise Unreadable("unpacks to more bytes than any image has")
    return replace(found[0], more=tuple(found[1:]))
