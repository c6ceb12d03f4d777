"""Sums over the bins of a plan: from an image, from packed bytes, or from eight of these at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.byte_offset import DONE
from latticewatch.processing.flow.packed_images import (
    REASONS,
    Bitshuffled,
    ByteOffset,
    PackingError,
    range_of,
    read_only,
)
from latticewatch.processing.integration.kernels import eiger, eight_frames, one_frame
from latticewatch.processing.integration.plan import LANES, Plan

EIGHT, LARGE = eight_frames.EIGHT, float(one_frame.LARGE)  # one type of number: each is compiled apart
COUNTS = (1 << one_frame.ZERO_SHIFT) - 1
MOST_PIXELS = 1 << 20
DENSEST = 1.02  # bytes a pixel; where more differences are wide, eight at once are slower than one by one
CACHE_LINE = 64  # bytes


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the pixels of each bin, (n + 1,); the last bin is for what the plan leaves out.

    signal: counts; its last: how many pixels in use were large. variance: max(counts, 1), as pyFAI's Poisson model has
    it. The others belong to pixels that are invalid in this frame alone: their number, weight and dark counts. lanes:
    room for the work.
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


@dataclass(frozen=True, slots=True)
class Eight:
    """Sums of eight frames. frames: each one's own. The arrays hold all of them, (8, n + 1); lanes: (n + 1, 8)."""

    frames: tuple[Sums, ...]
    signal: NDArray[np.float64]
    variance: NDArray[np.float64]
    lost_pixels: NDArray[np.int64]
    lost_weight: NDArray[np.float64]
    lost_dark: NDArray[np.float64]
    lanes: NDArray[np.int64]


def empty_eight(length: int) -> Eight:
    """As ``empty_sums``, for eight frames."""
    signal, variance, weight, dark = (np.zeros((EIGHT, length)) for _ in range(4))
    pixels, lanes = np.zeros((EIGHT, length), np.int64), np.zeros(LANES * length, np.int64)
    frames = (Sums(*rows, lanes) for rows in zip(signal, variance, pixels, weight, dark, strict=True))
    # They start at a cache line: eight sums that lie across two of them take twice as long.
    room = np.zeros(length * EIGHT + CACHE_LINE // 8, np.int64)
    first = -room.ctypes.data % CACHE_LINE // 8
    return Eight(tuple(frames), signal, variance, pixels, weight, dark, room[first : first + length * EIGHT])


def sum_image(
    plan: Plan, counts: NDArray[Any], limit: float, into: Sums, large: float = LARGE, lowest: float = 0.0
) -> None:
    """Sum an image over the plan's bins into ``into``, which is emptied first.

    counts: any real type, the plan's shape. A value below ``lowest`` (0 unless they are floats), at or above
    ``limit``, or NaN is invalid. large: from which on pixels are counted, and summed by a slower way.
    """
    flat = flattened(counts)
    empty(into)
    rare = (plan.weight, plan.dark, limit, into.signal, into.lost_pixels, into.lost_weight, into.lost_dark)
    if flat.dtype.kind == "f" or int(plan.pixels[:-1].max()) >= MOST_PIXELS:
        one_frame.sum_values(flat, plan.bins, into.variance, lowest, large, *rare)
        return
    one_frame.sum_counts(flat, plan.slots, into.lanes, _large(limit, large), *rare)
    _gather(into)


def flattened(counts: NDArray[Any]) -> NDArray[Any]:
    """The pixels in the order of the image's memory, as what is compiled takes them; a copy only where it must be."""
    flat = np.require(counts, requirements=["C", "A"]).reshape(-1)
    if not flat.dtype.isnative:
        flat = flat.astype(flat.dtype.newbyteorder("="))
    return read_only(flat.view(np.uint8) if flat.dtype.kind == "b" else flat)


def sum_byte_offset(plan: Plan, image: ByteOffset, limit: float, into: Sums, large: float = LARGE) -> None:
    """``sum_image`` of a packed image, without unpacking it.

    Raises PackingError where the bytes end before the image does or a count does not fit the image's type; the
    sums are then of no use.
    """
    empty(into)
    result = one_frame.sum_byte_offset(
        read_only(image.packed), plan.slots, into.lanes, _large(limit, large), *range_of(image.dtype),
        plan.weight, plan.dark, limit, into.signal, into.lost_pixels, into.lost_weight, into.lost_dark,
    )  # fmt: skip
    if result != DONE:
        raise PackingError(REASONS[int(result)].format(pixels=plan.bins.size, dtype=image.dtype))
    _gather(into)


def sum_bitshuffled(plan: Plan, image: Bitshuffled, limit: float, into: Sums, large: float = LARGE) -> None:
    """``sum_image`` of an image packed by bitshuffle and LZ4, unpacked block by block. Raises PackingError."""
    empty(into)
    whole = eiger.sum_bitshuffled(
        read_only(image.packed), image.block_elements(), np.empty(1, image.dtype.newbyteorder("=")),
        plan.slots, into.lanes, _large(limit, large),
        plan.weight, plan.dark, limit, into.signal, into.lost_pixels, into.lost_weight, into.lost_dark,
    )  # fmt: skip
    if not whole:
        raise PackingError("its chunk is broken")
    _gather(into)


def sum_eight(
    plan: Plan,
    images: Sequence[ByteOffset | Bitshuffled],
    limits: Sequence[float],
    into: Eight,
    large: float = LARGE,
) -> bool:
    """The sums of eight images packed alike, the plan being read once for all; ``into.frames`` has them.

    They are the same to the last bit. False where the eight had better be summed one by one: one of them is
    broken, or they are of another type or packed otherwise, or many differences are wide.
    """
    listed = [image for image in images if isinstance(image, ByteOffset)]
    if len(listed) == EIGHT:
        return _sum_eight_byte_offset(plan, listed, limits, into, large)
    chunks = [image for image in images if isinstance(image, Bitshuffled)]
    return len(chunks) == EIGHT and _sum_eight_bitshuffled(plan, chunks, limits, into, large)


def _sum_eight_byte_offset(
    plan: Plan, images: Sequence[ByteOffset], limits: Sequence[float], into: Eight, large: float
) -> bool:
    size = sum(len(image.packed) for image in images)
    if size > DENSEST * EIGHT * plan.bins.size or any(image.dtype != np.int32 for image in images):
        return False
    empty(into)
    result = eight_frames.sum_eight(
        tuple(read_only(image.packed) for image in images), plan.bins, into.lanes, _large(min(limits), large),
        *range_of(np.dtype(np.int32)), plan.weight, plan.dark, np.array(limits, np.float64),
        into.signal, into.lost_pixels, into.lost_weight, into.lost_dark,
    )  # fmt: skip
    _gather_eight(into)
    return bool(result == DONE)


def _sum_eight_bitshuffled(
    plan: Plan, images: Sequence[Bitshuffled], limits: Sequence[float], into: Eight, large: float
) -> bool:
    try:
        blocks = {image.block_elements() for image in images}
    except PackingError:
        return False
    if len(blocks) > 1 or len({image.dtype for image in images}) > 1:
        return False
    empty(into)
    whole = eiger.sum_eight_bitshuffled(
        tuple(read_only(image.packed) for image in images), blocks.pop(),
        np.empty(1, images[0].dtype.newbyteorder("=")), plan.bins, into.lanes, _large(min(limits), large),
        plan.weight, plan.dark, np.array(limits, np.float64),
        into.signal, into.lost_pixels, into.lost_weight, into.lost_dark,
    )  # fmt: skip
    _gather_eight(into)
    return bool(whole)


def _large(limit: float, large: float) -> int:
    return int(np.ceil(min(limit, large, LARGE)))


def empty(sums: Sums | Eight) -> None:
    """Begin again at nothing."""
    for values in (sums.signal, sums.variance, sums.lost_pixels, sums.lost_weight, sums.lost_dark, sums.lanes):
        values.fill(0)


def _gather_eight(sums: Eight) -> None:
    lanes = sums.lanes.reshape(-1, EIGHT).T
    sums.signal[:, :-1] += (lanes & COUNTS)[:, :-1]
    sums.variance[:, :-1] = sums.signal[:, :-1] + (lanes >> one_frame.ZERO_SHIFT)[:, :-1]


def _gather(sums: Sums) -> None:
    """Add up the lanes: counts to the signal (it holds the large ones), counts and zeros to the variance."""
    lanes = sums.lanes[:-LANES].reshape(LANES, -1)
    sums.signal[:-1] += (lanes & COUNTS).sum(axis=0)
    sums.variance[:-1] = sums.signal[:-1] + (lanes >> one_frame.ZERO_SHIFT).sum(axis=0)
