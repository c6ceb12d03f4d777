"""LZ4 without bitshuffle, compiled: raw blocks, and blocks in the frame of HDF5's LZ4 filter.

The frame: total bytes (64 bit, big-endian), bytes in a block (32 bit), then the blocks, each with its packed size
before it; a block whose packed size is its own is kept as it is.
"""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit

HEADER_BYTES = 12
LARGEST_BLOCK = 1 << 30
SHORT = 32  # bytes; a repetition up to here is copied byte by byte


def unpack_raw(packed: NDArray[np.uint8], size: int) -> NDArray[np.uint8] | None:
    """One LZ4 block of exactly ``size`` bytes, unpacked; None where it is broken."""
    out = np.empty(size, np.uint8)
    return out if unpack_lz4(packed, 0, len(packed), out, size) else None


def unpack_framed(packed: NDArray[np.uint8], size: int) -> NDArray[np.uint8] | None:
    """A frame of exactly ``size`` bytes, unpacked; None where it is broken or says another size."""
    total = int.from_bytes(packed[:8].tobytes(), "big")
    block = int.from_bytes(packed[8:HEADER_BYTES].tobytes(), "big")
    if len(packed) < HEADER_BYTES or total != size or not 0 < block <= LARGEST_BLOCK:
        return None
    out = np.empty(size, np.uint8)
    return out if _unpack_blocks(packed, block, out) else None


@njit(nogil=True, cache=True)
def _unpack_blocks(packed, block, out):  # type: ignore[no-untyped-def]
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
        elif not unpack_lz4(packed, at, at + size, out[done : done + whole], whole):
            return False
        at += size
        done += whole
    return at == len(packed)


@njit(nogil=True, cache=True)
def unpack_lz4(packed, at, end, out, size):  # type: ignore[no-untyped-def]
    """One LZ4 block of exactly ``size`` bytes; False where it is broken. Never reads or writes beyond an end."""
    done = 0
    while at < end:
        token = np.int64(packed[at])
        at, length = _length(packed, at + 1, end, token >> 4)
        if at + length > end or done + length > size:
            return False
        _copy(packed, at, out, done, length)
        at += length
        done += length
        if at == end:
            return done == size
        if at + 2 > end:
            return False
        back = np.int64(packed[at]) | np.int64(packed[at + 1]) << 8
        at, length = _length(packed, at + 2, end, token & 15)
        length += 4
        if back == 0 or back > done or done + length > size:
            return False
        _repeat(out, done, back, length)
        done += length
    return False


@njit(nogil=True, cache=True)
def _length(packed, at, end, length):  # type: ignore[no-untyped-def]
    """A length of 15 goes on in the bytes that follow, up to the first that is not 255."""
    if length == 15:
        while at < end:
            more = np.int64(packed[at])
            at += 1
            length += more
            if more != 255:
                break
    return at, length


@njit(nogil=True, cache=True)
def _repeat(out, done, back, length):  # type: ignore[no-untyped-def]
    """Copy what was written ``back`` bytes before, which the copy itself may reach."""
    to = np.uint64(done)  # unsigned: no check for an index from the end
    if back == 1:
        value = out[to - np.uint64(1)]
        for place in range(np.uint64(length)):
            out[to + place] = value
        return
    if length <= SHORT:
        begin = np.uint64(done - back)
        for place in range(np.uint64(length)):
            out[to + place] = out[begin + place]
        return
    begin, end = done - back, done + length
    while done < end:
        step = min(done - begin, end - done)  # twice as much every time
        _copy(out, begin, out, done, step)
        done += step


@njit(nogil=True, cache=True)
def _copy(source, first, out, done, length):  # type: ignore[no-untyped-def]
    """Between places that do not overlap."""
    begin, to = np.uint64(first), np.uint64(done)
    for place in range(np.uint64(length)):
        out[to + place] = source[begin + place]
