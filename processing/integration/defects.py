"""Hot and dead pixels, learnt from what the frames of the whole run show.

A pixel is judged against its ring (the pixels of its 2θ bin). Hot: it stands out by far in nearly every frame that was
looked at and does not leak into its eight neighbours, as every diffraction spot does, however sharp. Dead: it counts
next to nothing while its neighbours count what the ring does, which a beam stop's edge does not. What cannot be told
from a spot stays in use, and so do clusters.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.outliers import RingLevels
from latticewatch.processing.integration.plan import Plan

FRAMES = 5  # with light in them, are one look; then what was found stands
MOST_EXCEPTIONS = 5  # of so many frames a hot pixel may be missing in one: it may have been half written
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
    def total(self) -> int:
        """How many there are."""
        return self.hot + self.dead

    @property
    def hot(self) -> int:
        """How many are hot."""
        return int(self.hot_mask.sum())

    @property
    def dead(self) -> int:
        """How many are dead."""
        return int(self.dead_mask.sum())


@dataclass(slots=True)
class _Look:
    """What one look has added up of each pixel: frames where it was valid and stood out, its and its ring's counts."""

    seen: NDArray[np.uint8]
    stood_out: NDArray[np.uint8]
    counted: NDArray[np.float32]
    expected: NDArray[np.float32]
    frames: int = 0


class DefectFinder:
    """Looks at frames of one scan, in order; the same frames give the same defects.

    The first frames make the first look, whose findings hold from the frame on that shows them. Later looks, at frames
    in which something stood out, add what they found when they end; one that found nothing makes the next wait longer.
    """

    def __init__(self, plan: Plan) -> None:
        nothing = np.zeros(plan.shape, bool)
        self._plan = plan
        self._look: _Look | None = None
        self._frames, self._next_look, self._pause = 0, 0, FRAMES
        self.defects = self._found = Defects(nothing, nothing, 0, settled=False)

    def over(self, plan: Plan) -> "DefectFinder":
        """One that knows these findings and looks with another plan from now on."""
        made = DefectFinder(plan)
        made.defects = made._found = replace(self.defects, settled=True)
        return made

    def observe(self, levels: RingLevels) -> bool:
        """Look at one more frame with light in it; True where ``defects`` changed."""
        self._frames += 1
        if self._look is None:
            if self._frames < self._next_look:
                return False
            size = self._plan.bins.size
            flags, sums = (np.zeros((2, size), kind) for kind in (np.uint8, np.float32))
            self._look = _Look(flags[0], flags[1], sums[0], sums[1])
        look, plan = self._look, self._plan
        _count_outstanding(levels.values, plan.bins, levels.median, levels.spread, look.seen, look.stood_out)
        _add(levels.values, plan.bins, plan.weight, levels.median, look.counted, look.expected)
        look.frames += 1
        ended, before = look.frames == FRAMES, self.defects
        if ended or not before.settled:
            found = self._conclude(look)
            settled = ended or before.settled
            hot, dead = found.hot_mask | self._found.hot_mask, found.dead_mask | self._found.dead_mask
            self.defects = Defects(hot, dead, self._frames, settled)
        if ended:
            self._pause = FRAMES if self.defects.total > self._found.total else 2 * self._pause
            self._found, self._look, self._next_look = self.defects, None, self._frames + self._pause
        return not np.array_equal(before.mask, self.defects.mask)

    def _conclude(self, look: _Look) -> Defects:
        shape = self._plan.shape
        excepted = (look.seen >= MOST_EXCEPTIONS).astype(np.uint8)
        hot = (look.stood_out > 0) & (look.stood_out + excepted >= look.seen)
        dead = np.zeros(hot.size, np.bool_)
        _find_isolated(look.counted, look.expected, shape[1], hot)
        _find_dead(look.counted, look.expected, shape[1], dead)
        return Defects(hot.reshape(shape), dead.reshape(shape), look.frames, settled=False)


@njit(nogil=True, cache=True)
def _count_outstanding(values, bins, median, spread, seen, stood_out):  # type: ignore[no-untyped-def]
    for pixel in range(len(values)):
        value, where = values[pixel], bins[pixel]
        if value == value:  # not NaN
            seen[pixel] += 1
            stood_out[pixel] += value - median[where] > HOT_SIGMAS * spread[where]


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
