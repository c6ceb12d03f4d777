"""A detector image as EIGER files hold it: bitshuffle and LZ4, one chunk of HDF5 to a frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.byte_offset import PackingError

HEADER_BYTES = 12
LARGEST_BLOCK = 1 << 20
TYPES = ("<u2", "<u4", "<i2", "<i4")


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
        from latticewatch.processing.integration.bitshuffle import unpack_all

        counts = np.empty(self.shape[0] * self.shape[1], self.dtype.newbyteorder("="))
        if not unpack_all(self.packed, self.block_elements(), counts):
            raise PackingError("its chunk is broken")
        return counts.reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        counts = self.unpacked()
        return counts if dtype is None else counts.astype(dtype, copy=False)
