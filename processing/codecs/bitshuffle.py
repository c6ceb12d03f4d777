"""Bitshuffle + LZ4, compiled.

The chunk: total bytes (64 bit, big-endian), bytes in a block (32 bit), then blocks, each with its packed size before
it; what is left over of less than eight counts follows as it is. A block holds bit planes, the lowest first
(K. Masui et al., Astronomy and Computing 12 (2015) 181); most planes of faint frames are empty and are skipped.
"""

import numpy as np

from latticewatch.processing.codecs.lz4 import unpack_lz4
from latticewatch.processing.codecs.njit import njit

HEADER_BYTES = 12


@njit(nogil=True, cache=True)
def unpack_all(packed, block, counts):  # type: ignore[no-untyped-def]
    """Unpack a chunk with ``block`` counts to a block into ``counts``; False where it is broken."""
    planes, words = np.empty(block * counts.itemsize, np.uint8), np.empty((4, block // 8), np.uint64)
    at = HEADER_BYTES
    for first in range(0, len(counts), block):
        at = next_block(packed, at, planes, words, counts[first : first + block])
        if at < 0:
            return False
    return at == len(packed)


@njit(nogil=True, cache=True)
def next_block(packed, at, planes, words, values):  # type: ignore[no-untyped-def]
    """Unpack the block that begins at ``at``, and what is left over after it; where it ended, -1 if broken."""
    whole = len(values) // 8 * 8
    if whole:
        at = next_planes(packed, at, planes, whole * values.itemsize)
        if at < 0:
            return -1
        join_planes(planes, words, values[:whole])
    for place in range(whole, len(values)):
        if at + values.itemsize > len(packed):
            return -1
        number = np.int64(0)
        for byte in range(values.itemsize):
            number |= np.int64(packed[at + byte]) << (8 * byte)
        values[place] = number
        at += values.itemsize
    return at


@njit(nogil=True, cache=True)
def next_planes(packed, at, planes, length):  # type: ignore[no-untyped-def]
    """Unpack the ``length`` bytes of planes that begin at ``at``; where they ended, -1 if broken."""
    if at + 4 > len(packed):
        return -1
    size = np.int64(0)
    for place in range(4):
        size = (size << 8) | np.int64(packed[at + place])
    at += 4
    if at + size > len(packed) or not unpack_lz4(packed, at, at + size, planes, length):
        return -1
    return at + size


@njit(nogil=True, cache=True)
def one_byte_each(planes, slots, unused):  # type: ignore[no-untyped-def]
    """Every count in use fits into one byte. Gaps, coded by ones in all the higher planes, are not in use."""
    rows = len(slots) // 8
    first, wrong = planes[8 * rows : 9 * rows], np.uint8(0)
    for start in range(9 * rows, len(planes), rows):
        plane = planes[start : start + rows]
        for row in range(rows):
            wrong |= plane[row] ^ first[row]
    if wrong:
        return False
    for row in range(rows):
        if first[row]:
            for bit in range(8):
                if first[row] >> bit & 1 and slots[8 * row + bit] < unused:
                    return False
    return True


@njit(nogil=True, cache=True)
def join_planes(planes, words, values):  # type: ignore[no-untyped-def]
    """From bit planes of len(values) / 8 bytes to counts. words: (bytes of a count, counts / 8)."""
    rows = len(values) // 8
    used = 1
    for byte in range(values.itemsize):
        lane = planes[8 * byte * rows : 8 * (byte + 1) * rows]
        if _empty(lane):
            words[byte, :rows] = 0
        else:
            transpose(lane, words[byte], rows)
            used = byte + 1
    lowest, second = words[0].view(np.uint8), words[1].view(np.uint8)
    if used == 1:
        for place in range(len(values)):
            values[place] = lowest[place]
    elif used == 2:
        for place in range(len(values)):
            values[place] = np.uint32(lowest[place]) | np.uint32(second[place]) << 8
    else:
        third, highest = words[2].view(np.uint8), words[3].view(np.uint8)
        for place in range(len(values)):
            low = np.uint32(lowest[place]) | np.uint32(second[place]) << 8
            values[place] = low | np.uint32(third[place]) << 16 | np.uint32(highest[place]) << 24


@njit(nogil=True, cache=True)
def _empty(lane):  # type: ignore[no-untyped-def]
    found = np.uint8(0)
    for place in range(len(lane)):
        found |= lane[place]
    return found == 0


@njit(nogil=True, cache=True)
def transpose(lane, words, rows):  # type: ignore[no-untyped-def]
    """Eight bits by eight counts at a time (H. S. Warren, Hacker's Delight, section 7-3)."""
    for row in range(rows):
        word = np.uint64(0)
        for bit in range(8):
            word |= np.uint64(lane[bit * rows + row]) << np.uint64(8 * bit)
        swap = (word ^ (word >> np.uint64(7))) & np.uint64(0x00AA00AA00AA00AA)
        word ^= swap ^ (swap << np.uint64(7))
        swap = (word ^ (word >> np.uint64(14))) & np.uint64(0x0000CCCC0000CCCC)
        word ^= swap ^ (swap << np.uint64(14))
        swap = (word ^ (word >> np.uint64(28))) & np.uint64(0x00000000F0F0F0F0)
        words[row] = word ^ swap ^ (swap << np.uint64(28))
