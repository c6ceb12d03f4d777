"""From a solution to what is reported: lattices with esd, told apart or not, the weighted mean, the drawing."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.fit import NAN, Fit, Lattice
from latticewatch.processing.refinement.lines import BACKGROUND_TERMS, Layout, Lines
from latticewatch.processing.refinement.model import bragg, line_intensity
from latticewatch.processing.refinement.solve import Solution

Floats = NDArray[np.float64]
# Two lattices are told apart when their distance is known to one part in so many.
TOLD_APART = 5.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells and their covariance (Å, Å²), and whether the data tell them apart."""

    values: Floats
    covariance: Floats
    apart: bool


def cells_of(solution: Solution, lay: Layout) -> Cells:
    """Cells of one solution."""
    n = lay.components
    block = solution.covariance[:n, :n]
    if n != 2:
        return Cells(solution.x[:n].copy(), block.copy(), True)
    turn = np.array([[1.0, -solution.share], [1.0, 1.0 - solution.share]])
    distance = abs(solution.x[1] - solution.x[0])
    return Cells(
        solution.x[:2].copy(), turn @ block @ turn.T, bool(distance > TOLD_APART * math.sqrt(max(block[1, 1], 0.0)))
    )


def areas_of(x: Floats, lines: Lines, lay: Layout) -> tuple[Floats, Floats]:
    """Area of every line (lines,), in the pattern's unit times degrees, and ln g of each."""
    areas, log_g = np.zeros(lay.lines), np.zeros(lay.lines)
    for line in range(lay.lines):
        theta = bragg(float(x[lines.phase[line]]), float(lines.root_n[line]), lines.wavelength_A)
        if theta > 0.0:
            areas[line], log_g[line], _ = line_intensity(x, line, theta, lines, lay)
    return areas, log_g


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of each component in the scattering, (components,), and its gradient (components, parameters)."""

    values: Floats
    gradient: Floats


def shares_of(x: Floats, lines: Lines, lay: Layout, seen: NDArray[np.bool_]) -> Shares:
    """Shares over the lines that are seen (lines,)."""
    areas, log_g = areas_of(x, lines, lay)
    areas = np.where(seen, areas, 0.0)
    values = np.bincount(lines.phase, areas, lay.components)
    values = values / values.sum()
    parts = areas / areas.sum()
    # d share_p / d ln area_k = part_k (δ_pk - share_p)
    by_line = parts * ((lines.phase == np.arange(lay.components)[:, None]) - values[:, None])
    gradient = np.zeros((lay.components, lay.length))
    gradient[:, lay.strength : lay.size] = by_line
    gradient[:, lay.contrast] = by_line @ log_g
    for p in range(1, lay.components):
        gradient[:, lay.ratio + p - 1] = by_line[:, lines.phase == p].sum(axis=1)
    return Shares(values, gradient)


def _mean_variance(solution: Solution, cells: Cells, shares: Shares, lay: Layout) -> float:
    """Variance of Σ share a, with what the shares and the cells have in common."""
    gradient = cells.values @ shares.gradient
    if lay.components == 2:
        gradient[0] = 1.0
        gradient[1] = shares.values[1] - solution.share
    else:
        gradient[: lay.components] = shares.values
    return float(gradient @ solution.covariance @ gradient)


def fit_of(solution: Solution, lines: Lines, lay: Layout, bins: int, inflate: float, seen: NDArray[np.bool_]) -> Fit:
    """The fit that is reported. bins: fitted. inflate: factor on every esd for misfit that is no
    noise. seen: (lines,) those within the fitted range."""
    cells = cells_of(solution, lay)
    shares = shares_of(solution.x, lines, lay, seen)
    spread = shares.gradient @ solution.covariance @ shares.gradient.T
    mean = float(shares.values @ cells.values)
    variance = _mean_variance(solution, cells, shares, lay)
    esd = np.sqrt(np.maximum(np.diag(cells.covariance), 0.0)) * inflate
    share_esd = np.sqrt(np.maximum(np.diag(spread), 0.0)) * inflate
    lattices = tuple(
        Lattice(
            float(cells.values[p]) if cells.apart else NAN,
            float(esd[p]) if cells.apart else NAN,
            float(shares.values[p]) if cells.apart else NAN,
            float(share_esd[p]) if cells.apart else NAN,
        )
        for p in range(lay.components)
    )
    parameters = solution.x.copy()
    parameters[: lay.components] = cells.values
    return Fit(
        lattices=lattices,
        components=lay.components if cells.apart else 1,
        lp_mean_A=mean,
        lp_mean_esd_A=math.sqrt(max(variance, 0.0)) * inflate,
        rwp_percent=100.0 * math.sqrt(solution.chi2 / solution.wrss),
        chi2_reduced=solution.chi2 / max(bins - lay.components - 1 - BACKGROUND_TERMS, 1),
        iterations=solution.iterations,
        converged=solution.converged,
        parameters=parameters,
    )
