"""LZ4 without bitshuffle, compiled: raw blocks, and blocks in the frame of HDF5's LZ4 filter.

The frame: total bytes (64 bit, big-endian), bytes in a block (32 bit), then the blocks, each with its packed size
before it; a block whose packed size is its own is kept as it is.
"""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.compiled import njit
from latticewatch.processing.integration.bitshuffle import _unpack_lz4

HEADER_BYTES = 12
LARGEST_BLOCK = 1 << 30


def unpack_raw(packed: NDArray[np.uint8], size: int) -> NDArray[np.uint8] | None:
    """One LZ4 block of exactly ``size`` bytes, unpacked; None where it is broken."""
    out = np.empty(size, np.uint8)
    return out if _unpack_lz4(packed, 0, len(packed), out, size) else None


def unpack_framed(packed: NDArray[np.uint8], size: int) -> NDArray[np.uint8] | None:
    """A frame of exactly ``size`` bytes, unpacked; None where it is broken or says another size."""
    total = int.from_bytes(packed[:8].tobytes(), "big")
    block = int.from_bytes(packed[8:HEADER_BYTES].tobytes(), "big")
    if len(packed) < HEADER_BYTES or total != size or not 0 < block <= LARGEST_BLOCK:
        return None
    out = np.empty(size, np.uint8)
    return out if _unpack_blocks(packed, block, out) else None


@njit(nogil=True, cache=True)
def _unpack_blocks(packed, block, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    at, done = HEADER_BYTES, 0
    while done < len(out):
        if at + 4 > len(packed):
            return False
        size = 0
        for place in range(4):
            size = (size << 8) | int(packed[at + place])
        at += 4
        whole = min(block, len(out) - done)
        if at + size > len(packed):
            return False
        if size == whole:
            out[done : done + whole] = packed[at : at + size]
        elif not _unpack_lz4(packed, at, at + size, out[done : done + whole], whole):
            return False
        at += size
        done += whole
    return at == len(packed)
