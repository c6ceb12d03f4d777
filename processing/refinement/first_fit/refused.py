"""Patterns that are refused one after another: a search that found nothing is made again only in another pattern.

The search for lattices where nothing is known takes a hundred times as long as a fit. Solvent before mixing, another
phase, a sample that was washed out look alike in frame after frame, and so does what the search finds in them. Whether
a pattern is another one is asked of the difference: what is left of it once the earlier pattern is scaled to it, with a
free background. Noise decides at times: a pattern that is mostly explained by lattices and refused all the same has
another look. Where patterns change and change and nothing is found, the next search waits until more has changed, or
longer each time.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS
from latticewatch.processing.refinement.solver.peak_amplitude import amplitude_of
from latticewatch.processing.refinement.solver.solve import Data

Floats = NDArray[np.float64]
# A difference is no chance where it, summed over one of these numbers of bins, is so many sigmas from nothing. Of two
# alike patterns of 500 bins the largest such sum is 3 to 4.7.
BOXES = (1, 2, 4, 8)
CHANGED = 5.5
# A pattern that is so much stronger may show what was too weak to be found.
STRONGER = 1.25
# After a search that found nothing so many times the change that led to it leads to the next one, or any change after
# so many frames, twice as many each time.
GROWN = 2.0
# A pattern that is explained but for this share of what stands above the background is searched again so many frames
# after its first search, unchanged.
MOSTLY = 0.05
SECOND_LOOKS = (2,)
FIRST_WAIT = 4
LONGEST_WAIT = 128


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fresh start had to do: as well as the fits before it, better than what was tracked. slots: the foreign
    lines that were known."""

    as_before: bool
    better: bool
    slots: tuple[int, ...]

    def covers(self, other: "Asked") -> bool:
        """Whether what fails this fails the other one too."""
        return self.slots == other.slots and self.as_before <= other.as_before and self.better <= other.better


@dataclass(frozen=True, slots=True)
class Refused:
    """data: the pattern of the last search that found nothing. result: what was said. passed: the change from which on
    there is another search at once. wait: frames until there is one after any change, waited: as many as at first.
    misfit: the share that is not explained. age: frames since the first search of this pattern."""

    data: Data
    asked: Asked
    result: NoResult
    misfit: float
    passed: float = CHANGED
    wait: int = FIRST_WAIT
    waited: int = FIRST_WAIT
    age: int = 0

    def change(self, data: Data, asked: Asked) -> float:
        """Sigmas by which this pattern differs, beyond noise, flux and background; infinite where it is another task or
        much more is in the beam."""
        before = self.data
        if not (self.asked.covers(asked) and np.array_equal(before.grid, data.grid)):
            return math.inf
        variance = np.maximum(data.variance, data.floor) + np.maximum(before.variance, before.floor)
        basis = np.ascontiguousarray(data.basis[:BACKGROUND_TERMS])
        found = amplitude_of(before.y, data._replace(basis=basis, variance=variance, floor=np.zeros_like(variance)))
        if found.factor - STRONGER > CHANGED * found.deviation:
            return math.inf
        rest = (data.y - found.factor * before.y - found.background @ basis) / np.sqrt(variance)
        change = _largest(rest) / _white_noise(rest)
        return change if math.isfinite(change) else math.inf

    def repeats(self, change: float, eager: bool) -> bool:
        """Whether a search would find the same. eager: whether any change is worth one."""
        if change < CHANGED:
            return self.misfit > MOSTLY or self.age + 1 not in SECOND_LOOKS
        return not (eager or change > self.passed or self.wait <= 0)

    def waiting(self) -> "Refused":
        """One frame later."""
        return replace(self, wait=self.wait - 1, age=self.age + 1)

    def again(self, now: "Refused", change: float) -> "Refused":
        """After another search that found nothing, which this change led to."""
        if change < CHANGED:
            return replace(self.waiting(), misfit=now.misfit)
        passed = GROWN * change if math.isfinite(change) else self.passed
        waited = min(2 * self.waited, LONGEST_WAIT)
        return replace(now, passed=passed, wait=waited, waited=waited)


def _largest(rest: Floats) -> float:
    """Sigmas of what stands out most, up or down, over any of the BOXES."""
    total = np.cumsum(np.concatenate([[0.0], rest]))
    return max(float(np.max(np.abs(total[width:] - total[:-width]))) / math.sqrt(width) for width in BOXES)


def _white_noise(rest: Floats) -> float:
    """Standard deviation of what changes from bin to bin, at least 1: the gain of a detector may not be known."""
    change = rest[:-2] - 2.0 * rest[1:-1] + rest[2:]
    return max(1.0, 1.4826 * float(np.median(np.abs(change))) / math.sqrt(6.0))
