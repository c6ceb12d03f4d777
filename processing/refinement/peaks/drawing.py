"""Followed peaks as they were fitted, drawn over their angles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import NAN, Peak, PeakRange, peak_named
from latticewatch.processing.refinement.peaks.profile import profile
from latticewatch.processing.refinement.peaks.ranges import together

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Angles over which peaks were fitted together.

    bins: of the run's grid; two_theta: (bins,) their angles. level, slope: of the straight background, at the mean of
    the angles and per degree; NaN: nothing was fitted.
    """

    bins: slice
    two_theta: Floats
    peaks: Sequence[Peak]
    level: float = NAN
    slope: float = NAN

    @classmethod
    def of(cls, ranges: Sequence[PeakRange], two_theta: Floats, peaks: Sequence[Peak] = ()) -> "Stretch":
        """That of peaks whose ranges overlap."""
        low, high = (pick(each.two_theta_deg[end] for each in ranges) for end, pick in ((0, min), (1, max)))
        first, last = np.searchsorted(two_theta, (low, high))
        bins = slice(int(first), int(last) + 1)
        return cls(bins, two_theta[bins], peaks)

    @property
    def lines(self) -> Floats:
        """(bins,) the peaks that were found, without background."""
        total = np.zeros(len(self.two_theta))
        for peak in self.peaks:
            if peak.is_found:
                place, width, shape = (np.array([[each]]) for each in (peak.two_theta_deg, peak.fwhm_deg, peak.shape))
                total += peak.area * profile(self.two_theta, place, width, shape)[0]
        return total

    @property
    def background(self) -> Floats:
        return np.asarray(self.level + self.slope * (self.two_theta - self.two_theta.mean()))

    @property
    def calculated(self) -> Floats:
        return self.lines + self.background


def stretches(ranges: Sequence[PeakRange], peaks: Sequence[Peak], pattern: Pattern) -> list[Stretch | None]:
    """Each stretch of ranges that overlap, with the straight background that follows from its peaks; None where nothing
    was fitted."""
    drawn: list[Stretch | None] = []
    for numbers in together(ranges):
        found = [peak_named(peaks, ranges[number].name) for number in numbers]
        its = Stretch.of([ranges[number] for number in numbers], pattern.two_theta, found)
        y, sigma = (each[its.bins].astype(np.float64) for each in (pattern.intensity, pattern.sigma))
        known = np.isfinite(y) & np.isfinite(sigma) & (sigma > 0.0)
        if np.count_nonzero(known) < 2 or all(np.isnan(peak.area) for peak in found):
            drawn.append(None)
            continue
        x, left = its.two_theta - its.two_theta.mean(), y - its.lines
        slope, level = np.polyfit(x[known], left[known], 1, w=1.0 / sigma[known])
        drawn.append(Stretch(its.bins, its.two_theta, found, float(level), float(slope)))
    return drawn


def peak_curves(ranges: Sequence[PeakRange], peaks: Sequence[Peak], pattern: Pattern) -> list[tuple[Floats, Floats]]:
    """Angle and calculated intensity over each stretch that was fitted."""
    return [(each.two_theta, each.calculated) for each in stretches(ranges, peaks, pattern) if each is not None]
