"""Peaks without a structure: true values within their esds, and no number where there is no peak."""

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak, PeakRange, peak_named
from latticewatch.processing.refinement.peaks.fits import TrackedPeaks
from latticewatch.processing.refinement.peaks.profile import profile, with_derivatives
from latticewatch.processing.refinement.tracking.peaks_alone import PeaksAlone

GRID = np.linspace(8.0, 12.0, 401)
ONE = (PeakRange("one", (9.6, 10.4)),)
PAIR = (PeakRange("low", (9.6, 10.4)), PeakRange("high", (9.7, 10.4)))
# Area, place, width and shape.
Line = tuple[float, float, float, float]


def pattern(lines: list[Line], random: np.random.Generator, slope: float = 0.0, bad: float = 1.0) -> Pattern:
    """These lines on a sloping background, with noise; bad: by how much sigma understates it."""
    truth = 200.0 + slope * (GRID - 10.0)
    for area, *rest in lines:
        place, width, shape = (np.array([[value]]) for value in rest)
        truth = truth + area * profile(GRID, place, width, shape)[0]
    sigma = 0.3 * np.sqrt(truth)
    counts = truth + bad * sigma * random.normal(size=len(GRID))
    return Pattern(GRID, counts.astype(np.float32), sigma.astype(np.float32))


def pulls(peak: Peak, line: Line) -> list[float]:
    """Area, place, width and shape against the truth, in esds."""
    found = (peak.area, peak.two_theta_deg, peak.fwhm_deg, peak.shape)
    esds = (peak.area_esd, peak.two_theta_esd_deg, peak.fwhm_esd_deg, peak.shape_esd)
    return [(value - true) / esd for value, true, esd in zip(found, line, esds, strict=True)]


def rms(values: list[list[float]]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.mean(np.square(values), axis=0)))


@pytest.mark.parametrize("bad", [1.0, 1.7])
def test_esds_of_single_peaks_are_true(bad: float) -> None:
    random, found = np.random.default_rng(1), []
    peaks = TrackedPeaks(ONE, GRID)
    for _ in range(300):
        line = (
            float(10.0 ** random.uniform(1.3, 2.6)),
            10.0 + random.uniform(-0.2, 0.2),
            float(10.0 ** random.uniform(-1.3, -0.8)),
            random.uniform(0.1, 0.9),
        )
        (peak,) = peaks.fit(pattern([line], random, random.uniform(-20.0, 20.0), bad))
        assert peak.is_found
        found.append(pulls(peak, line))
    assert np.all((rms(found) > 0.85) & (rms(found) < 1.15)), rms(found)
    assert np.all(np.abs(np.mean(found, axis=0)) < 0.2)


def test_lines_that_overlap_are_told_apart() -> None:
    random, found = np.random.default_rng(2), []
    peaks = TrackedPeaks(PAIR, GRID)
    for _ in range(150):
        width = random.uniform(0.06, 0.1)
        half = 0.5 * width * random.uniform(1.1, 3.0)
        lines: list[Line] = [
            (random.uniform(20.0, 200.0), 10.0 + place, width, random.uniform(0.2, 0.8)) for place in (-half, half)
        ]
        for peak, line in zip(peaks.fit(pattern(lines, random)), lines, strict=True):
            found.append(pulls(peak, line))
    assert np.all((rms(found) > 0.85) & (rms(found) < 1.15)), rms(found)


def test_where_no_peak_is_there_is_no_number() -> None:
    random, areas = np.random.default_rng(3), []
    peaks = TrackedPeaks((*ONE, *PAIR[:1]), GRID)
    for _ in range(150):
        for peak in peaks.fit(pattern([], random, random.uniform(-20.0, 20.0))):
            assert not peak.is_found
            told = (peak.two_theta_esd_deg, peak.fwhm_deg, peak.fwhm_esd_deg, peak.shape, peak.shape_esd)
            assert np.isnan(told).all()
            areas.append(peak.area / peak.area_esd)
    assert np.max(np.abs(areas)) < 4.0
    assert abs(np.mean(areas)) < 0.2


def test_of_two_the_one_that_is_gone_leaves_the_other_as_it_is() -> None:
    line: Line = (80.0, 10.1, 0.08, 0.4)
    taken = pattern([line], np.random.default_rng(4))
    low, high = TrackedPeaks(PAIR, GRID).fit(taken)
    (alone,) = TrackedPeaks(ONE, GRID).fit(taken)
    assert sorted((low.is_found, high.is_found)) == [False, True]
    there = low if low.is_found else high
    assert there.two_theta_deg == pytest.approx(alone.two_theta_deg, abs=1e-4)
    assert there.area == pytest.approx(alone.area, rel=1e-2)


@pytest.mark.parametrize("place", [9.5, 10.5])
def test_a_line_beside_its_range_is_no_peak_in_it(place: float) -> None:
    for seed in range(20):
        (peak,) = TrackedPeaks(ONE, GRID).fit(pattern([(100.0, place, 0.12, 0.5)], np.random.default_rng(seed)))
        assert not peak.is_found


def test_a_line_cut_off_by_its_range_is_found_with_a_larger_esd() -> None:
    random, found = np.random.default_rng(6), []
    peaks = TrackedPeaks((PeakRange("cut", (9.94, 10.5)), PeakRange("far", (8.1, 8.9))), GRID)
    whole = TrackedPeaks(ONE, GRID)
    line: Line = (300.0, 10.0, 0.1, 0.5)
    for _ in range(60):
        taken = pattern([line], random)
        cut, far = peaks.fit(taken)
        assert not far.is_found
        assert cut.is_found
        assert cut.area_esd > whole.fit(taken)[0].area_esd
        found.append(pulls(cut, line))
    assert np.all(rms(found) < 1.3), rms(found)


@pytest.mark.parametrize("lost", [slice(198, 203), slice(190, 198), slice(0, 401, 2)])
def test_bins_without_counts_are_left_out(lost: slice) -> None:
    """A detector's saturated pixels are no counts: their bins are empty."""
    random, found = np.random.default_rng(7), []
    line: Line = (300.0, 10.0, 0.12, 0.5)
    for _ in range(60):
        taken = pattern([line], random)
        taken.intensity[lost] = np.nan
        (peak,) = TrackedPeaks(ONE, GRID).fit(taken)
        assert peak.is_found
        found.append(pulls(peak, line))
    assert np.all((rms(found) > 0.7) & (rms(found) < 1.3)), rms(found)


@pytest.mark.parametrize(
    ("intensity", "sigma"), [(np.nan, 1.0), (0.0, 0.0), (7.0, np.nan), (7.0, 1.0), (1e38, 1e-30), (-5.0, 1e30)]
)
def test_nothing_is_said_of_what_is_no_pattern(intensity: float, sigma: float) -> None:
    values = np.full(len(GRID), intensity, np.float32)
    for peak in TrackedPeaks(PAIR, GRID).fit(Pattern(GRID, values, np.full(len(GRID), sigma, np.float32))):
        assert not peak.is_found
    assert all(np.isnan(peak.area) for peak in TrackedPeaks(PAIR, GRID).fit(None))


def test_a_spike_in_one_bin_is_no_peak() -> None:
    taken = pattern([], np.random.default_rng(8))
    taken.intensity[205] += 400.0
    (peak,) = TrackedPeaks(ONE, GRID).fit(taken)
    assert not peak.is_found


def test_derivatives_are_those_of_the_profile() -> None:
    place, width, shape = np.array([[10.03]]), np.array([[0.11]]), np.array([[0.35]])
    _, *derivatives = with_derivatives(GRID, place, width, shape)
    step = 1e-6
    for number, derivative in enumerate(derivatives):
        change = np.eye(3)[number] * step
        up, down = (
            profile(GRID, *(each + sign * by for each, by in zip((place, width, shape), change, strict=True)))
            for sign in (1.0, -1.0)
        )
        np.testing.assert_allclose(derivative, (up - down) / (2.0 * step), atol=1e-5 * np.abs(derivative).max())


def test_peaks_alone_are_a_fit_that_is_drawn_again() -> None:
    random = np.random.default_rng(9)
    ranges = (*PAIR, PeakRange("far", (8.1, 8.9)))
    refinement = PeaksAlone(ranges, GRID)
    taken = pattern([(100.0, 9.95, 0.08, 0.5), (60.0, 10.1, 0.08, 0.5)], random)
    fit = refinement.refine(taken)
    assert isinstance(fit, Fit)
    assert 0.7 < fit.chi2_reduced < 1.4
    curves = refinement.curves(fit.parameters)
    left = (taken.intensity - curves.calculated) / taken.sigma
    assert 0.7 < float(np.nanmean(left**2)) < 1.3
    seen = GRID[np.isfinite(left)]
    assert (seen.min(), seen.max()) == pytest.approx((8.1, 10.4), abs=0.011)
    # A run file has lines of one length: those of the longest.
    longer = refinement.curves(np.append(fit.parameters, [np.nan] * 5))
    np.testing.assert_array_equal(longer.calculated, curves.calculated)
    assert np.isnan(refinement.curves(fit.parameters[:6]).calculated).all()
    assert refinement.refine(pattern([], random)) == NoResult("no peaks")
    dark = Pattern(GRID, np.zeros(len(GRID), np.float32), np.ones(len(GRID), np.float32))
    assert refinement.fork().refine(dark) == NoResult("no beam")


def test_a_peak_is_found_by_its_name() -> None:
    assert peak_named((Peak("a", 1.0), Peak("b", 2.0)), "b").two_theta_deg == 2.0
    assert not peak_named((Peak("a", 1.0),), "c").is_found
