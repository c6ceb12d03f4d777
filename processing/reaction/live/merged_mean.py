"""The mean of two lattices that cannot be told apart: where it leaps, more was added to the sample.

Lattices that exchange leave their weighted mean nearly where it is. What is added to a sample that has come together,
or nearly so, moves it at once. Where its lines never come apart from those of the sample no distance is told; the fit
has one all the same, which is no measure of the lattices but shows whether they have come together.
"""

import math
from dataclasses import dataclass
from statistics import median

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.reaction.observed import untold_distance

# The mean leaps where it moves by more than so many esds, and stays there for so many frames.
LEAP_SIGMAS = 8.0
LEAP_FRAMES = 3
# So many means before it say from where, the last of these; among fewer a few bad frames would be the most.
MEANS, FEWEST_MEANS = 7, 3
# One standard deviation of a distance that is not told: a share of it, and Å or so many esds of the mean, of which the
# distance of merged lattices scatters by 12 to 25.
UNTOLD_SHARE, UNTOLD_A, UNTOLD_ESDS = 0.03, 10e-4, 25.0


@dataclass(frozen=True, slots=True)
class Untold:
    """One frame: the distance that the fit has of two lattices it does not tell apart, with its esd, in Å."""

    time_s: float
    period_s: float
    distance_A: float
    esd_A: float


@dataclass(frozen=True, slots=True)
class MergedMean:
    """means: of the last frames, Å. before_s: time of the last of them. leapt: the frames since it leapt."""

    means: tuple[float, ...] = ()
    before_s: float = math.nan
    leapt: tuple[Untold, ...] = ()

    @property
    def has_leapt(self) -> bool:
        """Whether the mean has gone elsewhere to stay."""
        return len(self.leapt) >= LEAP_FRAMES

    def joined(self, fit: Fit, time_s: float, period_s: float, least_A: float) -> "MergedMean":
        """With one more frame of merged lattices. least_A: a smaller leap says nothing."""
        if len(self.means) >= FEWEST_MEANS:
            away = abs(fit.lp_mean_A - median(self.means))
            if away > max(least_A, LEAP_SIGMAS * fit.lp_mean_esd_A):
                return MergedMean(self.means, self.before_s, (*self.leapt, untold(fit, time_s, period_s)))
        return MergedMean((*self.means[1 - MEANS :], fit.lp_mean_A), time_s)


def untold(fit: Fit, time_s: float, period_s: float) -> Untold:
    """What this fit has of the distance of its lattices."""
    distance_A = untold_distance(fit)
    least_A = max(UNTOLD_A, UNTOLD_ESDS * min(fit.lp_mean_esd_A, 1.0))
    return Untold(time_s, period_s, distance_A, math.hypot(UNTOLD_SHARE * distance_A, least_A))
