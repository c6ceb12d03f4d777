"""The pattern of crystals at one time, before any noise."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.phase import read_phase, structure_of
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.simulation.crystals.recipes import CrystalRecipe, Present
from latticewatch.processing.simulation.powder import background, voigt
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from latticewatch.processing.simulation.truth import GAUSSIAN_FWHM, LAST_LINE_DEG, LORENTZIAN, SCHERRER

Floats = NDArray[np.float64]
# Counts per pixel and degree for a relative mass of 1; the instrument's full width.
COUNTS = 9000.0
INSTRUMENT_FWHM_DEG = 0.05


@cache
def _lines(phase: str) -> tuple[Floats, Floats]:
    """hkl (lines, 3) of a phase and m |F|² of each over the mass of the cell."""
    own = read_phase(phase)
    d_min = WAVELENGTH_A / (2.0 * math.sin(math.radians(LAST_LINE_DEG / 2.0)))
    found = reflections(own, d_min)
    hkl = np.array([line.hkl for line in found], dtype=np.float64)
    strength = np.array([line.multiplicity * line.f_squared for line in found])
    structure, images = structure_of(own), len(list(own.group.operations()))
    mass = images * sum(site.occ * site.element.weight for site in structure.sites)
    return hkl, strength / mass


def lines_of(recipe: CrystalRecipe, now: Present, number: int) -> tuple[Floats, Floats]:
    """θ in radians of a crystal's lines, and their areas in counts per pixel × degree."""
    hkl, strength = _lines(recipe.crystals[number].phase)
    cell = now.cells[number]
    theta = np.arcsin(np.minimum(WAVELENGTH_A / (2.0 * cell.d_spacings(hkl)), 0.999))
    factor = 1.0 / (np.sin(theta) ** 2 * np.cos(theta))
    # So much mass is so many cells, and a cell scatters as 1 / V.
    scale = 1e-5 * COUNTS * now.masses[number] / cell.volume_A3
    return theta, scale * strength * factor


def angles_of(theta: Floats, along: float) -> Floats:
    """2θ in degrees at which lines are seen where the sample is displaced along the beam: the detector's distance is
    longer by this share than the geometry says."""
    radius = np.tan(2.0 * theta) * (1.0 + along)
    return np.degrees(np.arctan(radius))


def expected_pattern(recipe: CrystalRecipe, now: Present, two_theta: Floats) -> Floats:
    """Expected counts per pixel at normal incidence at these angles in degrees."""
    total = background(two_theta)
    for number, crystal in enumerate(recipe.crystals):
        theta, areas = lines_of(recipe, now, number)
        size = math.degrees(SCHERRER * WAVELENGTH_A / crystal.size_A) / np.cos(theta)
        share = math.sqrt((1.0 - 0.5346 * LORENTZIAN) ** 2 - 0.2166 * LORENTZIAN**2)
        sigma = np.hypot(share * size / GAUSSIAN_FWHM, INSTRUMENT_FWHM_DEG / GAUSSIAN_FWHM)
        gamma = LORENTZIAN * size / 2.0
        strong = areas > 1e-5 * areas.max(initial=0.0)
        offset = two_theta - angles_of(theta, now.along)[strong, np.newaxis]
        if strong.any():
            total = total + areas[strong] @ voigt(offset, sigma[strong, np.newaxis], gamma[strong, np.newaxis])
    return np.asarray(total, dtype=np.float64)


def shares_of(recipe: CrystalRecipe, now: Present) -> list[float]:
    """Shares of the sample's crystals in its mass."""
    own = [mass for mass, crystal in zip(now.masses, recipe.crystals, strict=True) if crystal.role == "sample"]
    return [each / sum(own) for each in own]
