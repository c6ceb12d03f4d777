"""Patterns of crystals of known cells, drawn without the refinement's code: gemmi's plane distances, scipy's Voigt."""

import math
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.special import voigt_profile

from latticewatch.processing.crystal.cell import Cell
from latticewatch.processing.crystal.phase import parse_phase, read_phase
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.flow.pattern import Pattern
from tests.crystal.crystals import CRYSTALS, cif_of

Floats = NDArray[np.float64]
WAVELENGTH_A = 0.64066
GRID = np.linspace(4.0, 30.0, 900)
GAIN = 20.0


@dataclass(frozen=True)
class Lines:
    """One crystal in the beam. area: of all its lines together. sigma_deg, gamma_deg: of its lines at θ = 0."""

    component: Component
    cell: Cell
    area: float = 60.0
    sigma_deg: float = 0.06
    gamma_deg: float = 0.02


def component_of(name: str) -> Component:
    phase = parse_phase(cif_of(name), name) if name in CRYSTALS else read_phase(name)
    return Component(name.replace("-", "_"), phase, phase.lattice_parameter_A)


def drawn(crystals: list[Lines], shift_deg: float = 0.0, along: float = 0.0, grid: Floats = GRID) -> Floats:
    """What is expected at these angles. shift_deg: of all lines, by cos θ. along: displacement along the beam over the
    distance of the detector."""
    total = 40.0 + 60.0 * np.exp(-grid / 6.0) + 30.0 * np.exp(-0.5 * ((grid - 14.0) / 4.0) ** 2)
    for crystal in crystals:
        cell = gemmi.UnitCell(*crystal.cell.numbers)
        lines = reflections(crystal.component.phase, 0.97 * WAVELENGTH_A / 2.0 / math.sin(math.radians(15.0)))
        d = np.array([cell.calculate_d(list(line.hkl)) for line in lines])
        theta = np.arcsin(WAVELENGTH_A / 2.0 / d)
        strength = np.array([line.multiplicity * line.f_squared for line in lines])
        strength = strength / (np.sin(theta) ** 2 * np.cos(theta))
        areas = crystal.area * strength / strength.sum()
        angles = 2.0 * np.degrees(theta) + shift_deg * np.cos(theta)
        angles += np.degrees(along) * np.sin(2.0 * theta) * np.cos(2.0 * theta)
        for angle, area, cosine in zip(angles, areas, np.cos(theta), strict=True):
            total = total + area * voigt_profile(grid - angle, crystal.sigma_deg / cosine, crystal.gamma_deg / cosine)
    return np.asarray(total)


def noisy(expected: Floats, rng: np.random.Generator, gain: float = GAIN) -> Pattern:
    counts = rng.poisson(expected * gain)
    sigma = np.sqrt(np.maximum(counts, 1.0)) / gain
    return Pattern(GRID, (counts / gain).astype(np.float32), sigma.astype(np.float32))
