"""Compiled sums over the pixels of one image; the plan says which bin each pixel belongs to.

Plain functions on arrays, without the interpreter lock. What a pixel loses by being invalid in this frame is
summed apart, because it is rare: the rest of the weights are known before the frame is read. Counts are whole
numbers, so that every path below gives the same sums to the last bit.

One 64-bit number sums counts (its lower 40 bits) and the pixels that counted nothing (the upper ones, needed for
the variance max(counts, 1)). A block of pixels takes that path unless one of them is invalid or large.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latticewatch.processing.integration.plan import LANES, Plan

BLOCK = 128
ZERO_SHIFT = 40
LARGE = 1 << 20  # larger counts are summed apart: 2^20 pixels of less than this fit into 40 bits
COUNTS = (1 << ZERO_SHIFT) - 1
SAFE = 1 << 30  # a block of one-byte differences from here does not leave 32 bits
LONGEST = 15  # bytes that one pixel can take
MOST_PIXELS = 1 << 20
DONE, CUT_SHORT, OVERFLOW = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the pixels of each bin, (n + 1,); the last bin is for what the plan leaves out.

    signal: counts. variance: max(counts, 1), as pyFAI's Poisson model has it. The others belong to pixels that
    are invalid in this frame alone: their number, weight and dark counts. lanes: room for the work.
    """

    signal: NDArray[np.float64]
    variance: NDArray[np.float64]
    lost_pixels: NDArray[np.int64]
    lost_weight: NDArray[np.float64]
    lost_dark: NDArray[np.float64]
    lanes: NDArray[np.int64]


def empty_sums(length: int) -> Sums:
    """Sums of nothing, for ``length`` bins (the plan's, and one more). Kept and used again for every frame."""
    return Sums(
        signal=np.zeros(length),
        variance=np.zeros(length),
        lost_pixels=np.zeros(length, np.int64),
        lost_weight=np.zeros(length),
        lost_dark=np.zeros(length),
        lanes=np.zeros(LANES * length, np.int64),
    )


def sum_image(plan: Plan, counts: NDArray[Any], limit: float, into: Sums) -> None:
    """Sum an image over the plan's bins into ``into``, which is emptied first.

    counts: any real type, the plan's shape. A value below 0, at or above ``limit``, or NaN is invalid.
    """
    flat = np.ascontiguousarray(counts).reshape(-1)
    if not flat.dtype.isnative:
        flat = flat.astype(flat.dtype.newbyteorder("="))
    if flat.dtype.kind == "b":
        flat = flat.view(np.uint8)
    _empty(into)
    rare = (plan.weight, plan.dark, limit, into.signal, into.lost_pixels, into.lost_weight, into.lost_dark)
    if flat.dtype.kind == "f" or not _fits(plan):
        _sum_values(flat, plan.bins, into.variance, *rare)
        return
    _sum_counts(flat, plan.slots, into.lanes, _large(limit), *rare)
    _gather(into)


def sum_byte_offset(plan: Plan, packed: NDArray[np.uint8], dtype: np.dtype[Any], limit: float, into: Sums) -> int:
    """``sum_image`` of an image packed by CBF's byte-offset method, without unpacking it.

    dtype: of the image, an integer of at most 32 bits. Returns DONE, CUT_SHORT where the bytes end before the
    image does, or OVERFLOW where a count does not fit ``dtype``; the sums are then of no use.
    """
    _empty(into)
    lowest, highest = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    result = _sum_byte_offset(
        packed, plan.slots, into.lanes, _large(limit), lowest, highest,
        plan.weight, plan.dark, limit, into.signal, into.lost_pixels, into.lost_weight, into.lost_dark,
    )  # fmt: skip
    _gather(into)
    return int(result)


def _fits(plan: Plan) -> bool:
    return int(plan.pixels[:-1].max()) < MOST_PIXELS


def _large(limit: float) -> int:
    return int(np.ceil(min(limit, LARGE)))


def _empty(sums: Sums) -> None:
    for values in (sums.signal, sums.variance, sums.lost_pixels, sums.lost_weight, sums.lost_dark, sums.lanes):
        values.fill(0)


def _gather(sums: Sums) -> None:
    """Add up the lanes: counts to the signal (it holds the large ones), counts and zeros to the variance."""
    lanes = sums.lanes[:-LANES].reshape(LANES, -1)
    sums.signal[:-1] += (lanes & COUNTS).sum(axis=0)
    sums.variance[:-1] = sums.signal[:-1] + (lanes >> ZERO_SHIFT).sum(axis=0)


@njit(nogil=True, cache=True)
def _sum_values(  # type: ignore[no-untyped-def]  # pragma: no cover
    counts, bins, variance, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """The plain way, for any type of number."""
    unused = len(signal) - 1
    for pixel in range(len(counts)):
        where = bins[pixel]
        value = np.float64(counts[pixel])
        if value >= 0.0 and value < limit:
            signal[where] += value
            variance[where] += max(value, 1.0)
        elif where != unused:
            _lose(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark)


@njit(nogil=True, cache=True)
def _lose(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark):  # type: ignore[no-untyped-def]  # pragma: no cover
    lost_pixels[where] += 1
    lost_weight[where] += weight[pixel]
    if len(dark):
        lost_dark[where] += dark[pixel]


@njit(nogil=True, cache=True)
def _add_one_by_one(  # type: ignore[no-untyped-def]  # pragma: no cover
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
            else:
                _lose(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark)


@njit(nogil=True, cache=True)
def _add_block(values, first, slots, lanes, sums):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add a block of valid counts, the pixels from ``first`` on; ``sums`` is room for the work."""
    for step in range(BLOCK):
        sums[step] = np.int64(values[step]) + (np.int64(values[step] == 0) << ZERO_SHIFT)
    start = np.uint64(first)  # unsigned: no check for an index from the end
    for step in range(BLOCK):
        lanes[slots[start + np.uint64(step)]] += sums[step]


@njit(nogil=True, cache=True)
def _all_small(values, large, first, slots, unused):  # type: ignore[no-untyped-def]  # pragma: no cover
    """No pixel in use is invalid or large."""
    wrong = np.uint8(0)
    start = np.uint64(first)
    for step in range(BLOCK):
        value = values[step]
        wrong |= (np.uint8(value < 0) | np.uint8(value >= large)) & np.uint8(slots[start + np.uint64(step)] < unused)
    return wrong == 0


@njit(nogil=True, cache=True)
def _sum_counts(  # type: ignore[no-untyped-def]  # pragma: no cover
    counts, slots, lanes, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """Whole numbers, block by block."""
    sums = np.empty(BLOCK, np.int64)
    pixels, unused = len(slots), slots.dtype.type(LANES * (len(signal) - 1))
    limit_of_small = counts.dtype.type(min(large, np.iinfo(counts.dtype).max))
    for first in range(0, pixels, BLOCK):
        values = counts[first : first + BLOCK]
        if len(values) == BLOCK and _all_small(values, limit_of_small, first, slots, unused):
            _add_block(values, first, slots, lanes, sums)
        else:
            _add_one_by_one(
                values, first, len(values), slots, lanes, large,
                weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
            )  # fmt: skip


@njit(nogil=True, cache=True)
def _sum_byte_offset(  # type: ignore[no-untyped-def]  # pragma: no cover
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
        else:
            if at + LONGEST * count <= size:
                at, value = _unpack(packed, at, value, values, count)
            else:
                at, value = _unpack_near_end(packed, at, value, values, count)
            if at > size:
                return CUT_SHORT
            if not _within(values, count, lowest, highest):
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
def _within(values, count, lowest, highest):  # type: ignore[no-untyped-def]  # pragma: no cover
    wrong = np.uint8(0)
    for step in range(count):
        wrong |= np.uint8(values[step] < lowest) | np.uint8(values[step] > highest)
    return wrong == 0


@njit(nogil=True, cache=True)
def _no_escape(packed, at):  # type: ignore[no-untyped-def]  # pragma: no cover
    found = np.uint8(0)
    start = np.uint64(at)
    for step in range(BLOCK):
        found |= np.uint8(packed[start + np.uint64(step)] == 0x80)
    return found == 0


@njit(nogil=True, cache=True)
def _unpack_block(packed, at, value, values):  # type: ignore[no-untyped-def]  # pragma: no cover
    start = np.uint64(at)
    for step in range(BLOCK):
        value += np.int32(np.int8(packed[start + np.uint64(step)]))
        values[step] = value
    return value


@njit(nogil=True, cache=True)
def _unpack(packed, at, value, values, count):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _wide(packed, at):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The difference in 32 bits or, after those, 64; and how many bytes it took."""
    difference = _little_endian(packed, at, 4)
    if difference != -0x80000000:
        return difference, 4
    return _little_endian(packed, at + 4, 8), 12


@njit(nogil=True, cache=True)
def _unpack_near_end(packed, at, value, values, count):  # type: ignore[no-untyped-def]  # pragma: no cover
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
def _little_endian(packed, at, width):  # type: ignore[no-untyped-def]  # pragma: no cover
    number = np.int64(np.int8(packed[at + width - 1]))
    for place in range(width - 2, -1, -1):
        number = (number << 8) | np.int64(packed[at + place])
    return number
