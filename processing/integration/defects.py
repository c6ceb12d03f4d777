"""Hot and dead pixels, found from the first frames of a scan.

A pixel is judged against its ring (the pixels of its 2θ bin). Hot: it stands out by far in every frame and does
not leak into its eight neighbours, as every diffraction spot does, however sharp. Dead: it counts next to nothing
while its neighbours count what the ring does, which a beam stop's edge does not. What cannot be told from a spot
stays in use, and so do clusters.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.kernels.sums import flattened
from latticewatch.processing.integration.plan import Plan

FRAMES = 5  # with light in them; then what was found stands
MOST_FRAMES = 20  # in all
LIGHT = 0.05  # counts per pixel
FEWEST_IN_RING = 16
MOST_IN_RING = 256  # pixels, evenly over the ring, are enough for its median and spread
MAD_TO_SIGMA = 1.4826
HOT_SIGMAS = 12.0
SPOT_LEAKS = 0.2  # of a spot's excess into its eight neighbours: at least this, on real frames of sharp spots
PIXEL_LEAKS = 0.05  # of a hot pixel's, at most
LEAK_SIGMAS = 4.0  # a leak that counting noise does not explain
DEAD_SHARE = 0.1  # of what the ring counts
DEAD_EXPECTED = 25.0  # counts in all frames, below which a silent pixel proves nothing
LIVELY_SHARE = 0.5
LIVELY_NEIGHBOURS = 0.75  # of those there are,
FEWEST_NEIGHBOURS = 3  # as many as at a module's corner


@dataclass(frozen=True, slots=True)
class Defects:
    """hot_mask, dead_mask: (rows, columns), True where a pixel is. frames: how many it was judged from."""

    hot_mask: NDArray[np.bool_]
    dead_mask: NDArray[np.bool_]
    frames: int
    settled: bool

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Both kinds."""
        return self.hot_mask | self.dead_mask

    @property
    def hot(self) -> int:
        """How many are hot."""
        return int(self.hot_mask.sum())

    @property
    def dead(self) -> int:
        """How many are dead."""
        return int(self.dead_mask.sum())


class DefectFinder:
    """Looks at the first frames of one scan, in order; the same frames give the same defects."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._order: NDArray[Any] = np.argsort(plan.bins, kind="stable").astype(np.int32)
        self._starts = np.concatenate([[0], np.cumsum(plan.pixels[:-1])]).astype(np.int64)
        self._outstanding: NDArray[Any] = np.ones(plan.bins.size, np.bool_)
        self._counted: NDArray[Any] = np.zeros(plan.bins.size, np.float32)
        self._expected: NDArray[Any] = np.zeros(plan.bins.size, np.float32)
        self._values: NDArray[Any] = np.empty(plan.bins.size, np.float32)
        self._frames = self._lit = 0
        nothing = np.zeros(plan.shape, bool)
        self.defects = Defects(nothing, nothing, 0, settled=False)

    def observe(self, counts: NDArray[Any], limit: float) -> bool:
        """Look at one more frame (rows, columns); True where ``defects`` changed. Settled: does nothing."""
        if self.defects.settled:
            return False
        plan, values = self._plan, self._values
        valid, total = _normalise(
            flattened(counts), plan.bins, plan.weight, plan.dark, np.float32(limit), len(plan.two_theta), values
        )
        median, spread = _rings(values, self._order, self._starts)
        light = total > LIGHT * valid
        _keep_outstanding(values, self._plan.bins, median, spread, self._outstanding)
        _add(values, self._plan.bins, self._plan.weight, median, self._counted, self._expected)
        self._frames += 1
        self._lit += light
        return self._conclude()

    def _conclude(self) -> bool:
        shape = self._plan.shape
        dead = np.zeros(self._outstanding.size, np.bool_)
        hot = self._outstanding & (self._counted > 0)
        _find_isolated(self._counted, self._expected, shape[1], hot)
        _find_dead(self._counted, self._expected, shape[1], dead)
        settled = self._lit >= FRAMES or self._frames >= MOST_FRAMES
        before = self.defects.mask
        self.defects = Defects(hot.reshape(shape), dead.reshape(shape), self._frames, settled)
        if settled:  # 17 bytes a pixel that nobody looks at again
            self._order = self._outstanding = self._counted = self._expected = self._values = np.zeros(0)
        return not np.array_equal(before, self.defects.mask)


@njit(nogil=True, cache=True, error_model="numpy")
def _normalise(counts, bins, weight, dark, limit, unused, values):  # type: ignore[no-untyped-def]
    """Counts over weight into ``values``, NaN where invalid or left out; how many are valid, and their sum."""
    valid, total = 0, 0.0
    for pixel in range(len(counts)):
        count = np.float32(counts[pixel])
        if not (count >= 0 and count < limit and bins[pixel] < unused):
            values[pixel] = np.nan
            continue
        if len(dark):
            count -= dark[pixel]
        values[pixel] = count / weight[pixel]
        total += values[pixel]
        valid += 1
    return valid, total


@njit(nogil=True, cache=True)
def _rings(values, order, starts):  # type: ignore[no-untyped-def]
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
def _keep_outstanding(values, bins, median, spread, hot):  # type: ignore[no-untyped-def]
    """Clear ``hot`` where a pixel does not stand out in this frame. Invalid pixels stay undecided."""
    for pixel in range(len(values)):
        value, where = values[pixel], bins[pixel]
        if hot[pixel] and value == value and not value - median[where] > HOT_SIGMAS * spread[where]:
            hot[pixel] = False


@njit(nogil=True, cache=True)
def _find_isolated(counted, expected, columns, hot):  # type: ignore[no-untyped-def]
    """Clear ``hot`` where a pixel's neighbours share its excess, or are too noisy to tell."""
    rows = len(counted) // columns
    around = np.empty(16)
    for pixel in np.flatnonzero(hot):
        row, column = pixel // columns, pixel % columns
        neighbours = total = border = 0
        for near_row in range(max(row - 2, 0), min(row + 3, rows)):
            for near_column in range(max(column - 2, 0), min(column + 3, columns)):
                near = near_row * columns + near_column
                if near == pixel or not expected[near] > 0:
                    continue
                if abs(near_row - row) == 2 or abs(near_column - column) == 2:
                    around[border] = counted[near]
                    border += 1
                else:
                    total += counted[near]
                    neighbours += 1
        level = np.median(around[:border]) if border else 0.0
        noise = LEAK_SIGMAS * np.sqrt(max(total, neighbours * level) + 8.0)
        excess = counted[pixel] - level
        told_apart = neighbours >= 3 and border >= 5 and SPOT_LEAKS * excess > noise
        hot[pixel] = told_apart and total - neighbours * level < max(noise, PIXEL_LEAKS * excess)


@njit(nogil=True, cache=True)
def _add(values, bins, weight, median, counted, expected):  # type: ignore[no-untyped-def]
    for pixel in range(len(values)):
        level = max(median[bins[pixel]] * weight[pixel], 1e-6)
        if values[pixel] == values[pixel] and level == level:
            counted[pixel] += values[pixel] * weight[pixel]
            expected[pixel] += level


@njit(nogil=True, cache=True)
def _find_dead(counted, expected, columns, dead):  # type: ignore[no-untyped-def]
    rows = len(counted) // columns
    for pixel in range(len(counted)):
        if expected[pixel] < DEAD_EXPECTED or counted[pixel] > DEAD_SHARE * expected[pixel]:
            continue
        row, column = pixel // columns, pixel % columns
        lively = present = 0
        for near_row in range(max(row - 1, 0), min(row + 2, rows)):
            for near_column in range(max(column - 1, 0), min(column + 2, columns)):
                near = near_row * columns + near_column
                if near != pixel and expected[near] > 0:
                    present += 1
                    lively += counted[near] > LIVELY_SHARE * expected[near]
        dead[pixel] = present >= FEWEST_NEIGHBOURS and lively >= LIVELY_NEIGHBOURS * present
