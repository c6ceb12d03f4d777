"""The esds of cells whose lines merge.

Where a and c of a tetragonal cell come near each other its lines no longer split, and χ² is a quartic of what is left
of the splitting, not a parabola: the covariance says nothing, or everything. The direction in which a cell is known
least is followed, all else refined along with it as the covariance has it, to see how χ² rises.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.crystals.planes import Phases, angles_of
from latticewatch.processing.refinement.crystals.solve import Solution, cost_at
from latticewatch.processing.refinement.solver.solve import Data, Prior, weigh

Floats = NDArray[np.float64]
# Asked where one esd moves a line by this share of its width; followed no further than this many widths.
ASKED, FURTHEST = 0.015, 1.0
# A rise of χ² at so many esds within these of a parabola's is one.
PARABOLA, LEAST_RISE, MOST_RISE = 3.0, 0.75, 1.35
# Else so many esds to either side, in steps of this ratio.
SIGMAS, SHRUNK, LEAST_SHARE = 6.0, 0.75, 1e-4
# Where χ² lets a cell go this share less or more far than the covariance says, its lines merge.
UNLIKE = 0.2
FEWEST = 2


class Known(NamedTuple):
    """covariance: (parameters, parameters) with honest esds. kicks: steps from the solution to where other cells may
    be as likely, each (parameters,); none where all cells are well known. merged: (phases,) whose lines merge."""

    covariance: Floats
    kicks: tuple[Floats, ...]
    merged: NDArray[np.bool_]


def known_cells(solution: Solution, data: Data, prior: Prior, phases: Phases, width_deg: float) -> Known:
    """The covariance of a solution with the esds of merging lines mended. width_deg: of a line."""
    covariance, kicks = solution.covariance, list[Floats]()
    merged = np.zeros(phases.places.phases, dtype=np.bool_)
    weights = np.empty(len(data.y))
    weigh(solution.model, data, weights)
    misfit = max(1.0, solution.chi2 / len(data.y))
    for phase in np.flatnonzero(phases.free_cell):
        rows = phases.planes.place[phase][phases.planes.place[phase] >= 0]
        if len(rows) < FEWEST or not solution.free[rows[0]]:
            continue
        step, moved = least_known(solution._replace(covariance=covariance), int(phase), phases)
        if not moved > ASKED * width_deg:
            continue
        share = _share(solution, step, data, prior, phases, weights, misfit, FURTHEST * width_deg / moved)
        covariance = covariance - (1.0 - share**2) * np.outer(step, step)
        merged[phase] = abs(share - 1.0) > UNLIKE
        if merged[phase]:
            kicks += [share * step, -share * step]
    return Known(covariance, tuple(kicks), merged)


def least_known(solution: Solution, phase: int, phases: Phases) -> tuple[Floats, float]:
    """The direction in which the cell of a phase is known least, (parameters,), one esd long with all else refined
    along it, and how far it moves a line of the phase in degrees."""
    covariance, rows = solution.covariance, phases.planes.place[phase][phases.planes.place[phase] >= 0]
    block = covariance[np.ix_(rows, rows)]
    scale = np.sqrt(np.maximum(np.diag(block), 1e-300))
    vector = np.linalg.eigh(block / np.outer(scale, scale))[1][:, -1] / scale
    direction = covariance[:, rows] @ vector
    step = direction / np.sqrt(max(float(vector @ direction[rows]), 1e-300))
    away = angles_of(solution.x + _cells_of(step, rows), phases) - angles_of(solution.x, phases)
    return step, _largest(away, phases.planes.phase == phase)


def _cells_of(step: Floats, rows: NDArray[np.int64]) -> Floats:
    alone = np.zeros_like(step)
    alone[rows] = step[rows]
    return alone


def _largest(away: Floats, own: NDArray[np.bool_]) -> float:
    known = np.abs(away[own])
    return float(np.max(known[np.isfinite(known)], initial=0.0))


def _share(
    solution: Solution,
    step: Floats,
    data: Data,
    prior: Prior,
    phases: Phases,
    weights: Floats,
    misfit: float,
    most: float,
) -> float:
    """The esd along this step as its share, at most ``most``: the largest distance over the root of how far χ² rises on
    it, to either side. Of a parabola this is 1; where χ² is skew the far side counts as well."""
    lowest = cost_at(solution.x, data, prior, phases.planes, phases.places, weights)

    def rise(share: float) -> float:
        there = solution.x + share * step
        there[phases.places.relative :] = np.maximum(there[phases.places.relative :], 0.0)
        now = cost_at(there, data, prior, phases.planes, phases.places, weights)
        return (now - lowest) / misfit if np.isfinite(now) else np.inf

    if most > PARABOLA and all(LEAST_RISE < rise(sign * PARABOLA) / PARABOLA**2 < MOST_RISE for sign in (-1.0, 1.0)):
        return 1.0
    whole, found = min(SIGMAS, most), 0.0
    for sign in (-1.0, 1.0):
        share, now = whole, np.inf
        while now > 1.0 and share > LEAST_SHARE * whole:
            now = rise(sign * share)
            found = max(found, share / np.sqrt(max(now, 1.0)))
            share *= SHRUNK
    return found
