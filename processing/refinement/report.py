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
# Below so many sigmas κ is no longer Gaussian enough: the posterior over d >= 0 is summed up instead.
POSTERIOR_BELOW = 8.0
# Two lattices are told apart when their distance is known to one part in so many.
TOLD_APART = 5.0
NODES = 201


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells and their covariance (Å, Å²), and whether the data tell them apart."""

    values: Floats
    covariance: Floats
    apart: bool


def cells_of(solution: Solution, lay: Layout, sign: float) -> Cells:
    """Cells of one solution; for two components the posterior mean where they merge."""
    if lay.components != 2:
        block = solution.covariance[: lay.components, : lay.components]
        return Cells(solution.x[: lay.components].copy(), block.copy(), True)
    variance = solution.covariance[1, 1]
    m = (1.0 - solution.share) * solution.x[0] + solution.share * solution.x[1]
    slope = solution.covariance[0, 1] / variance
    rest = max(solution.covariance[0, 0] - slope * solution.covariance[0, 1], 0.0)
    distance, weight = _distances(solution.kappa, math.sqrt(variance))
    mean = m + slope * (distance**2 - solution.kappa)
    pair = np.stack([mean - solution.share * sign * distance, mean + (1.0 - solution.share) * sign * distance])
    values = pair @ weight
    centred = pair - values[:, None]
    covariance = (centred * weight) @ centred.T + rest
    centre = float(distance @ weight)
    deviation = math.sqrt(max(float(weight @ (distance - centre) ** 2), 1e-300))
    return Cells(values, covariance, centre > TOLD_APART * deviation)


def _distances(kappa: float, deviation: float) -> tuple[Floats, Floats]:
    """Nodes of d >= 0 and their weights under κ ~ N(kappa, deviation), flat in d."""
    top = math.sqrt(max(kappa, 0.0) + 6.0 * deviation)
    low = math.sqrt(max(kappa - 6.0 * deviation, 0.0))
    distance = low + (top - low) * (np.arange(NODES) + 0.5) / NODES
    exponent = -0.5 * ((distance**2 - kappa) / deviation) ** 2
    weight = np.exp(exponent - exponent.max())
    if kappa > POSTERIOR_BELOW * deviation:
        # Gaussian in d: flat in κ there, so that nothing is shifted.
        weight = weight * distance
    return distance, weight / weight.sum()


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
        d = cells.values[1] - cells.values[0]
        gradient[0] = 1.0
        gradient[1] = (shares.values[1] - solution.share) / (2.0 * d) if d != 0.0 else 0.0
    else:
        gradient[: lay.components] = shares.values
    return float(gradient @ solution.covariance @ gradient)


def fit_of(
    solution: Solution, lines: Lines, lay: Layout, sign: float, bins: int, inflate: float, seen: NDArray[np.bool_]
) -> Fit:
    """The fit that is reported. bins: fitted. inflate: factor on every esd for misfit that is no
    noise. seen: (lines,) those within the fitted range."""
    cells = cells_of(solution, lay, sign)
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
