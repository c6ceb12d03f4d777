"""Cells of any crystal system: what the symmetry leaves free, plane distances, volume."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
FIELDS = ("a_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")
# Edges are those of the symmetry within this share, and angles within these degrees.
SAME_EDGE, SAME_ANGLE_DEG = 1e-4, 1e-3


@dataclass(frozen=True, slots=True)
class Cell:
    """Edges in Å and angles in degrees.

    >>> Cell(2.95, 2.95, 4.68, 90.0, 90.0, 120.0).d_spacing((0, 0, 2))
    2.34
    """

    a_A: float
    b_A: float
    c_A: float
    alpha_deg: float = 90.0
    beta_deg: float = 90.0
    gamma_deg: float = 90.0

    @property
    def numbers(self) -> tuple[float, float, float, float, float, float]:
        """Edges in Å, then angles in degrees."""
        return self.a_A, self.b_A, self.c_A, self.alpha_deg, self.beta_deg, self.gamma_deg

    @property
    def metric(self) -> Floats:
        """(3, 3): products of the edges as vectors, in Å²."""
        edges, cosines = np.array(self.numbers[:3]), np.cos(np.radians(self.numbers[3:]))
        angles = np.array([[1.0, cosines[2], cosines[1]], [cosines[2], 1.0, cosines[0]], [cosines[1], cosines[0], 1.0]])
        return np.asarray(np.outer(edges, edges) * angles, dtype=np.float64)

    @property
    def is_possible(self) -> bool:
        """Whether three edges can have these angles between them."""
        known = all(math.isfinite(value) and value > 0.0 for value in self.numbers)
        return known and bool(np.linalg.det(self.metric) > 1e-6 * (self.a_A * self.b_A * self.c_A) ** 2)

    @property
    def volume_A3(self) -> float:  # noqa: N802 — the unit is Å³
        """Volume in Å³."""
        return math.sqrt(max(float(np.linalg.det(self.metric)), 0.0))

    def d_spacing(self, hkl: tuple[int, int, int]) -> float:
        """Plane distance in Å: 1/d² is a quadratic form of hkl with the reciprocal metric."""
        return float(self.d_spacings(np.array([hkl], dtype=np.float64))[0])

    def d_spacings(self, planes: Floats) -> Floats:
        """Plane distances in Å, (planes,). planes: (planes, 3)."""
        reciprocal = np.linalg.inv(self.metric)
        return np.asarray(1.0 / np.sqrt(np.einsum("ni,ij,nj->n", planes, reciprocal, planes)), dtype=np.float64)

    def scaled(self, factor: float) -> "Cell":
        """All edges longer by this factor."""
        return replace(self, a_A=factor * self.a_A, b_A=factor * self.b_A, c_A=factor * self.c_A)


def cubic_cell(edge_A: float) -> Cell:
    """The cubic cell of this edge in Å."""
    return Cell(edge_A, edge_A, edge_A)


def free_parameters(group: gemmi.SpaceGroup) -> tuple[str, ...]:
    """What of a cell the symmetry leaves free, of NAMES.

    >>> free_parameters(gemmi.SpaceGroup("P 63/m m c")), free_parameters(gemmi.SpaceGroup("R -3 c:R"))
    (('a', 'c'), ('a', 'alpha'))
    """
    system = group.crystal_system_str()
    if system == "trigonal":
        return ("a", "alpha") if group.ext == "R" else ("a", "c")
    if system == "monoclinic":
        return ("a", "b", "c", {"a": "alpha", "b": "beta", "c": "gamma"}[group.monoclinic_unique_axis()])
    free = {
        "cubic": ("a",),
        "tetragonal": ("a", "c"),
        "hexagonal": ("a", "c"),
        "orthorhombic": ("a", "b", "c"),
        "triclinic": NAMES,
    }
    return free[system]


def ties(free: Iterable[str], group: gemmi.SpaceGroup) -> Floats:
    """(6, free): which of the six numbers of a cell each free one moves; the others are fixed by symmetry."""
    free = tuple(free)
    matrix = np.zeros((6, len(free)))
    for column, name in enumerate(free):
        matrix[NAMES.index(name), column] = 1.0
    if "b" not in free:
        matrix[1, free.index("a")] = 1.0
    if "c" not in free:
        matrix[2, free.index("a")] = 1.0
    if group.ext == "R" and "alpha" in free:
        matrix[4:, free.index("alpha")] = 1.0
    return matrix


def with_symmetry(cell: Cell, group: gemmi.SpaceGroup) -> Cell:
    """The cell as the symmetry has it: equal edges and fixed angles exactly so.

    >>> with_symmetry(Cell(3.0, 3.0001, 5.0, 90.0, 90.0, 119.9999), gemmi.SpaceGroup("P 6/m m m"))
    Cell(a_A=3.0, b_A=3.0, c_A=5.0, alpha_deg=90.0, beta_deg=90.0, gamma_deg=120.0)
    """
    free = free_parameters(group)
    numbers = ties(free, group) @ np.array([cell.numbers[NAMES.index(name)] for name in free])
    six_fold = group.crystal_system_str() in ("hexagonal", "trigonal") and group.ext != "R"
    fixed = (0.0, 0.0, 0.0, 90.0, 90.0, 120.0 if six_fold else 90.0)
    return Cell(*(float(value) or there for value, there in zip(numbers, fixed, strict=True)))


def fits_symmetry(cell: Cell, group: gemmi.SpaceGroup) -> bool:
    """Whether a cell is one of this symmetry, within what is rounded in CIFs."""
    pairs = list(zip(cell.numbers, with_symmetry(cell, group).numbers, strict=True))
    edges = all(abs(one - other) <= SAME_EDGE * cell.a_A for one, other in pairs[:3])
    return edges and all(math.isclose(one, other, abs_tol=SAME_ANGLE_DEG) for one, other in pairs[3:])
