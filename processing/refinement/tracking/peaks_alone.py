"""The refinement of a run without a lattice: followed peaks are all that is known of a pattern."""

import copy
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import NAN, Curves, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak, PeakRange
from latticewatch.processing.refinement.peaks.drawing import Stretch, stretches
from latticewatch.processing.refinement.peaks.fits import BACKGROUND, PER_PEAK, TrackedPeaks
from latticewatch.processing.refinement.peaks.ranges import together
from latticewatch.processing.refinement.tracking.light import Light

Floats = NDArray[np.float64]
NO_BEAM, NO_PEAKS = NoResult("no beam"), NoResult("no peaks")


class PeaksAlone:
    """A pattern is fitted where at least one peak is found in it. Only whether there is beam is remembered."""

    def __init__(self, ranges: Sequence[PeakRange], two_theta: Floats) -> None:
        """two_theta: (bins,) the run's grid in degrees."""
        self._ranges, self._grid = tuple(ranges), np.asarray(two_theta, np.float64)
        self._fits, self._light = TrackedPeaks(ranges, two_theta), Light()

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        """A fit without lattices, or why there is none. Its figures of merit are those of the ranges."""
        light = self._light.joined(pattern)
        if light is None:
            return NO_BEAM
        self._light = light
        peaks = self._fits.fit(pattern)
        if not any(peak.is_found for peak in peaks):
            return NO_PEAKS
        drawn = stretches(self._ranges, peaks, pattern)
        rwp_percent, chi2 = _merit(drawn, pattern, sum(peak.is_found for peak in peaks))
        return Fit((), 0, NAN, NAN, rwp_percent, chi2, 0, True, self._packed(peaks, drawn))

    def remember(self, cells_A: Sequence[float]) -> None:
        """There are no lattices."""

    def fork(self) -> "PeaksAlone":
        """One that knows what this one knows now; what either sees from now on the other does not."""
        return copy.copy(self)

    def curves(self, parameters: Floats) -> Curves:
        """Peaks and backgrounds over their ranges; what stands behind the parameters belongs to longer rows of a file.
        Nothing is drawn for parameters of fewer peaks."""
        background = np.full(len(self._grid), np.nan)
        calculated = background.copy()
        groups, count = together(self._ranges), PER_PEAK * len(self._ranges)
        if len(parameters) < count + BACKGROUND * len(groups):
            return Curves(background, np.empty((0, len(self._grid))), calculated)
        values = parameters[:count].reshape(-1, PER_PEAK)
        peaks = [
            Peak(each.name, two_theta_deg=place, area=area, fwhm_deg=width, shape=shape)
            for each, (area, place, width, shape) in zip(self._ranges, values, strict=True)
        ]
        lines = parameters[count : count + BACKGROUND * len(groups)].reshape(-1, BACKGROUND)
        for numbers, (level, slope) in zip(groups, lines, strict=True):
            part = Stretch.of([self._ranges[number] for number in numbers], self._grid).bins
            x = self._grid[part]
            its = Stretch(part, x, [peaks[number] for number in numbers], level, slope)
            background[part], calculated[part] = its.background, its.calculated
        return Curves(background, np.empty((0, len(self._grid))), calculated)

    def _packed(self, peaks: Sequence[Peak], drawn: Sequence[Stretch | None]) -> Floats:
        lines = [(NAN, NAN) if each is None else (each.level, each.slope) for each in drawn]
        values = [(peak.area, peak.two_theta_deg, peak.fwhm_deg, peak.shape) for peak in peaks]
        return np.array([*sum(values, ()), *sum(lines, ())], np.float64)


def _merit(drawn: Sequence[Stretch | None], pattern: Pattern, found: int) -> tuple[float, float]:
    """Rwp in percent, and χ² over the degrees of freedom, of all ranges."""
    left = total = 0.0
    bins = 0
    for each in filter(None, drawn):
        y, sigma = (values[each.bins].astype(np.float64) for values in (pattern.intensity, pattern.sigma))
        known = np.isfinite(y) & np.isfinite(sigma) & (sigma > 0.0)
        pull, size = ((y - each.calculated) / sigma)[known], (y / sigma)[known]
        left, total, bins = left + float(pull @ pull), total + float(size @ size), bins + len(pull)
    freedom = max(1, bins - PER_PEAK * found - BACKGROUND * len(drawn))
    return 100.0 * math.sqrt(left / total) if total > 0.0 else NAN, left / freedom
