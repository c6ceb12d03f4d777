"""Reflections of a phase, Bragg's law and the lattice parameter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import gemmi
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.cell import Cell, cubic_cell
from latticewatch.processing.crystal.cif import check_number_of_planes
from latticewatch.processing.crystal.phase import Phase, structure_of

Floats = NDArray[np.float64]
Hkl = tuple[int, int, int]
# A line this much weaker than the strongest is absent: its atoms cancel by position, not by space group.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, slots=True)
class Reflection:
    """One line of the powder pattern: all lattice planes that the symmetry gives one d, whatever the cell; those of a
    cubic phase have the same h² + k² + l².

    hkl: the name of the line, as few negative indices as there can be, highest index first; of overlapping families
    (221 and 300) the one that sorts last. multiplicity: planes of all families together. f_squared: their mean |F|² in
    electrons squared. d_A: plane distance in Å.
    """

    hkl: Hkl
    multiplicity: int
    f_squared: float
    d_A: float


@overload
def d_spacing(lattice_parameter_A: float, hkl: Hkl) -> float: ...
@overload
def d_spacing(lattice_parameter_A: Floats, hkl: Hkl) -> Floats: ...
def d_spacing(lattice_parameter_A: float | Floats, hkl: Hkl) -> float | Floats:
    """Plane distance in Å of a cubic cell: a / √(h² + k² + l²).

    >>> round(d_spacing(5.842, (2, 1, 1)), 4)
    2.385
    """
    return lattice_parameter_A / math.sqrt(sum_of_squares(hkl))


@overload
def two_theta_deg(d_A: float, wavelength_A: float) -> float: ...
@overload
def two_theta_deg(d_A: Floats, wavelength_A: float) -> Floats: ...
def two_theta_deg(d_A: float | Floats, wavelength_A: float) -> float | Floats:
    """Bragg's law: 2θ in degrees of planes d_A apart; NaN where they are closer than half a wavelength.

    >>> round(two_theta_deg(2.385, 0.64066), 2)
    15.44
    """
    sine = np.asarray(wavelength_A / (2.0 * np.asarray(d_A, dtype=np.float64)))
    angle = 2.0 * np.degrees(np.arcsin(np.where(sine <= 1.0, sine, np.nan)))
    return float(angle) if angle.ndim == 0 else angle


@overload
def lattice_parameter(two_theta: float, hkl: Hkl, wavelength_A: float) -> float: ...
@overload
def lattice_parameter(two_theta: Floats, hkl: Hkl, wavelength_A: float) -> Floats: ...
def lattice_parameter(two_theta: float | Floats, hkl: Hkl, wavelength_A: float) -> float | Floats:
    """Cell edge in Å that puts the line hkl at this 2θ (degrees).

    >>> round(lattice_parameter(15.438, (2, 1, 1), 0.64066), 3)
    5.842
    """
    sine = np.sin(np.radians(np.asarray(two_theta, dtype=np.float64) / 2.0))
    edge = np.asarray(wavelength_A * math.sqrt(sum_of_squares(hkl)) / (2.0 * sine))
    return float(edge) if edge.ndim == 0 else edge


def sum_of_squares(hkl: Hkl) -> int:
    """N = h² + k² + l², which alone places a line of a cubic phase."""
    return hkl[0] ** 2 + hkl[1] ** 2 + hkl[2] ** 2


def reflections(phase: Phase, d_min_A: float, cell: Cell | float | None = None) -> tuple[Reflection, ...]:
    """The lines with d ≥ d_min_A (Å), d descending, for this cell (of a cubic phase: this edge) or the phase's own.

    Absent lines are left out. |F|² uses the form factors of neutral atoms of International Tables C (1992),
    table 6.1.1.4, and the displacements of the CIF. Raises UserError where there are more than can be fitted.
    """
    cell = cubic_cell(cell) if isinstance(cell, float) else cell or phase.cell
    check_number_of_planes(cell.volume_A3, phase.group, d_min_A, phase.name)
    structure, group = structure_of(phase, cell), phase.group
    operations, calculator = group.operations(), gemmi.StructureFactorCalculatorX(structure.cell)
    turns = np.array([operation.rot for operation in operations.sym_ops]) // gemmi.Op.DEN
    families: dict[tuple[int, ...], list[tuple[Hkl, int, float]]] = {}
    # A hair below, so that a line asked for by its own d is found despite rounding.
    for plane in map(_triple, gemmi.make_miller_array(structure.cell, group, d_min_A * (1.0 - 1e-9)).tolist()):
        if operations.is_systematically_absent(plane):
            continue
        images = np.array(plane) @ turns
        strength = abs(complex(calculator.calculate_sf_from_small_structure(structure, plane))) ** 2
        planes = {_triple(image) for image in np.concatenate([images, -images]).tolist()}
        name = _triple(sorted(map(abs, plane), reverse=True)) if phase.is_cubic else _name(planes)
        families.setdefault(_form_of(images), []).append((name, len(planes), strength))
    # A cubic phase keeps the order and the d of h² + k² + l², to the last digit.
    lines = [
        _merge(members, d_spacing(cell.a_A, members[0][0]) if phase.is_cubic else cell.d_spacing(members[0][0]))
        for members in families.values()
    ]
    limit = NEGLIGIBLE * max((line.f_squared for line in lines), default=0.0)
    present = (line for line in lines if line.f_squared > limit)
    return tuple(sorted(present, key=lambda line: (-line.d_A, line.hkl)))


def structure_factors(phase: Phase, planes: list[Hkl], cell: Cell | float | None = None) -> NDArray[np.complex128]:
    """F (electrons) of each of these planes, shape (planes,); the origin is the CIF's."""
    structure = structure_of(phase, cell)
    return np.array([_factor(structure, plane) for plane in planes], dtype=np.complex128)


def _form_of(images: NDArray[np.int64]) -> tuple[int, ...]:
    """What 1/d² is made of for the equivalents of a plane, (images, 3): the mean of their index products, in which the
    numbers that the symmetry ties together stand together. Planes with one such form have one d in every cell."""
    products = images.T @ images
    return tuple(products[np.triu_indices(3)].tolist())


def _name(planes: set[Hkl]) -> Hkl:
    return max(planes, key=lambda plane: (-sum(index < 0 for index in plane), plane))


def _factor(structure: gemmi.SmallStructure, plane: Hkl) -> complex:
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    return complex(calculator.calculate_sf_from_small_structure(structure, plane))


def _triple(indices: Sequence[int]) -> Hkl:
    return indices[0], indices[1], indices[2]


def _merge(members: list[tuple[Hkl, int, float]], d_A: float) -> Reflection:
    strongest = max(strength for _, _, strength in members)
    present = [member for member in members if member[2] > NEGLIGIBLE * strongest] or members
    multiplicity = sum(count for _, count, _ in present)
    total = sum(count * strength for _, count, strength in present)
    return Reflection(max(hkl for hkl, _, _ in present), multiplicity, total / multiplicity, d_A)
