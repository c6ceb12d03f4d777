"""A detector image as CBF packs it: each count as its difference from the one before, mostly one byte."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        from latticewatch.processing.integration.sums import unpack_byte_offset

        return unpack_byte_offset(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        counts = self.unpacked()
        return counts if dtype is None else counts.astype(dtype, copy=False)
