"""Where cells may be when nothing is known but a start: templates over cells and widths, background projected out."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.crystal.cell import NAMES
from latticewatch.processing.refinement.crystals.pattern import quadratic, reciprocal, theta_of
from latticewatch.processing.refinement.crystals.planes import Phases, Planes
from latticewatch.processing.refinement.model.pattern_model import DEGREES
from latticewatch.processing.refinement.solver.solve import Data

Floats = NDArray[np.float64]
# Cells are searched with all edges up to this share longer or shorter, their ratios up to that one, and angles so far.
REACH, REACH_OF_RATIO, REACH_DEG = 0.03, 0.02, 1.5
NARROWEST_BINS, WIDEST_OF_RANGE, WIDTH_STEP = 0.6, 1.0 / 60.0, 1.6
# Trials of a width: at random, and around each of the best so far.
RANDOM, SURVIVORS, AROUND = 400, 10, 20
LINES = 40
SEED = 17
CANDIDATES = 4
# Two candidates are one where their edges and angles are alike to this share.
SAME = 2e-3


def sizes_of(grid: Floats) -> list[float]:
    """Gaussian widths (degrees) that lines may have, the broadest first."""
    step, most = float(np.median(np.diff(grid))), float(grid[-1] - grid[0]) * WIDEST_OF_RANGE
    sizes = [NARROWEST_BINS * step]
    while sizes[-1] * WIDTH_STEP < most:
        sizes.append(sizes[-1] * WIDTH_STEP)
    return sizes[::-1]


def cells_near(x: Floats, phase: int, left: Floats, data: Data, phases: Phases) -> list[tuple[float, float, Floats]]:
    """The likeliest cells of a phase near that of x: gain in χ², width and the free parameters of the cell, best first.

    left: (bins,) what is to be explained.
    """
    weight = np.sqrt(1.0 / np.maximum(data.variance, data.floor))
    basis = np.ascontiguousarray(np.linalg.qr((data.basis * weight).T)[0])
    target = left * weight
    target = target - basis @ (basis.T @ target)
    names = phases.free[phase]
    rows = np.array([phases.planes.place[phase, NAMES.index(name)] for name in names])
    start, rng = x[rows], np.random.default_rng(SEED)
    best: list[tuple[float, float, Floats]] = []
    used = _used(phase, phases)
    for size in sizes_of(data.grid):
        near = size / DEGREES / (2.0 * float(phases.planes.tangent[phase]))
        trials = [start[np.newaxis], _random(start, names, rng)]
        trials += [
            cell + np.where(_angles(names), 60.0, cell) * near * rng.standard_normal((AROUND, len(names)))
            for _, _, cell in best[:SURVIVORS]
        ]
        cells = np.concatenate(trials)
        found = _gains(cells, rows, x, phase, size, phases.planes, data.grid, weight, basis, target, used)
        order = np.argsort(-found, kind="stable")[:SURVIVORS]
        best = sorted([*best, *((float(found[n]), size, cells[n]) for n in order)], key=lambda one: -one[0])
        best = best[: 3 * SURVIVORS]
    distinct: list[tuple[float, float, Floats]] = []
    for one in best:
        if not any(np.allclose(one[2], other[2], rtol=SAME) for other in distinct):
            distinct.append(one)
    return distinct[:CANDIDATES]


def _random(start: Floats, names: tuple[str, ...], rng: np.random.Generator) -> Floats:
    """(trials, free parameters) over the box around a start."""
    drawn = rng.uniform(-1.0, 1.0, (RANDOM, len(names)))
    angles = _angles(names)
    scale = 1.0 + REACH * rng.uniform(-1.0, 1.0, (RANDOM, 1))
    edges = start * scale * (1.0 + REACH_OF_RATIO * np.where(np.arange(len(names)) > 0, drawn, 0.0))
    return np.where(angles, start + REACH_DEG * drawn, edges)


def _angles(names: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([name in NAMES[3:] for name in names])


def _used(phase: int, phases: Phases) -> NDArray[np.int64]:
    """The strongest lines of a phase."""
    own = np.flatnonzero(phases.planes.phase == phase)
    strength = phases.planes.base[own] * phases.planes.at_start[own]
    return np.sort(own[np.argsort(-strength, kind="stable")[:LINES]])


@njit(nogil=True, cache=True, error_model="numpy")
def _gains(
    cells: Floats,
    rows: NDArray[np.int64],
    x0: Floats,
    phase: int,
    size: float,
    planes: Planes,
    grid: Floats,
    weight: Floats,
    basis: Floats,
    target: Floats,
    used: NDArray[np.int64],
) -> Floats:
    """(trials,): by how much each of these cells lowers χ² with lines of this width."""
    x, bins = x0.copy(), len(grid)
    metric, slopes, template = np.empty((3, 3)), np.empty((6, 3, 3)), np.empty(bins)
    gains = np.zeros(len(cells))
    for trial in range(len(cells)):
        for k in range(len(rows)):
            x[rows[k]] = cells[trial, k]
        reciprocal(x, phase, planes, metric, slopes)
        template[:] = 0.0
        for line in used:
            theta = theta_of(quadratic(metric, planes.hkl[line]), planes.wavelength_A)
            if not theta > 0.0:
                continue
            sigma, centre = size / np.cos(theta), 2.0 * DEGREES * theta
            area = planes.base[line] * planes.at_start[line] / sigma
            first, last = np.searchsorted(grid, centre - 4.0 * sigma), np.searchsorted(grid, centre + 4.0 * sigma)
            for i in range(first, last):
                away = (grid[i] - centre) / sigma
                template[i] += area * np.exp(-0.5 * away * away)
        squares, product = 0.0, 0.0
        for i in range(bins):
            template[i] *= weight[i]
            squares += template[i] * template[i]
            product += template[i] * target[i]
        for term in range(basis.shape[1]):
            along = 0.0
            for i in range(bins):
                along += basis[i, term] * template[i]
            squares -= along * along
        if product > 0.0 and squares > 0.0:
            gains[trial] = product * product / squares
    return gains
