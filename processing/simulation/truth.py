"""What is really in the beam at one time of a recipe."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.crystal.reflections import (
    Hkl,
    d_spacing,
    reflections,
    structure_factors,
    sum_of_squares,
    two_theta_deg,
)
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.simulation.kinetics import Moment, moment
from latticewatch.processing.simulation.recipes import TOLERANCE, WAVELENGTH_A, Ingredient, Recipe

Floats = NDArray[np.float64]

# Lines are simulated to this angle, well past the far corner of either detector.
LAST_LINE_DEG = 40.0
# Weights are shares of the scattering up to this angle, the range that is fitted.
WEIGHED_TO_DEG = 25.5
# Counts per pixel and degree for one formula unit of relative amount; set so that a 2.5 s frame of a
# PILATUS 300K knows the bromide's cell to 0.4e-4 Å while the lines are apart.
COUNTS = 2.9e-3
SCHERRER = 0.9
# Share of the Lorentzian in the width of a size-broadened line, between a sphere's and a lognormal mixture's.
LORENTZIAN = 0.4
# FWHM of a Gaussian and of a Lorentzian, in units of σ and of the half width γ.
GAUSSIAN_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))
LORENTZIAN_FWHM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class LatticeTruth:
    """One lattice as it is.

    lp_A, spread_A: mean and standard deviation of its cell edge over the crystals in Å. lines: h² + k² + l²,
    shape (lines,), and areas: their integrated intensity, counts per pixel × degree. weight: its share of the
    scattering of all lattices up to 25.5°. fwhm_deg: of the reflection (211), or of the strongest line.
    """

    name: str
    lp_A: float
    spread_A: float
    size_A: float
    instrument_fwhm_deg: float
    lines: Floats
    areas: Floats
    weight: float
    fwhm_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Everything that makes the pattern of one frame.

    time_s: from the first frame. state: what it is, not what could be known. progress: 0 at mixing, 1 when the
    lattices are one; NaN without a reaction. separation_fwhm: distance of the two lines (211) in units of their
    mean width, NaN for fewer than two lattices in the beam. flux, background: relative to nominal; the
    background is the capillary's and the solvent's.
    """

    time_s: float
    state: State
    progress: float
    lattices: tuple[LatticeTruth, ...]
    separation_fwhm: float
    flux: float = 1.0
    background: float = 1.0


def expected(recipe: Recipe, time_s: float) -> Truth:
    """The truth at this time (s from the first frame), before the jitter of flux that a seed adds."""
    now = moment(recipe.stretches, time_s - recipe.mixing_s)
    lattices = _weighed(recipe, [_lattice(recipe, number, now, time_s) for number in range(len(recipe.ingredients))])
    dark = recipe.beam_off_s is not None and recipe.beam_off_s[0] <= time_s < recipe.beam_off_s[1]
    return Truth(
        time_s=time_s,
        state=State.NO_BEAM if dark else _state(recipe, now, time_s),
        progress=now.progress if recipe.stretches else math.nan,
        lattices=lattices,
        separation_fwhm=_separation(lattices),
        flux=0.0 if dark else 1.0,
    )


def line_widths(lattice: LatticeTruth, two_theta: Floats) -> tuple[Floats, Floats]:
    """σ of the Gaussian and half width γ of the Lorentzian of the lines at these angles, all in degrees.

    Size after Scherrer, split into a Voigt function with a fixed share of Lorentzian; the spread of cells moves
    a line by 2 tanθ δa/a; the instrument adds a Gaussian.
    """
    cosine, tangent = np.cos(np.radians(two_theta / 2.0)), np.tan(np.radians(two_theta / 2.0))
    fwhm = math.degrees(SCHERRER * WAVELENGTH_A / lattice.size_A) / cosine
    share = math.sqrt((1.0 - 0.5346 * LORENTZIAN) ** 2 - 0.2166 * LORENTZIAN**2)
    size = share * fwhm / GAUSSIAN_FWHM
    strain = np.degrees(2.0 * tangent * lattice.spread_A / lattice.lp_A)
    sigma = np.sqrt(size**2 + strain**2 + (lattice.instrument_fwhm_deg / GAUSSIAN_FWHM) ** 2)
    return sigma, LORENTZIAN * fwhm / LORENTZIAN_FWHM


def line_positions(lattice: LatticeTruth) -> Floats:
    return two_theta_deg(lattice.lp_A / np.sqrt(lattice.lines), WAVELENGTH_A)


def voigt_fwhm(sigma: float, gamma: float) -> float:
    """FWHM of a Voigt function to 2e-4 (J. J. Olivero and R. L. Longbothum, JQSRT 17, 233 (1977))."""
    gaussian, lorentzian = GAUSSIAN_FWHM * sigma, LORENTZIAN_FWHM * gamma
    return 0.5346 * lorentzian + math.sqrt(0.2166 * lorentzian**2 + gaussian**2)


def _state(recipe: Recipe, now: Moment, time_s: float) -> State:
    if time_s < recipe.mixing_s:
        return State.WAITING
    if not recipe.stretches or 1.0 - now.progress <= TOLERANCE:
        return State.COMPLETE
    return State.PAUSED if now.resting else State.REACTING


def _lattice(recipe: Recipe, number: int, now: Moment, time_s: float) -> LatticeTruth:
    ingredient = recipe.ingredients[number]
    lp_A = ingredient.start_A + now.progress * (ingredient.end_A - ingredient.start_A)
    lines, strength = _strengths(recipe.ingredients, number)
    amount = _amount(recipe, number, time_s)
    bare = LatticeTruth(
        name=ingredient.name,
        lp_A=lp_A,
        spread_A=_spread(ingredient, now.progress),
        size_A=ingredient.size_A,
        instrument_fwhm_deg=recipe.instrument_fwhm_deg,
        lines=lines,
        areas=COUNTS * recipe.strength * amount * strength(lp_A if recipe.intensities_follow else ingredient.start_A),
        weight=math.nan,
        fwhm_deg=math.nan,
    )
    return _with_width(bare)


def _amount(recipe: Recipe, number: int, time_s: float) -> float:
    """The filling of the capillary drifts by some percent over the scan, the mixing ratio by one percent."""
    if time_s < recipe.mixing_s:
        return 0.0
    frame = time_s / recipe.frame_period_s
    common = 0.05 * math.sin(2.0 * math.pi * frame / 290.0)
    ratio = 0.01 * math.sin(2.0 * math.pi * frame / 170.0 + 1.0) * (1 if number else -1)
    return recipe.ingredients[number].amount * math.exp(common + ratio)


def _spread(ingredient: Ingredient, progress: float) -> float:
    """Crystals of unlike rates k: progress is 1 - exp(-k t), so δprogress = (1 - progress) |ln(1 - progress)| δk/k."""
    left = max(1.0 - progress, 1e-12)
    return abs(ingredient.end_A - ingredient.start_A) * left * abs(math.log(left)) * ingredient.rate_spread


@lru_cache(maxsize=32)
def _strengths(ingredients: tuple[Ingredient, ...], number: int) -> tuple[Floats, Callable[[float], Floats]]:
    """h² + k² + l² of the lines, and their intensity for one formula unit as a function of the cell edge (Å).

    The structure factor of a mixed crystal is the mean of the pure ones by composition, which is linear in the
    cell edge between the start cells of the two ingredients (Vegard).
    """
    cells = [ingredient.start_A for ingredient in ingredients]
    edges = np.linspace(min(cells) - 0.05, max(cells) + 0.05, 9)
    families = _families(ingredients, max(cells))
    table = np.array([_intensities(ingredients, number, families, float(edge)) for edge in edges])
    return np.array([float(squares) for squares in families]), CubicSpline(edges, table)


def _families(ingredients: tuple[Ingredient, ...], edge: float) -> dict[int, list[tuple[Hkl, int]]]:
    """The families of planes of every line up to the last angle, with their multiplicities in m-3m."""
    d_min = WAVELENGTH_A / (2.0 * math.sin(math.radians(LAST_LINE_DEG / 2.0)))
    wanted = {
        sum_of_squares(line.hkl)
        for ingredient in ingredients
        for line in reflections(read_phase(ingredient.phase), d_min, edge)
    }
    found: dict[int, list[tuple[Hkl, int]]] = {squares: [] for squares in sorted(wanted)}
    top = math.isqrt(max(wanted))
    for h in range(top + 1):
        for k in range(h + 1):
            for el in range(k + 1):
                if h * h + k * k + el * el in found:
                    found[h * h + k * k + el * el].append(((h, k, el), _multiplicity((h, k, el))))
    return found


def _multiplicity(hkl: Hkl) -> int:
    permutations = {3: 6, 2: 3, 1: 1}[len(set(hkl))]
    return int(permutations * 2 ** sum(index != 0 for index in hkl))


def _intensities(
    ingredients: tuple[Ingredient, ...], number: int, families: dict[int, list[tuple[Hkl, int]]], edge: float
) -> Floats:
    """Σ m |F|² / (V sin²θ cosθ) of every line: the Lorentz factor of a powder, polarization left to the detector."""
    planes = [plane for members in families.values() for plane in members]
    factors = _mixed_factors(ingredients, number, [hkl for hkl, _ in planes], edge)
    strength = dict(zip(planes, np.abs(factors) ** 2, strict=True))
    sums = [sum(plane[1] * strength[plane] for plane in members) for members in families.values()]
    theta = np.radians(two_theta_deg(edge / np.sqrt(np.array(list(families), dtype=np.float64)), WAVELENGTH_A) / 2.0)
    return np.array(sums) / (edge**3 * np.sin(theta) ** 2 * np.cos(theta))


def _mixed_factors(
    ingredients: tuple[Ingredient, ...], number: int, planes: list[Hkl], edge: float
) -> NDArray[np.complex128]:
    pure = [structure_factors(read_phase(ingredient.phase), planes, edge) for ingredient in ingredients]
    if len(ingredients) == 1:
        return pure[number]
    first, second = ingredients[0].start_A, ingredients[1].start_A
    share = (edge - first) / (second - first)
    return (1.0 - share) * pure[0] + share * pure[1]


def _with_width(lattice: LatticeTruth) -> LatticeTruth:
    line = 6.0 if 6.0 in lattice.lines else float(lattice.lines[np.argmax(lattice.areas)])
    angle = two_theta_deg(lattice.lp_A / math.sqrt(line), WAVELENGTH_A)
    sigma, gamma = line_widths(lattice, np.array([angle]))
    return replace(lattice, fwhm_deg=voigt_fwhm(float(sigma[0]), float(gamma[0])))


def _weighed(recipe: Recipe, lattices: list[LatticeTruth]) -> tuple[LatticeTruth, ...]:
    """Shares over one set of lines for the whole scan: those up to ``WEIGHED_TO_DEG`` for every start cell."""
    smallest = min(ingredient.start_A for ingredient in recipe.ingredients)
    most = (2.0 * smallest * math.sin(math.radians(WEIGHED_TO_DEG / 2.0)) / WAVELENGTH_A) ** 2
    sums = [float(lattice.areas[lattice.lines <= most].sum()) for lattice in lattices]
    total = sum(sums)
    return tuple(
        replace(lattice, weight=part / total if total > 0.0 else math.nan)
        for lattice, part in zip(lattices, sums, strict=True)
    )


def _separation(lattices: tuple[LatticeTruth, ...]) -> float:
    if len(lattices) < 2 or math.isnan(lattices[0].weight):
        return math.nan
    angles = [two_theta_deg(d_spacing(lattice.lp_A, (2, 1, 1)), WAVELENGTH_A) for lattice in lattices]
    return abs(angles[1] - angles[0]) / (sum(lattice.fwhm_deg for lattice in lattices) / len(lattices))
