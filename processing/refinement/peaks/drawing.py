"""Followed peaks as they were fitted, drawn over their angles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak, PeakRange, peak_named
from latticewatch.processing.refinement.peaks.profile import profile
from latticewatch.processing.refinement.peaks.ranges import together

Floats = NDArray[np.float64]


def peak_curves(ranges: Sequence[PeakRange], peaks: Sequence[Peak], pattern: Pattern) -> list[tuple[Floats, Floats]]:
    """Angle and calculated intensity over each stretch of ranges that overlap: the peaks that were found, on the
    straight background that follows from them. None where nothing was fitted."""
    drawn = []
    for numbers in together(ranges):
        found = [peak_named(peaks, ranges[number].name) for number in numbers]
        limits = [ranges[number].two_theta_deg for number in numbers]
        first, last = np.searchsorted(pattern.two_theta, (min(limits)[0], max(high for _, high in limits)))
        part = slice(int(first), int(last) + 1)
        x, y, sigma = (each[part].astype(np.float64) for each in (pattern.two_theta, pattern.intensity, pattern.sigma))
        known = np.isfinite(y) & np.isfinite(sigma) & (sigma > 0.0)
        if np.count_nonzero(known) < 2 or all(np.isnan(peak.area) for peak in found):
            continue
        lines = np.zeros(len(x))
        for peak in found:
            if peak.is_found:
                place, width, shape = (np.array([[each]]) for each in (peak.two_theta_deg, peak.fwhm_deg, peak.shape))
                lines += peak.area * profile(x, place, width, shape)[0]
        slope, level = np.polyfit(x[known] - x.mean(), (y - lines)[known], 1, w=1.0 / sigma[known])
        drawn.append((x, lines + level + slope * (x - x.mean())))
    return drawn
