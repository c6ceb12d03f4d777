"""How the structure factors of two isostructural components follow the composition."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.phase import Phase
from latticewatch.processing.crystal.reflections import Reflection, structure_factors
from latticewatch.processing.flow.fit import Component

Floats = NDArray[np.float64]
EDGES = 9
MARGIN_A = 0.03
# Origins that leave a cubic structure with atoms on special positions as it is, in fractions of the cell.
ORIGINS = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))


def vegard_intensity_of(components: tuple[Component, ...], number: int, lines: tuple[Reflection, ...]) -> Floats:
    """slope and bend of each line, (lines, 2): F(a) over F of the start cell is 1 + slope Δa + bend Δa².

    The structure factor of a mixed crystal is the mean of the pure ones by composition, and composition is linear
    in the cell edge (Vegard). 0 unless there are two components of one space group with different cells.
    """
    nothing = np.zeros((len(lines), 2))
    if len(components) != 2 or components[0].phase.space_group != components[1].phase.space_group:
        return nothing
    start, end = components[number].lattice_parameter_A, components[1 - number].lattice_parameter_A
    if abs(end - start) < MARGIN_A:
        return nothing
    edges = np.linspace(min(start, end) - MARGIN_A, max(start, end) + MARGIN_A, EDGES)
    mixed = _mixed(
        components[number].phase, components[1 - number].phase, lines, edges, (edges - start) / (end - start)
    )
    at_start = np.array([np.interp(start, edges, row) for row in mixed])
    usable = np.abs(at_start) > 1e-3 * np.abs(mixed).max()
    ratio = mixed / np.where(usable, at_start, 1.0)[:, None] - 1.0
    steps = edges - start
    design = np.stack([steps, steps**2], axis=1)
    fitted = np.linalg.lstsq(design, ratio.T, rcond=None)[0].T
    return np.where(usable[:, None], fitted, nothing)


def _mixed(own: Phase, other: Phase, lines: tuple[Reflection, ...], edges: Floats, share: Floats) -> Floats:
    """F of the mixed crystal along the edges, (lines, edges); the sign is as in the own structure."""
    planes = [line.hkl for line in lines]
    first = np.array([structure_factors(own, planes, float(edge)) for edge in edges]).T
    second = np.array([structure_factors(other, planes, float(edge)) for edge in edges]).T
    turn = first / np.maximum(np.abs(first), 1e-12)
    rows = [np.real(second * _shift(planes, origin)[:, None] * np.conj(turn)) for origin in ORIGINS]
    best = max(rows, key=lambda row: float(np.sum(row * np.abs(first))))
    return np.asarray((1.0 - share) * np.abs(first) + share * best)


def _shift(planes: list[tuple[int, int, int]], origin: tuple[float, float, float]) -> NDArray[np.complex128]:
    return np.asarray(np.exp(2j * np.pi * (np.array(planes, dtype=np.float64) @ np.array(origin))))
