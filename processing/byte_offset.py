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
        """The counts, (rows, columns), new at every call. Raises PackingError where the bytes end too early."""
        from fabio.compression import decByteOffset

        pixels = self.shape[0] * self.shape[1]
        enough = len(self.packed) >= pixels
        counts = decByteOffset(self.packed.tobytes(), size=pixels, dtype=self.dtype) if enough else self.packed[:0]
        if len(counts) != pixels:
            raise PackingError(f"holds fewer than its {pixels} pixels")
        return np.ascontiguousarray(counts, self.dtype).reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        counts = self.unpacked()
        return counts if dtype is None else counts.astype(dtype, copy=False)
