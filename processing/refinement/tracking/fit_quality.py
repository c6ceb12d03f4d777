"""Whether a fit is as good as those before it.

What a model leaves of a pattern grows with the flux and the sample, so it is measured as a share of the peaks:
(χ² - 1) / signal per bin. A limit on χ² that follows the fits would follow one that slowly goes bad; the share is
held against the best since the start as well.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from latticewatch.processing.refinement.model.lines import Layout
from latticewatch.processing.refinement.solver.solve import Data, Solution

# χ² may be this many times what it was, and five sigma of its own scatter more.
FACTOR = 1.2
SIGMAS = 5.0
# A fit that is worse by so many sigma has another try, in which what is tracked may move by more than is usual.
SURPRISE = 3.0
REMEMBERED = 50
# What is not explained may grow to so many times the least since the start. A share of the peaks below the floor
# (5 % of their height) is never too much: real profiles change while a reaction runs, and a foreign phase that
# leaves this much moved lattice parameters of simulated scans by 20e-4 Å.
GROWTH = 4.0
FLOOR = 2.5e-3
# Below this χ² noise may be all there is.
GROSS = 3.0
NOTHING = 1e-5
# A share that grows so many times at once is another sample, not this one going bad.
JUMP = 4.0
JUMP_FLOOR = 5e-3


@dataclass(frozen=True, slots=True)
class Quality:
    """chi2: per bin, in the pattern's own sigmas. signal: (intensity - background)² in σ², mean over the bins."""

    chi2: float
    signal: float
    bins: int

    @property
    def excess(self) -> float:
        """The share of the peaks that is left unexplained, beyond the noise."""
        return (self.chi2 - 1.0) / self.signal


def quality_of(solution: Solution, data: Data, lay: Layout, noise: float) -> Quality:
    """noise: factor that the variances of the data were multiplied by."""
    above = data.y - solution.x[lay.background : lay.ratio] @ data.basis
    bins = len(data.y)
    signal = noise / bins * float(above @ (above / np.maximum(data.variance, data.floor)))
    return Quality(float(noise * solution.chi2 / bins), max(signal, 1e-12), bins)


@dataclass(frozen=True, slots=True)
class RecentFits:
    """Shares left unexplained by the last accepted fits, and the least since the start (a running median)."""

    excess: tuple[float, ...] = ()
    best: float = math.inf

    def anew(self) -> "RecentFits":
        """For fits that are to set a new measure, but no worse one than the best ever needed."""
        return RecentFits((), self.best)

    def joined(self, quality: Quality) -> "RecentFits":
        """With one more accepted fit."""
        excess = (*self.excess, quality.excess)[-REMEMBERED:]
        return replace(self, excess=excess, best=min(self.best, max(middle(excess), 0.0)))

    def allows(self, quality: Quality) -> bool:
        """Whether this fit is as good as those before it; the first one is."""
        chance = SIGMAS * math.sqrt(2.0 / quality.bins)
        usual = not self.excess or quality.chi2 <= self._expected(quality) * (FACTOR + chance)
        return usual and not self.went_bad(quality)

    def surprises(self, quality: Quality) -> bool:
        """Whether this fit is worse than those before it by more than chance."""
        return bool(self.excess) and quality.chi2 > self._expected(quality) * (
            1.0 + SURPRISE * math.sqrt(2.0 / quality.bins)
        )

    def went_bad(self, quality: Quality) -> bool:
        """Whether more is left unexplained than this sample ever needed to."""
        return quality.chi2 > GROSS and quality.excess > max(GROWTH * self.best, FLOOR)

    def bears(self, quality: Quality) -> bool:
        """Whether what is left is little enough for the esds to hold what it does to the cells."""
        return quality.chi2 <= GROSS or quality.excess <= FLOOR

    def jumps_to(self, quality: Quality) -> bool:
        """Whether so much more is left at once that another sample came into the beam."""
        last = self.excess[-1] if self.excess else 0.0
        return quality.chi2 > GROSS and quality.excess > max(JUMP * last, JUMP_FLOOR)

    def reason(self, quality: Quality) -> str:
        """Why a fit that is not allowed is refused."""
        if self.went_bad(quality):
            if quality.excess > 1.0:
                return "the peaks are no longer those of the phases"
            before = f"{100.0 * self.best:.2g} %" if self.best > NOTHING else "only noise"
            return f"{100.0 * quality.excess:.2g} % of the peaks is not explained, it was {before}"
        return f"χ² is {quality.chi2 / self._expected(quality):.1f} times that of the frames before"

    def _expected(self, quality: Quality) -> float:
        return 1.0 + max(middle(self.excess), 0.0) * quality.signal


def middle(values: tuple[float, ...]) -> float:
    """The median, the upper one of two."""
    return sorted(values)[len(values) // 2]
