"""The realistic scans themselves: their truth against independent reasoning."""

import math
from dataclasses import replace

import numpy as np
import pytest

from latticewatch.processing.simulation.powder import background
from latticewatch.processing.simulation.realism.drawn import left_at, real_scan, vegard
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.profile import area_of_200, expected_profile
from latticewatch.processing.simulation.realism.real_scan import Course, ForeignLine, Leg, RealScan
from latticewatch.processing.simulation.recipes import recipe_named
from latticewatch.processing.simulation.truth import expected
from tests.realistic_patterns import pilatus_bins, real_pattern
from tests.simulated_patterns import bin_means, binning


def plain(seed: int = 3) -> RealScan:
    """A scan of this seed without anything beside its two crystals."""
    scan = real_scan(seed)
    crystals = [replace(one, intensity_errors=np.ones(64), axis_ratio=1.0) for one in scan.crystals]
    return replace(scan, crystals=tuple(crystals), course=Course(), foreign=(), events=(), hot=())


def test_a_seed_is_a_scan() -> None:
    bins = pilatus_bins()
    first, second = (real_pattern(real_scan(5), frame_truth(real_scan(5), 30), bins) for _ in range(2))
    other = real_pattern(real_scan(6), frame_truth(real_scan(6), 30), bins)
    assert first is not None
    assert second is not None
    assert other is not None
    assert np.array_equal(first.intensity, second.intensity)
    assert not np.array_equal(first.intensity, other.intensity)


def test_every_ingredient_is_drawn() -> None:
    scans = [real_scan(seed) for seed in range(300)]
    assert {scan.chemistry for scan in scans} == {"iodide", "chloride"}
    assert len({scan.before for scan in scans}) == 4
    assert {scan.foreign_level for scan in scans} == {0.0, 0.01, 0.03}
    assert {scan.course.spread_A for scan in scans} == {0.0, 0.006, 0.012}
    for there in (
        lambda scan: scan.distorted,
        lambda scan: len(scan.epochs) > 2,
        lambda scan: bool(scan.hot),
        lambda scan: bool(scan.events),
        lambda scan: scan.course.flushed >= 0,
        lambda scan: scan.course.unreadable > 0,
        lambda scan: any(line.since for line in scan.foreign),
        lambda scan: any(line.fwhm_deg > 0.3 for line in scan.foreign),
    ):
        assert 0.02 < np.mean([there(scan) for scan in scans]) < 0.7


def test_anions_are_kept() -> None:
    scan = plain()
    amounts = scan.epochs[1].amounts
    begin = math.ceil(scan.epochs[1].begin)
    for number in range(begin, scan.frames, 20):
        cells = [lattice.lp_A for lattice in frame_truth(scan, number).lattices]
        assert np.average(cells, weights=amounts) == pytest.approx(scan.epochs[1].end_A, abs=1e-9)
    assert vegard((5.8, 6.2), (3.0, 1.0)) == pytest.approx(5.9)


def test_what_is_left_falls_and_rests() -> None:
    legs = (Leg(0.0, 1.0, 10.0), Leg(5.0, math.exp(-0.5), math.inf), Leg(9.0, math.exp(-0.5), 20.0))
    assert left_at(legs, 5.0) == left_at(legs, 8.9) == pytest.approx(math.exp(-0.5))
    assert left_at(legs, 29.0) == pytest.approx(math.exp(-1.5))


def test_unmixed_lines_are_as_strong_as_the_ideal_simulators() -> None:
    """Pure crystals of the same size and shape: two independent ways to the same pattern."""
    recipe = recipe_named("iodide")
    ideal = expected(recipe, recipe.mixing_s)
    scan = plain(3)
    crystals = [
        replace(one, start_A=cell.start_A, size_A=cell.size_A, lorentzian=0.4)
        for one, cell in zip(scan.crystals, recipe.ingredients, strict=True)
    ]
    amounts = tuple(one.amount for one in recipe.ingredients)
    cells = tuple(one.start_A for one in crystals)
    epoch = replace(scan.epochs[1], begin=0.0, cells_A=cells, amounts=amounts, end_A=vegard(cells, amounts))
    scan = replace(scan, crystals=tuple(crystals), epochs=(epoch, epoch))
    assert scan.chemistry == "iodide"
    grid = binning().two_theta
    truth = replace(frame_truth(scan, 0), flux=1.0)
    real = expected_profile(scan, truth, grid) - expected_profile(scan, replace(truth, lattices=()), grid)
    known = bin_means(replace(ideal, flux=1.0), grid) - background(grid)
    near = grid < 24.0  # the lines of the two end at different angles
    scale = (real[near] @ known[near]) / (known[near] @ known[near])
    assert np.abs(real - scale * known)[near].max() < 0.01 * known.max()


def test_a_longer_axis_keeps_the_mean_edge_and_the_area() -> None:
    straight = plain()
    first = straight.crystals[0]
    bent = replace(straight, crystals=(replace(first, axis_ratio=1.004), straight.crystals[1]))
    number = math.ceil(straight.epochs[1].begin) + 3
    one, other = (frame_truth(scan, number).lattices[0] for scan in (straight, bent))
    assert other.lp_A == pytest.approx(one.lp_A)
    assert other.edges_A == pytest.approx(0.004 * one.lp_A, rel=0.01)
    assert other.areas.sum() == pytest.approx(one.areas.sum(), rel=2e-3)
    assert len(other.angles) > len(one.angles)


def test_foreign_lines_have_their_share_of_200() -> None:
    scan = replace(plain(), foreign=(ForeignLine(11.0, 0.03, 0.13, since=40),))
    grid = np.linspace(10.0, 12.0, 4001)
    truth = replace(frame_truth(scan, 50), flux=1.0)
    added = expected_profile(scan, truth, grid) - expected_profile(replace(scan, foreign=()), truth, grid)
    assert np.trapezoid(added, grid) == pytest.approx(0.03 * area_of_200(scan), rel=1e-3)
    early = replace(truth, number=39)
    assert np.array_equal(expected_profile(scan, early, grid), expected_profile(replace(scan, foreign=()), early, grid))


def test_noise_is_that_of_the_counts() -> None:
    scan, bins = plain(), pilatus_bins()
    pulls = []
    for number in range(20, 40):
        truth = frame_truth(scan, number)
        pattern = real_pattern(scan, truth, bins)
        assert pattern is not None
        good = bins.response > 20.0
        mean, response = (
            expected_profile(scan, truth, bins.inside.ravel()).reshape(bins.inside.shape)[good].mean(axis=1),
            bins.response[good],
        )
        pulls.append((pattern.intensity[good] - mean) / np.sqrt(mean / response))
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.05)
