"""Compiled sums over the pixels of one image; the plan says which bin each pixel belongs to.

Plain functions on arrays, without the interpreter lock. What a pixel loses by being invalid in this frame is
summed apart, because it is rare: the rest of the weights are known before the frame is read.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from latticewatch.processing.integration.plan import Plan


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the pixels of each bin, (n + 1,); the last bin is for what the plan leaves out.

    signal: counts. variance: max(counts, 1), as pyFAI's Poisson model has it. The others belong to pixels that
    are invalid in this frame alone: their number, weight and dark counts.
    """

    signal: NDArray[np.float64]
    variance: NDArray[np.float64]
    lost_pixels: NDArray[np.int64]
    lost_weight: NDArray[np.float64]
    lost_dark: NDArray[np.float64]
    length: int = field(default=0)


def empty_sums(length: int) -> Sums:
    """Sums of nothing, for ``length`` bins (the plan's, and one more)."""
    zeros = [np.zeros(length) for _ in range(4)]
    return Sums(zeros[0], zeros[1], np.zeros(length, np.int64), zeros[2], zeros[3], length)


def sum_image(plan: Plan, counts: NDArray[Any], limit: float, into: Sums) -> None:
    """Sum an image over the plan's bins into ``into``, which is emptied first.

    counts: any real type, the plan's shape. A value below 0, at or above ``limit``, or NaN is invalid.
    """
    flat = np.ascontiguousarray(counts).reshape(-1)
    if not flat.dtype.isnative:
        flat = flat.astype(flat.dtype.newbyteorder("="))
    _sum_image(
        flat, plan.bins, plan.weight, plan.dark, limit,
        into.signal, into.variance, into.lost_pixels, into.lost_weight, into.lost_dark,
    )  # fmt: skip


@njit(nogil=True, cache=True)
def _sum_image(  # type: ignore[no-untyped-def]  # pragma: no cover
    counts, bins, weight, dark, limit, signal, variance, lost_pixels, lost_weight, lost_dark
):
    signal[:] = 0.0
    variance[:] = 0.0
    lost_pixels[:] = 0
    lost_weight[:] = 0.0
    lost_dark[:] = 0.0
    unused = len(signal) - 1
    for pixel in range(len(counts)):
        where = bins[pixel]
        value = np.float64(counts[pixel])
        if value >= 0.0 and value < limit:
            signal[where] += value
            variance[where] += max(value, 1.0)
        elif where != unused:
            lost_pixels[where] += 1
            lost_weight[where] += weight[pixel]
            if len(dark):
                lost_dark[where] += dark[pixel]
