"""The byte-offset packing of CBF, compiled: each count as its difference from the one before, mostly one byte."""

import numpy as np

from latticewatch.processing.codecs.njit import njit

BLOCK = 128
LONGEST = 15  # bytes that one pixel can take
DONE, CUT_SHORT, OVERFLOW = 0, 1, 2


@njit(nogil=True, cache=True)
def unpack_byte_offset(packed, counts, lowest, highest):  # type: ignore[no-untyped-def]
    """Unpack all bytes into ``counts``, a block at a time."""
    values = np.empty(BLOCK, np.int64)
    pixels, size, at, value = len(counts), len(packed), 0, np.int64(0)
    for first in range(0, pixels, BLOCK):
        count = min(BLOCK, pixels - first)
        if at + LONGEST * count <= size:
            at, value = unpack(packed, at, value, values, count)
        else:
            at, value = unpack_near_end(packed, at, value, values, count)
        if at > size:
            return CUT_SHORT
        if not within(values, count, lowest, highest):
            return OVERFLOW
        for step in range(count):
            counts[first + step] = values[step]
    return DONE


@njit(nogil=True, cache=True)
def within(values, count, lowest, highest):  # type: ignore[no-untyped-def]
    wrong = np.uint8(0)
    for step in range(count):
        wrong |= np.uint8(values[step] < lowest) | np.uint8(values[step] > highest)
    return wrong == 0


@njit(nogil=True, cache=True)
def unpack(packed, at, value, values, count):  # type: ignore[no-untyped-def]
    """With escapes: a byte of -128 is followed by 16 bits, which if -32768 are followed by 32, and those by 64."""
    place = np.uint64(at)
    for step in range(count):
        difference = np.int64(np.int8(packed[place]))
        place += np.uint64(1)
        if difference == -0x80:
            difference = np.int64(np.int16(packed[place] | np.uint16(packed[place + np.uint64(1)]) << 8))
            place += np.uint64(2)
            if difference == -0x8000:
                difference, width = _wide(packed, np.int64(place))
                place += np.uint64(width)
        value += difference
        values[step] = value
    return np.int64(place), value


@njit(nogil=True, cache=True)
def _wide(packed, at):  # type: ignore[no-untyped-def]
    """The difference in 32 bits or, after those, 64; and how many bytes it took."""
    difference = _little_endian(packed, at, 4)
    if difference != -0x80000000:
        return difference, 4
    return _little_endian(packed, at + 4, 8), 12


@njit(nogil=True, cache=True)
def unpack_near_end(packed, at, value, values, count):  # type: ignore[no-untyped-def]
    """The same, looking where the bytes end; returns a position beyond it where they are too few."""
    size = len(packed)
    for step in range(count):
        width, difference = 1, np.int64(0)
        while True:
            if at + width > size:
                return size + 1, value
            difference = _little_endian(packed, at, width)
            at += width
            if width == 8 or difference != -(np.int64(1) << (8 * width - 1)):
                break
            width *= 2
        value += difference
        values[step] = value
    return at, value


@njit(nogil=True, cache=True)
def _little_endian(packed, at, width):  # type: ignore[no-untyped-def]
    number = np.int64(np.int8(packed[at + width - 1]))
    for place in range(width - 2, -1, -1):
        number = (number << 8) | np.int64(packed[at + place])
    return number
