"""Counting noise for a whole detector image, fast and exact: Poisson numbers by table and remainder.

A Poisson number of mean λ is the sum of one of mean λ₀ ≤ λ, drawn from a table by the alias method (A. J. Walker,
ACM Trans. Math. Softw. 3, 253 (1977)), and one of mean λ - λ₀ < 1/4, which is nearly always 0.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit

LEVELS_PER_COUNT = 4
# A level is tabulated this many standard deviations (and some counts) around its mean: under 2⁻³² is left out.
REACH, REACH_COUNTS = 7.0, 12.0
LARGEST_TABULATED = 2000.0
GAP_COUNTS = -1
TOO_HIGH = -2


@dataclass(frozen=True, slots=True, eq=False)
class PoissonTable:
    """Alias tables of the levels 0, 1/4, 1/2, ...; their cells lie one level after the other.

    start: (levels,), first cell of a level. bits: (levels,), log₂ of its number of cells. first: (levels,), the
    count that its first cell stands for. limit: the 32-bit remainder below which a cell gives its own count.
    other: the cell whose count it gives else.
    """

    start: NDArray[np.int64]
    bits: NDArray[np.int32]
    first: NDArray[np.int32]
    limit: NDArray[np.uint32]
    other: NDArray[np.int32]


def poisson_table(largest_mean: float) -> PoissonTable:
    """The table for means up to this one (limited to LARGEST_TABULATED: beyond it numpy draws)."""
    levels = math.ceil(min(largest_mean, LARGEST_TABULATED) * LEVELS_PER_COUNT) + 1
    means = np.arange(levels) / LEVELS_PER_COUNT
    reach = REACH * np.sqrt(means) + REACH_COUNTS
    first = np.maximum(0, np.floor(means - reach)).astype(np.int32)
    bits = np.ceil(np.log2(means + reach - first + 1.0)).astype(np.int32)
    sizes = 1 << bits.astype(np.int64)
    start = np.cumsum(sizes) - sizes
    limit = np.empty(int(sizes.sum()), dtype=np.uint32)
    other = np.empty(limit.size, dtype=np.int32)
    _fill(means, first, start, bits, limit, other)
    return PoissonTable(start, bits, first, limit, other)


def draw(
    profile: NDArray[np.float64],
    cell: NDArray[np.int32],
    part: NDArray[np.float32],
    response: NDArray[np.float32],
    table: PoissonTable,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """Counts of every pixel, shape of ``cell``.

    The mean of a pixel is its response times the profile, interpolated between points ``cell`` and ``cell`` + 1
    at ``part`` (0 to 1) of the way. A negative response marks a gap.
    """
    random = rng.integers(0, 2**64, size=cell.size, dtype=np.uint64)
    counts = np.empty(cell.size, dtype=np.int32)
    flat = (cell.ravel(), part.ravel(), response.ravel())
    _draw(profile, *flat, random, table.start, table.bits, table.first, table.limit, table.other, counts)
    high = np.flatnonzero(counts == TOO_HIGH)
    if high.size:
        low, share = profile[flat[0][high]], flat[1][high]
        counts[high] = rng.poisson((low + share * (profile[flat[0][high] + 1] - low)) * flat[2][high])
    return counts.reshape(cell.shape)


@njit(cache=True, nogil=True)
def _draw(  # type: ignore[no-untyped-def]
    profile, cell, part, response, random, start, bits, first, limit, other, counts
):
    for pixel in range(cell.size):
        if response[pixel] < 0.0:
            counts[pixel] = GAP_COUNTS
            continue
        low = profile[cell[pixel]]
        mean = (low + part[pixel] * (profile[cell[pixel] + 1] - low)) * response[pixel]
        level = int(mean * LEVELS_PER_COUNT)
        if level >= start.size:
            counts[pixel] = TOO_HIGH
            continue
        chance = random[pixel] >> np.uint64(32)
        shifted = chance << np.uint64(bits[level])
        place = start[level] + np.int64(shifted >> np.uint64(32))
        own = np.int64(np.uint32(shifted & np.uint64(0xFFFFFFFF)) < limit[place])
        # Arithmetic, not a branch: no processor could predict it.
        count = first[level] + other[place] + own * (place - start[level] - other[place])
        # 1 - x is a bound below exp(-x): most pixels need no exponential.
        rest = mean - level / LEVELS_PER_COUNT
        second = np.float64(random[pixel] & np.uint64(0xFFFFFFFF)) * 2.0**-32
        if second > 1.0 - rest:
            count += _small_poisson(rest, second)
        counts[pixel] = count


@njit(cache=True, nogil=True)
def _small_poisson(mean, chance):  # type: ignore[no-untyped-def]
    term = math.exp(-mean)
    total, count = term, 0
    while chance > total and count < 20:
        count += 1
        term *= mean / count
        total += term
    return count


@njit(cache=True, nogil=True)
def _fill(means, first, start, bits, limit, other):  # type: ignore[no-untyped-def]
    for level in range(means.size):
        size = 1 << bits[level]
        begin = start[level]
        _alias(
            _distribution(means[level], first[level], size), limit[begin : begin + size], other[begin : begin + size]
        )


@njit(cache=True, nogil=True)
def _distribution(mean, first, size):  # type: ignore[no-untyped-def]
    """Poisson probabilities of the counts first ... first + size - 1, by recurrence from the mode."""
    shares = np.zeros(size)
    mode = int(mean) - first
    shares[mode] = 1.0
    for place in range(mode + 1, size):
        shares[place] = shares[place - 1] * mean / (first + place)
    for place in range(mode - 1, -1, -1):
        shares[place] = shares[place + 1] * (first + place + 1) / mean
    return shares / shares.sum()


@njit(cache=True, nogil=True)
def _alias(shares, limit, other):  # type: ignore[no-untyped-def]
    """Vose's construction: every cell holds its own share and tops it up from one other."""
    size = shares.size
    scaled = shares * size
    stack = np.empty(size, np.int32)
    small, large = 0, size
    for place in range(size):
        if scaled[place] < 1.0:
            stack[small] = place
            small += 1
        else:
            large -= 1
            stack[large] = place
        limit[place] = 0xFFFFFFFF
        other[place] = place
    while small > 0 and large < size:
        small -= 1
        poor, rich = stack[small], stack[large]
        limit[poor] = np.uint32(scaled[poor] * 4294967295.0)
        other[poor] = rich
        scaled[rich] -= 1.0 - scaled[poor]
        if scaled[rich] < 1.0:
            large += 1
            stack[small] = rich
            small += 1
