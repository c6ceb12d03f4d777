"""Detector images as their files pack them: the integration sums them without unpacking; ``np.asarray`` unpacks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.bitshuffle import HEADER_BYTES, unpack_all
from latticewatch.processing.codecs.byte_offset import CUT_SHORT, DONE, OVERFLOW, unpack_byte_offset

LARGEST_BLOCK = 1 << 20
TYPES = ("<u2", "<u4", "<i2", "<i4")
REASONS = {
    CUT_SHORT: "holds fewer than its {pixels} pixels",
    OVERFLOW: "a count does not fit into {dtype}",
}


class PackingError(ValueError):
    """The bytes are not this image; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class ByteOffset:
    """Counts not unpacked: the integration sums them as they are. ``np.asarray`` unpacks.

    packed: bytes. shape: rows, columns. dtype: of the unpacked counts.
    """

    packed: NDArray[np.uint8]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def unpacked(self) -> NDArray[Any]:
        """The counts, (rows, columns), new at every call. Raises PackingError where bytes and image do not agree."""
        counts = np.empty(self.shape[0] * self.shape[1], self.dtype)
        result = unpack_byte_offset(read_only(self.packed), counts, *range_of(self.dtype))
        if result != DONE:
            raise PackingError(REASONS[int(result)].format(pixels=counts.size, dtype=self.dtype))
        return counts.reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        counts = self.unpacked()
        return counts if dtype is None else counts.astype(dtype, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class Bitshuffled:
    """Counts not unpacked: the integration unpacks them block by block, while it sums. ``np.asarray`` unpacks.

    packed: the chunk as it is in the file. shape: rows, columns. dtype: one of TYPES.
    """

    packed: NDArray[np.uint8]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def block_elements(self) -> int:
        """Counts in a block, as the chunk's header says. Raises PackingError where it contradicts the image."""
        total = int.from_bytes(self.packed[:8].tobytes(), "big")
        block = int.from_bytes(self.packed[8:HEADER_BYTES].tobytes(), "big")
        if len(self.packed) < HEADER_BYTES or total != self.shape[0] * self.shape[1] * self.dtype.itemsize:
            raise PackingError(f"its chunk does not hold {self.shape[0]} x {self.shape[1]} counts")
        if not 0 < block <= LARGEST_BLOCK or block % (8 * self.dtype.itemsize):
            raise PackingError(f"its chunk is packed in blocks of {block} bytes")
        return block // self.dtype.itemsize

    def unpacked(self) -> NDArray[Any]:
        """The counts, (rows, columns), new at every call. Raises PackingError where the chunk is broken."""
        counts = np.empty(self.shape[0] * self.shape[1], self.dtype.newbyteorder("="))
        if not unpack_all(self.packed, self.block_elements(), counts):
            raise PackingError("its chunk is broken")
        return counts.reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        counts = self.unpacked()
        return counts if dtype is None else counts.astype(dtype, copy=False)


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """The same values, read-only: what is compiled for these needs no second form for those that can be written."""
    view = values.view()
    view.flags.writeable = False
    return view


def range_of(dtype: np.dtype[Any]) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
