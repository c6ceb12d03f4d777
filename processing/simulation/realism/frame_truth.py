"""What is in the beam at one frame of a realistic scan, with laws of its own: not those that the refinement knows."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.crystal.reflections import d_spacing, structure_factors, two_theta_deg
from latticewatch.processing.simulation.realism.drawn import left_at
from latticewatch.processing.simulation.realism.real_scan import Crystal, Epoch, RealScan
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from latticewatch.processing.simulation.truth import GAUSSIAN_FWHM, LORENTZIAN_FWHM, voigt_fwhm

Floats = NDArray[np.float64]

LARGEST_SQUARES = 56
WEIGHED_TO_DEG = 25.5
COUNTS = 2.9e-3
"""Counts per pixel and degree for one formula unit: a frame then knows the cell to about half a ten-thousandth Å."""
INSTRUMENT_FWHM_DEG = 0.05
FLUX_NOISE = 0.015
TEXTURE_FRAMES = 20.0
FLUSH_FRAMES = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class LineTable:
    """Lines of a perovskite: h² + k² + l², the square of the index along the longer axis, and the intensity (m |F|²)
    as a polynomial of second degree in the share of the other component; all (lines,)."""

    squares: Floats
    axis: Floats
    intensity: tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class LatticeNow:
    """One lattice at one frame.

    lp_A: mean of its three edges. edges_A: largest less smallest edge. amount: 0 where it is not in the beam.
    weight: its share of the scattering. angles, areas, sigma, gamma: of its lines, degrees and counts times degrees.
    fwhm_deg: of (211).
    """

    lp_A: float
    edges_A: float
    amount: float
    weight: float
    angles: Floats
    areas: Floats
    sigma: Floats
    gamma: Floats
    fwhm_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class FrameTruth:
    """One frame.

    flux: 0 without beam. left: of the change, NaN where nothing reacts. resting: in a pause. separation_fwhm: of the
    (211) lines. filling: of the capillary, less than 1 in a bubble.
    """

    number: int
    time_s: float
    flux: float
    filling: float
    left: float
    resting: bool
    lattices: tuple[LatticeNow, LatticeNow]
    separation_fwhm: float


def frame_truth(scan: RealScan, number: int) -> FrameTruth:
    rng = np.random.default_rng([scan.seed, 0xF1, number])
    course, share = scan.course, number / scan.frames
    epoch = [epoch for epoch in scan.epochs if epoch.begin <= number][-1]
    left = left_at(epoch.legs, number - epoch.begin) if epoch.legs else math.nan
    leg = [leg for leg in epoch.legs if leg.begin <= number - epoch.begin]
    events = [event for event in scan.events if event.first <= number <= event.last]
    flux = math.prod(event.factor for event in events if not event.bubble)
    filling = math.prod(event.factor for event in events if event.bubble)
    beam = math.exp(FLUX_NOISE * float(rng.standard_normal()) + course.absorption * share)
    sample = (1.0 - course.fade * share) * filling
    if 0 <= course.flushed < number:
        sample *= math.exp(-(number - course.flushed) / FLUSH_FRAMES)
    lattices = [_lattice(scan, epoch, which, 1.0 if math.isnan(left) else left, sample, number) for which in (0, 1)]
    total = sum(lattice.weight for lattice in lattices)
    first, second = (replace(each, weight=each.weight / total if total > 0.0 else math.nan) for each in lattices)
    angles = [float(two_theta_deg(d_spacing(lattice.lp_A, (2, 1, 1)), WAVELENGTH_A)) for lattice in (first, second)]
    return FrameTruth(
        number=number,
        time_s=number * scan.period_s,
        flux=flux * beam,
        filling=filling,
        left=left,
        resting=bool(leg) and math.isinf(leg[-1].tau),
        lattices=(first, second),
        separation_fwhm=abs(angles[1] - angles[0]) * 2.0 / (first.fwhm_deg + second.fwhm_deg),
    )


def _lattice(scan: RealScan, epoch: Epoch, which: int, left: float, sample: float, number: int) -> LatticeNow:
    crystal, course = scan.crystals[which], scan.course
    started = scan.crystals[0].start_A, scan.crystals[1].start_A
    cell = epoch.end_A + (epoch.cells_A[which] - epoch.end_A) * left
    share = min(max((cell - started[which]) / (started[1 - which] - started[which]), 0.0), 1.0)
    lp = cell * (1.0 + course.warming * number / scan.frames)
    amount = epoch.amounts[which] * sample
    table = _lines(crystal.phase, scan.crystals[1 - which].phase, started[which], crystal.axis_ratio != 1.0)
    edge = lp / (1.0 + (crystal.axis_ratio - 1.0) / 3.0)
    along = edge * crystal.axis_ratio
    inverse = np.sqrt((table.squares - table.axis) / edge**2 + table.axis / along**2)
    angles = np.asarray(two_theta_deg(1.0 / inverse, WAVELENGTH_A), dtype=np.float64)
    spread = course.spread_A * _spread_share(course.spread_law, left) if epoch.legs else 0.0
    sigma, gamma = _widths(crystal, angles, spread / lp)
    areas = COUNTS * amount * _intensities(table, share, angles, lp)
    places = table.squares.astype(np.int64)
    areas = areas * crystal.intensity_errors[places]
    if course.texture:
        areas = areas * _textures(scan.seed, which, course.texture, 256)[number][places]
    at = float(two_theta_deg(d_spacing(lp, (2, 1, 1)), WAVELENGTH_A))
    one_sigma, one_gamma = _widths(crystal, np.array([at]), spread / lp)
    last = (2.0 * min(started) * math.sin(math.radians(WEIGHED_TO_DEG / 2.0)) / WAVELENGTH_A) ** 2
    weight = float(areas[table.squares <= last].sum())
    fwhm = voigt_fwhm(float(one_sigma[0]), float(one_gamma[0]))
    return LatticeNow(lp, along - edge, amount, weight, angles, areas, sigma, gamma, fwhm)


def _spread_share(law: int, left: float) -> float:
    bow = 4.0 * left * (1.0 - left)
    return (bow, math.sqrt(max(bow, 0.0)), min(1.0, (1.0 - left) / 0.02, left / 0.05))[law]


def _widths(crystal: Crystal, angles: Floats, relative_spread: float) -> tuple[Floats, Floats]:
    """σ and half width γ in degrees: a Voigt function from size (Scherrer), Gaussian from spread and instrument."""
    cosine, tangent = np.cos(np.radians(angles / 2.0)), np.tan(np.radians(angles / 2.0))
    fwhm = math.degrees(0.9 * WAVELENGTH_A / crystal.size_A) / cosine
    share = crystal.lorentzian
    gaussian = math.sqrt((1.0 - 0.5346 * share) ** 2 - 0.2166 * share**2) * fwhm / GAUSSIAN_FWHM
    strain = np.degrees(2.0 * tangent * relative_spread)
    sigma = np.sqrt(gaussian**2 + strain**2 + (INSTRUMENT_FWHM_DEG / GAUSSIAN_FWHM) ** 2)
    return sigma, share * fwhm / LORENTZIAN_FWHM


def _intensities(table: LineTable, share: float, angles: Floats, edge: float) -> Floats:
    theta = np.radians(angles / 2.0)
    mixed = table.intensity[0] + table.intensity[1] * share + table.intensity[2] * share**2
    return np.asarray(mixed / (edge**3 * np.sin(theta) ** 2 * np.cos(theta)), dtype=np.float64)


@lru_cache(maxsize=16)
def _lines(phase: str, other: str, edge: float, split: bool) -> LineTable:
    """|(1 - x) F + x F'|² is a polynomial in x: that of a crystal mixed on the site of the anion."""
    rows = [
        (sum(index * index for index in (h, k, el)), axis, planes, (h, k, el))
        for h in range(8)
        for k in range(h + 1)
        for el in range(k + 1)
        if 0 < h * h + k * k + el * el <= LARGEST_SQUARES
        for axis, planes in _planes((h, k, el), split)
    ]
    planes = [row[3] for row in rows]
    own, others = (structure_factors(read_phase(name), planes, edge) for name in (phase, other))
    count = np.array([row[2] for row in rows])
    change = others - own
    return LineTable(
        squares=np.array([float(row[0]) for row in rows]),
        axis=np.array([float(row[1]) for row in rows]),
        intensity=(
            count * np.abs(own) ** 2,
            count * 2.0 * (own.conj() * change).real,
            count * np.abs(change) ** 2,
        ),
    )


def _planes(hkl: tuple[int, int, int], split: bool) -> list[tuple[int, float]]:
    """The square of the index along the longer axis, and how many planes have it."""
    permutations = {3: 6, 2: 3, 1: 1}[len(set(hkl))]
    total = permutations * 2 ** sum(index != 0 for index in hkl)
    if not split:
        return [(0, float(total))]
    return [(index * index, total * hkl.count(index) / 3.0) for index in dict.fromkeys(hkl)]


@lru_cache(maxsize=4)
def _textures(seed: int, which: int, deviation: float, frames: int) -> Floats:
    rng = np.random.default_rng([seed, 0x7E, which])
    keep = math.exp(-1.0 / TEXTURE_FRAMES)
    walk = np.empty((frames, LARGEST_SQUARES + 1))
    walk[0] = rng.standard_normal(walk.shape[1])
    for number in range(1, frames):
        walk[number] = keep * walk[number - 1] + math.sqrt(1.0 - keep**2) * rng.standard_normal(walk.shape[1])
    return np.asarray(np.exp(deviation * walk))
