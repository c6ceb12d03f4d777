"""Sums over images packed with bitshuffle + LZ4: unpacked block by block and summed while the block is in the cache."""

import numpy as np

from latticewatch.processing.codecs.bitshuffle import (
    HEADER_BYTES,
    join_planes,
    next_block,
    next_planes,
    one_byte_each,
    transpose,
)
from latticewatch.processing.codecs.byte_offset import BLOCK
from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.kernels.eight_frames import EIGHT, add_bytes, add_one_frame
from latticewatch.processing.integration.kernels.one_frame import add_counts
from latticewatch.processing.integration.plan import LANES

BYTE = 255


@njit(nogil=True, cache=True)
def sum_bitshuffled(  # type: ignore[no-untyped-def]
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
            at = next_planes(packed, at, planes, len(planes))
            if at < 0:
                return False
            if one_byte_each(planes, slots[first : first + block], unused):
                transpose(planes[:block], words[0], block // 8)
                add_counts(
                    words[0].view(np.uint8), first, sums, slots, lanes, large,
                    weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
                )  # fmt: skip
                continue
            join_planes(planes, words, values)
        else:
            at = next_block(packed, at, planes, words, values)
            if at < 0:
                return False
        add_counts(
            values, first, sums, slots, lanes, large,
            weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark,
        )  # fmt: skip
    return at == len(packed)


@njit(nogil=True, cache=True)
def sum_eight_bitshuffled(  # type: ignore[no-untyped-def]
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
            at[frame] = next_planes(packed[frame], at[frame], planes[frame], block * size)
            if at[frame] < 0:
                return False
            narrow = narrow and one_byte_each(planes[frame], bins[first : first + block], unused)
        if narrow:
            for frame in range(EIGHT):
                transpose(planes[frame, :block], lowest[frame], block // 8)
            add_bytes(lowest.view(np.uint8), first, bins, lanes)
            continue
        for frame in range(EIGHT):
            join_planes(planes[frame], words, counts[frame])
            add_one_frame(
                counts[frame], first, frame, bins, lanes, large, weight, dark, limits[frame],
                signal[frame], lost_pixels[frame], lost_weight[frame], lost_dark[frame],
            )  # fmt: skip
    for frame in range(EIGHT):
        rest = counts[frame, : len(bins) - whole]
        if next_block(packed[frame], at[frame], planes[frame], words, rest) != len(packed[frame]):
            return False
        add_one_frame(
            rest, whole, frame, bins, lanes, large, weight, dark, limits[frame],
            signal[frame], lost_pixels[frame], lost_weight[frame], lost_dark[frame],
        )  # fmt: skip
    return True
