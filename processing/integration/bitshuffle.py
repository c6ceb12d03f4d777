"""Bitshuffle + LZ4, compiled: unpacked block by block and summed while the block is in the cache.

The chunk: total bytes (64 bit, big-endian), bytes in a block (32 bit), then blocks, each with its packed size before
it; what is left over of less than eight counts follows as it is. A block holds bit planes, the lowest first
(K. Masui et al., Astronomy and Computing 12 (2015) 181); most planes of faint frames are empty and are skipped.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.compiled import njit
from latticewatch.processing.integration.batch import EIGHT, add_bytes, add_one_frame
from latticewatch.processing.integration.kernel import BLOCK, add_counts
from latticewatch.processing.integration.plan import LANES

HEADER_BYTES = 12
BYTE = 255
SHORT = 32  # bytes; a repetition up to here is copied byte by byte


def unpack_all(packed: NDArray[np.uint8], block: int, counts: NDArray[Any]) -> bool:
    """Unpack a chunk with ``block`` counts to a block into ``counts``; False where it is broken."""
    return bool(_unpack_all(packed, block, counts))


@njit(nogil=True, cache=True)
def _unpack_all(packed, block, counts):  # type: ignore[no-untyped-def]  # pragma: no cover
    planes, words = np.empty(block * counts.itemsize, np.uint8), np.empty((4, block // 8), np.uint64)
    at = HEADER_BYTES
    for first in range(0, len(counts), block):
        at = _next_block(packed, at, planes, words, counts[first : first + block])
        if at < 0:
            return False
    return at == len(packed)


@njit(nogil=True, cache=True)
def sum_bitshuffled(  # type: ignore[no-untyped-def]  # pragma: no cover
    packed, block, kind, slots, lanes, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """kind: an array of the image's type, of any length. False where the chunk is broken."""
    counts = np.empty(block, kind.dtype)
    planes, words = np.empty(block * counts.itemsize, np.uint8), np.empty((4, block // 8), np.uint64)
    sums = np.empty(BLOCK, np.int64)
    at, pixels, unused = HEADER_BYTES, len(slots), slots.dtype.type(LANES * (len(signal) - 1))
    for first in range(0, pixels, block):
        values = counts[: min(block, pixels - first)]
        if len(values) == block:
            at = _next_planes(packed, at, planes, len(planes))
            if at < 0:
                return False
            if _one_byte_each(planes, slots[first : first + block], unused):
                _transpose(planes[:block], words[0], block // 8)
                add_counts(
                    words[0].view(np.uint8), first, sums, slots, lanes, large,
                    weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
                )  # fmt: skip
                continue
            _join_planes(planes, words, values)
        else:
            at = _next_block(packed, at, planes, words, values)
            if at < 0:
                return False
        add_counts(
            values, first, sums, slots, lanes, large,
            weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
        )  # fmt: skip
    return at == len(packed)


@njit(nogil=True, cache=True)
def sum_eight_bitshuffled(  # type: ignore[no-untyped-def]  # pragma: no cover
    packed, block, kind, bins, lanes, large, weight, dark, limits, signal, lost_pixels, lost_weight, lost_dark
):
    """packed: eight chunks. The others as in ``batch.sum_eight``. False where one is broken: nothing is summed."""
    size, unused = np.int64(kind.itemsize), bins.dtype.type(signal.shape[1] - 1)
    planes = np.empty((EIGHT, block * size), np.uint8)
    counts, words = np.empty((EIGHT, block), kind.dtype), np.empty((4, block // 8), np.uint64)
    lowest = np.empty((EIGHT, block // 8), np.uint64)
    at, whole = np.full(EIGHT, HEADER_BYTES, np.int64), len(bins) // block * block
    for first in range(0, whole, block):
        narrow = large > BYTE
        for frame in range(EIGHT):
            at[frame] = _next_planes(packed[frame], at[frame], planes[frame], block * size)
            if at[frame] < 0:
                return False
            narrow = narrow and _one_byte_each(planes[frame], bins[first : first + block], unused)
        if narrow:
            for frame in range(EIGHT):
                _transpose(planes[frame, :block], lowest[frame], block // 8)
            add_bytes(lowest.view(np.uint8), first, bins, lanes)
            continue
        for frame in range(EIGHT):
            _join_planes(planes[frame], words, counts[frame])
            add_one_frame(
                counts[frame], first, frame, bins, lanes, large, weight, dark, limits[frame],
                signal[frame], lost_pixels[frame], lost_weight[frame], lost_dark[frame],
            )  # fmt: skip
    for frame in range(EIGHT):
        rest = counts[frame, : len(bins) - whole]
        if _next_block(packed[frame], at[frame], planes[frame], words, rest) != len(packed[frame]):
            return False
        add_one_frame(
            rest, whole, frame, bins, lanes, large, weight, dark, limits[frame],
            signal[frame], lost_pixels[frame], lost_weight[frame], lost_dark[frame],
        )  # fmt: skip
    return True


@njit(nogil=True, cache=True)
def _next_block(packed, at, planes, words, values):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Unpack the block that begins at ``at``, and what is left over after it; where it ended, -1 if broken."""
    whole = len(values) // 8 * 8
    if whole:
        at = _next_planes(packed, at, planes, whole * values.itemsize)
        if at < 0:
            return -1
        _join_planes(planes, words, values[:whole])
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
def _next_planes(packed, at, planes, length):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Unpack the ``length`` bytes of planes that begin at ``at``; where they ended, -1 if broken."""
    if at + 4 > len(packed):
        return -1
    size = np.int64(0)
    for place in range(4):
        size = (size << 8) | np.int64(packed[at + place])
    at += 4
    if at + size > len(packed) or not _unpack_lz4(packed, at, at + size, planes, length):
        return -1
    return at + size


@njit(nogil=True, cache=True)
def _one_byte_each(planes, slots, unused):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _join_planes(planes, words, values):  # type: ignore[no-untyped-def]  # pragma: no cover
    """From bit planes of len(values) / 8 bytes to counts. words: (bytes of a count, counts / 8)."""
    rows = len(values) // 8
    used = 1
    for byte in range(values.itemsize):
        lane = planes[8 * byte * rows : 8 * (byte + 1) * rows]
        if _empty(lane):
            words[byte, :rows] = 0
        else:
            _transpose(lane, words[byte], rows)
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
def _empty(lane):  # type: ignore[no-untyped-def]  # pragma: no cover
    found = np.uint8(0)
    for place in range(len(lane)):
        found |= lane[place]
    return found == 0


@njit(nogil=True, cache=True)
def _transpose(lane, words, rows):  # type: ignore[no-untyped-def]  # pragma: no cover
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


@njit(nogil=True, cache=True)
def _unpack_lz4(packed, at, end, out, size):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _length(packed, at, end, length):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _repeat(out, done, back, length):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _copy(source, first, out, done, length):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Between places that do not overlap."""
    begin, to = np.uint64(first), np.uint64(done)
    for place in range(np.uint64(length)):
        out[to + place] = source[begin + place]
