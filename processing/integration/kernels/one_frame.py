"""Compiled sums over the pixels of one image; the plan says which bin each pixel belongs to.

Plain functions on arrays, without the interpreter lock; ``sums`` is what the rest of the program calls. What a
pixel loses by being invalid in this frame is summed apart, because it is rare: the rest of the weights are known
before the frame is read. Counts are whole numbers, so that every path gives the same sums to the last bit.

The last bin is for no pixel; there ``signal`` counts the pixels in use that were large, so that who looks for what
stands out need look at no other frame.

One 64-bit number sums counts (its lower 40 bits) and the pixels that counted nothing (the upper ones, needed for
the variance max(counts, 1)). A block of pixels takes that path unless one of them is invalid or large.
"""

import numpy as np

from latticewatch.processing.codecs.byte_offset import (
    BLOCK,
    CUT_SHORT,
    DONE,
    LONGEST,
    OVERFLOW,
    unpack,
    unpack_near_end,
    within,
)
from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.plan import LANES

ZERO_SHIFT = 40
LARGE = 1 << 20  # larger counts are summed apart: 2^20 pixels of less than this fit into 40 bits
LOWEST = -(2.0**31) + 1.0  # what is lower is a code, whatever else there is
MOST_CODES = 4
SAFE = 1 << 30  # a block of one-byte differences from here does not leave 32 bits


@njit(nogil=True, cache=True)
def sum_values(  # type: ignore[no-untyped-def]
    counts, bins, variance, lowest, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """The plain way, for any type of number."""
    unused = len(signal) - 1
    for pixel in range(len(counts)):
        where = bins[pixel]
        value = np.float64(counts[pixel])
        if where == unused:
            continue
        if value >= lowest and value < limit:
            signal[where] += value
            signal[unused] += value >= large
            variance[where] += max(value, 1.0)
        else:
            subtract_invalid(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark)


@njit(nogil=True, cache=True)
def lowest_valid(counts):  # type: ignore[no-untyped-def]
    """The least valid number of an image of floats: 0 where its negative numbers are codes for pixels without data.

    A few whole numbers (-1, -2, -10) are codes; what is left of counts after a dark was subtracted is not.
    """
    codes, many = np.empty(MOST_CODES, np.float64), 0
    for pixel in range(len(counts)):
        value = np.float64(counts[pixel])
        if value < 0.0 and value > LOWEST:
            if value != np.floor(value):
                return LOWEST
            if not (codes[:many] == value).any():
                if many == MOST_CODES:
                    return LOWEST
                codes[many] = value
                many += 1
    return 0.0


@njit(nogil=True, cache=True)
def subtract_invalid(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark):  # type: ignore[no-untyped-def]
    lost_pixels[where] += 1
    lost_weight[where] += weight[pixel]
    if len(dark):
        lost_dark[where] += dark[pixel]


@njit(nogil=True, cache=True)
def _add_one_by_one(  # type: ignore[no-untyped-def]
    values, first, count, slots, lanes, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """Add ``values[:count]``, the pixels from ``first`` on, some of which are invalid or large."""
    bins = len(signal) - 1
    for step in range(count):
        value, pixel = values[step], first + step
        slot = slots[np.uint64(pixel)]
        if value >= 0 and value < large:
            lanes[slot] += np.int64(value) + (np.int64(value == 0) << ZERO_SHIFT)
        elif slot < LANES * bins:
            where = slot - (pixel % LANES) * bins
            if value >= 0 and value < limit:
                signal[where] += value
                signal[bins] += 1
            else:
                subtract_invalid(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark)


@njit(nogil=True, cache=True)
def _add_block(values, first, slots, lanes, sums):  # type: ignore[no-untyped-def]
    """Add a block of valid counts, the pixels from ``first`` on; ``sums`` is room for the work."""
    for step in range(BLOCK):
        sums[step] = np.int64(values[step]) + (np.int64(values[step] == 0) << ZERO_SHIFT)
    start = np.uint64(first)  # unsigned: no check for an index from the end
    for step in range(BLOCK):
        lanes[slots[start + np.uint64(step)]] += sums[step]


@njit(nogil=True, cache=True)
def _all_small(values, large, first, slots, unused):  # type: ignore[no-untyped-def]
    """No pixel in use is invalid or large."""
    wrong = np.uint8(0)
    start = np.uint64(first)
    for step in range(BLOCK):
        value = values[step]
        wrong |= (np.uint8(value < 0) | np.uint8(value >= large)) & np.uint8(slots[start + np.uint64(step)] < unused)
    return wrong == 0


@njit(nogil=True, cache=True)
def sum_counts(  # type: ignore[no-untyped-def]
    counts, slots, lanes, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """Whole numbers of any type."""
    add_counts(
        counts, 0, np.empty(BLOCK, np.int64), slots, lanes, large,
        weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
    )  # fmt: skip


@njit(nogil=True, cache=True)
def add_counts(  # type: ignore[no-untyped-def]
    counts, start, sums, slots, lanes, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """Add whole numbers, the pixels from ``start`` on, block by block; ``sums`` is room for the work."""
    unused = slots.dtype.type(LANES * (len(signal) - 1))
    limit_of_small = counts.dtype.type(min(large, np.iinfo(counts.dtype).max))
    for step in range(0, len(counts), BLOCK):
        values, first = counts[step : step + BLOCK], start + step
        if len(values) == BLOCK and _all_small(values, limit_of_small, first, slots, unused):
            _add_block(values, first, slots, lanes, sums)
        else:
            _add_one_by_one(
                values, first, len(values), slots, lanes, large,
                weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
            )  # fmt: skip


@njit(nogil=True, cache=True)
def sum_byte_offset(  # type: ignore[no-untyped-def]
    packed, slots, lanes, large, lowest, highest, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """Unpack a block and add it, before the next block is looked at."""
    short, values, sums = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    pixels, size, unused = len(slots), len(packed), slots.dtype.type(LANES * (len(signal) - 1))
    at, value = 0, np.int64(0)
    for first in range(0, pixels, BLOCK):
        count = min(BLOCK, pixels - first)
        whole = count == BLOCK
        if whole and at + BLOCK <= size and abs(value) < SAFE and _no_escape(packed, at):
            value = np.int64(_unpack_block(packed, at, np.int32(value), short))
            at += BLOCK
            if _all_small(short, np.int32(large), first, slots, unused):
                _add_block(short, first, slots, lanes, sums)
                continue
            values[:] = short
            if not within(values, count, lowest, highest):
                return OVERFLOW
        else:
            if at + LONGEST * count <= size:
                at, value = unpack(packed, at, value, values, count)
            else:
                at, value = unpack_near_end(packed, at, value, values, count)
            if at > size:
                return CUT_SHORT
            if not within(values, count, lowest, highest):
                return OVERFLOW
            if whole and _all_small(values, large, first, slots, unused):
                _add_block(values, first, slots, lanes, sums)
                continue
        _add_one_by_one(
            values, first, count, slots, lanes, large,
            weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
        )  # fmt: skip
    return DONE


@njit(nogil=True, cache=True)
def _no_escape(packed, at):  # type: ignore[no-untyped-def]
    found = np.uint8(0)
    start = np.uint64(at)
    for step in range(BLOCK):
        found |= np.uint8(packed[start + np.uint64(step)] == 0x80)
    return found == 0


@njit(nogil=True, cache=True)
def _unpack_block(packed, at, value, values):  # type: ignore[no-untyped-def]
    start = np.uint64(at)
    for step in range(BLOCK):
        value += np.int32(np.int8(packed[start + np.uint64(step)]))
        values[step] = value
    return value
