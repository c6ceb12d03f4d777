"""Pixels that stand out from their ring in one frame: spots of single crystals, zingers, cosmic rays.

A ring is the pixels of one 2θ bin, its level their median. A pixel far above its ring and those beside it, and what
hangs together with it and is above the ring as well, makes one spot, if it is compact: an arc is a textured ring. Spots
that lie on few rings are grains of the sample: without them its lines would be missing, so they are kept unless the
user says otherwise.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.kernels.one_frame import subtract_invalid
from latticewatch.processing.integration.kernels.sums import Sums
from latticewatch.processing.integration.plan import Plan

FEWEST_IN_RING = 16
MOST_IN_RING = 256  # pixels, evenly over the ring, are enough for its median and spread
MAD_TO_SIGMA = 1.4826
CORE_SIGMAS, EDGE_SIGMAS = 12.0, 4.0  # of a spot's brightest pixels, and of those that hang together with them
FEWEST_OF_SPOT = 3  # pixels; fewer are a zinger, which has no foot
COMPACT = 0.3  # pixels of a spot over its length squared: .8 of a round one, .3 of one three times as long as wide
MOST_OF_RING = 0.5  # a ring of which more stands out is sharper than its bin, or textured
GRAINS_TOGETHER, GRAINS_SIGMAS = 2.0, 6.0  # pairs of spots on one ring, against as many spots at random


@dataclass(frozen=True, slots=True)
class RingLevels:
    """One frame, looked at ring by ring.

    values: counts over weight of each pixel, NaN where invalid or left out. median, spread: of each ring, (n + 1,),
    NaN where it has too few pixels.
    """

    values: NDArray[np.float32]
    median: NDArray[np.float32]
    spread: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Outliers:
    """pixels: what stands out and may be left out, in the order of the image's memory. spots: how many they make.

    all_pixels: also what stands out of rings of which much does. on_rings: the spots lie on few rings, as grains of the
    sample do.
    """

    pixels: NDArray[np.int64]
    all_pixels: NDArray[np.int64]
    spots: int
    on_rings: bool


class Rings:
    """The pixels of a plan ordered by ring, to look at frames; twelve bytes a pixel."""

    def __init__(self, plan: Plan) -> None:
        # Numbers of two bytes are sorted by radix, in a third of the time.
        short = np.uint16 if len(plan.two_theta) < np.iinfo(np.uint16).max else plan.bins.dtype
        self._order = np.argsort(plan.bins.astype(short), kind="stable").astype(np.int32)
        self._starts = np.concatenate([[0], np.cumsum(plan.pixels[:-1])]).astype(np.int64)

    def look(self, plan: Plan, flat: NDArray[Any], lowest: float, limit: float) -> RingLevels:
        """flat: the frame's counts. plan: the same, or with fewer pixels. lowest, limit: of valid counts."""
        values = np.empty(plan.bins.size, np.float32)
        unused, bounds = len(plan.two_theta), (np.float32(lowest), np.float32(limit))
        _normalise(flat, plan.bins, plan.weight, plan.dark, *bounds, unused, values)
        return RingLevels(values, *ring_levels(values, self._order, self._starts))


def find_outliers(levels: RingLevels, plan: Plan) -> Outliers:
    """What stands out of this frame."""
    pixels, spots = _find(levels.values, plan.bins, levels.median, levels.spread, plan.shape[1])
    rings, length = plan.bins[pixels], len(plan.two_theta) + 1
    kept = np.bincount(rings, minlength=length) <= MOST_OF_RING * plan.pixels
    of_spots = np.bincount(spots[kept[spots]], minlength=length)
    return Outliers(pixels[kept[rings]], pixels, int(of_spots.sum()), _lie_on_rings(of_spots, plan.pixels))


def leave_out(sums: Sums, outliers: Outliers, plan: Plan, flat: NDArray[Any]) -> None:
    """Take these pixels, which are valid counts of this frame, out of its sums."""
    _leave_out(
        outliers.pixels, flat, plan.bins, plan.weight, plan.dark, sums.signal, sums.variance,
        sums.lost_pixels, sums.lost_weight, sums.lost_dark,
    )  # fmt: skip


def _lie_on_rings(spots: NDArray[np.int64], pixels: NDArray[np.int64]) -> bool:
    """Whether more pairs of spots share a ring (and its neighbours) than spots that fall anywhere would."""
    many = int(spots.sum())
    share = pixels[:-1] / max(pixels[:-1].sum(), 1)
    near = np.convolve(share, np.ones(3), "same")
    expected = many * (many - 1) * float(share @ near)
    found = float(spots[:-1] @ np.convolve(spots[:-1], np.ones(3), "same")) - many
    return bool(found > GRAINS_TOGETHER * expected + GRAINS_SIGMAS * (np.sqrt(expected) + 1.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _normalise(counts, bins, weight, dark, lowest, limit, unused, values):  # type: ignore[no-untyped-def]
    """Counts over weight into ``values``, NaN where invalid or left out."""
    for pixel in range(len(counts)):
        count = np.float32(counts[pixel])
        if not (count >= lowest and count < limit and bins[pixel] < unused):
            values[pixel] = np.nan
            continue
        if len(dark):
            count -= dark[pixel]
        values[pixel] = count / weight[pixel]


@njit(nogil=True, cache=True)
def ring_levels(values, order, starts):  # type: ignore[no-untyped-def]
    """Median and spread of each ring, (n + 1,), NaN where it has too few valid pixels."""
    rings = len(starts) - 1
    median = np.full(rings + 1, np.nan, np.float32)
    spread = np.full(rings + 1, np.nan, np.float32)
    buffer = np.empty(MOST_IN_RING, np.float32)
    for ring in range(rings):
        count, pixels = 0, starts[ring + 1] - starts[ring]
        for place in range(starts[ring], starts[ring + 1], max(1, -(-pixels // MOST_IN_RING))):
            value = values[order[place]]
            if value == value:  # not NaN
                buffer[count] = value
                count += 1
        if count < FEWEST_IN_RING:
            continue
        members = buffer[:count]
        middle = float(np.median(members))
        median[ring] = middle
        deviation = MAD_TO_SIGMA * np.median(np.abs(members - middle))
        spread[ring] = max(deviation, np.sqrt(max(middle, 1.0)))
    return median, spread


@njit(nogil=True, cache=True)
def _limits(median, spread, sigmas):  # type: ignore[no-untyped-def]
    """What a pixel of each ring must exceed to stand out: a line's flank is measured by the ring beside it too."""
    limits = np.full(len(median), np.inf, np.float32)
    for ring in range(len(median)):
        if median[ring] == median[ring]:
            highest = -np.inf
            for near in range(max(ring - 1, 0), min(ring + 2, len(median))):
                if median[near] == median[near]:
                    highest = max(highest, median[near] + sigmas * spread[near])
            limits[ring] = highest
    return limits


@njit(nogil=True, cache=True)
def _find(values, bins, median, spread, columns):  # type: ignore[no-untyped-def]
    """Pixels that stand out, in order, and the ring of the brightest pixel of each piece that they make."""
    core, edge = _limits(median, spread, CORE_SIGMAS), _limits(median, spread, EDGE_SIGMAS)
    taken, arcs, piece = np.zeros(len(values), np.bool_), np.zeros(len(values), np.bool_), np.empty(64, np.int64)
    anything, foot = np.full_like(edge, -np.inf), np.empty(8, np.int64)
    spots, many = np.empty(64, np.int64), 0
    for seed in range(len(values)):
        if taken[seed] or not values[seed] > core[bins[seed]]:
            continue
        taken[seed], piece[0], size, done, brightest = True, seed, 1, 0, seed
        top, bottom, left, right = len(values), 0, columns, 0
        while done < size:
            row, column = piece[done] // columns, piece[done] % columns
            top, bottom, left, right = min(top, row), max(bottom, row), min(left, column), max(right, column)
            if values[piece[done]] > values[brightest]:
                brightest = piece[done]
            piece, size = _join_neighbours(piece[done], values, bins, edge, columns, taken, piece, size)
            done += 1
        length = max(bottom - top, right - left) + 1
        if size < COMPACT * length * length:
            for place in range(size):
                arcs[piece[place]] = True
            continue
        if size >= FEWEST_OF_SPOT:
            for place in range(size):  # its foot is below the noise of a single pixel, but not of all together
                _join_neighbours(piece[place], values, bins, anything, columns, taken, foot, 0)
        if many == len(spots):
            spots = np.concatenate((spots, np.empty_like(spots)))
        spots[many] = bins[brightest]
        many += 1
    return np.flatnonzero(taken & ~arcs), spots[:many]


@njit(nogil=True, cache=True)
def _join_neighbours(pixel, values, bins, least, columns, taken, piece, size):  # type: ignore[no-untyped-def]
    """Take a pixel's neighbours that are brighter than ``least`` of their ring; ``piece`` and its size with them."""
    rows, row, column = len(values) // columns, pixel // columns, pixel % columns
    for near_row in range(max(row - 1, 0), min(row + 2, rows)):
        for near_column in range(max(column - 1, 0), min(column + 2, columns)):
            near = near_row * columns + near_column
            if not taken[near] and values[near] > least[bins[near]]:
                taken[near] = True
                if size == len(piece):
                    piece = np.concatenate((piece, np.empty_like(piece)))
                piece[size] = near
                size += 1
    return piece, size


@njit(nogil=True, cache=True)
def _leave_out(  # type: ignore[no-untyped-def]
    pixels, counts, bins, weight, dark, signal, variance, lost_pixels, lost_weight, lost_dark
):
    for pixel in pixels:
        where, value = bins[pixel], np.float64(counts[pixel])
        signal[where] -= value
        variance[where] -= max(value, 1.0)
        subtract_invalid(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark)
