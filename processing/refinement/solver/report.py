"""From a solution to what is reported: lattices with esd, told apart or not, the weighted mean, the drawing."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import bragg, line_intensity
from latticewatch.processing.refinement.solver.solve import Solution

Floats = NDArray[np.float64]
# Two lattices are told apart when their distance is known to one part in so many.
TOLD_APART = 5.0
# A component is there when its share of the scattering is at least this, and this many sigmas.
LEAST_SHARE = 0.015
PRESENT_SIGMAS = 6.0
# χ² per bin beyond which misfit says nothing more of what is there.
MOST_MISFIT = 4.0
# What the shape that is left of a profile does to the ratio of two areas, whatever the counts.
RATIO_FLOOR = 0.002


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells and their covariance (Å, Å²), and whether the data tell them apart."""

    values: Floats
    covariance: Floats
    apart: bool


def cells_of(solution: Solution, lay: Layout, doubt: float) -> Cells:
    """Cells of one solution. doubt: factor on the variance of their distance."""
    n = lay.components
    block = solution.covariance[:n, :n]
    if n != 2:
        return Cells(solution.x[:n].copy(), block.copy(), True)
    turn = np.array([[1.0, -solution.share], [1.0, 1.0 - solution.share]])
    distance = abs(solution.x[1] - solution.x[0])
    return Cells(
        solution.x[:2].copy(),
        turn @ block @ turn.T,
        bool(distance > TOLD_APART * math.sqrt(doubt * max(block[1, 1], 0.0))),
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """Share of each component in the scattering, (components,), and its gradient (components, parameters)."""

    values: Floats
    gradient: Floats


def counted_lines(lines: Lines, low_deg: float, high_deg: float) -> NDArray[np.bool_]:
    """The lines (lines,) that shares are taken over: those in this range for the start cells of all components.

    One set for the whole run, so that a line which leaves the range makes no step in the weighted mean.
    """
    sine = lines.root_n[:, None] * lines.wavelength_A / (2.0 * lines.cell[None, :])
    angles = 2.0 * np.degrees(np.arcsin(np.clip(sine, 0.0, 1.0)))
    counted: NDArray[np.bool_] = np.all((angles >= low_deg) & (angles <= high_deg), axis=1)
    everywhere = all(counted[lines.phase == component].any() for component in range(len(lines.cell)))
    return counted if everywhere else np.ones_like(counted)


def shares_of(x: Floats, lines: Lines, lay: Layout, counted: NDArray[np.bool_]) -> Shares:
    """Shares over these lines (lines,)."""
    return Shares(*_shares(x, lines, lay, counted))


@njit(nogil=True, cache=True, error_model="numpy")
def _shares(x: Floats, lines: Lines, lay: Layout, counted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    areas, by_correction, log_g = np.zeros(lay.lines), np.zeros(lay.lines), np.zeros(lay.lines)
    values = np.zeros(lay.components)
    for line in range(lay.lines):
        theta = bragg(x[lines.phase[line]], lines.root_n[line], lines.wavelength_A)
        if theta > 0.0 and counted[line]:
            areas[line], by_correction[line], log_g[line], _ = line_intensity(x, line, theta, lines, lay)
            values[lines.phase[line]] += areas[line]
    total = max(values.sum(), 1e-300)
    values /= total
    gradient = np.zeros((lay.components, lay.length))
    for line in range(lay.lines):
        for p in range(lay.components):
            # d share_p / d area = (δ - share_p) / total
            own = 1.0 if lines.phase[line] == p else 0.0
            by_line = areas[line] / total * (own - values[p])
            gradient[p, lay.intensity_correction + line] = by_correction[line] / total * (own - values[p])
            gradient[p, lay.vegard_intensity_fraction] += by_line * log_g[line]
            if lines.phase[line] > 0:
                gradient[p, lay.ratio + lines.phase[line] - 1] += by_line
    return values, gradient


def present(shares: Shares, solution: Solution, component: int, least: float = LEAST_SHARE) -> bool:
    """Whether a component is clearly there, with more than this share of the scattering."""
    share = float(shares.values[component])
    return share > least and seen(shares, solution, component)


def seen(shares: Shares, solution: Solution, component: int) -> bool:
    """Whether the data tell a component's share of the scattering from nothing. Where the model misfits, a component
    that is not there takes what the others leave."""
    gradient = shares.gradient[component]
    misfit = min(max(1.0, solution.chi2 / len(solution.residual)), MOST_MISFIT)
    variance = misfit * max(float(gradient @ solution.covariance @ gradient), 0.0)
    return float(shares.values[component]) > PRESENT_SIGMAS * math.sqrt(variance)


def quoted_rows(solution: Solution, shares: Shares, lay: Layout) -> Floats:
    """Gradients of the cells and of their weighted mean, (components + 1, parameters), as the covariance has it."""
    count = lay.components
    rows = np.zeros((count + 1, lay.length))
    rows[:count, :count] = np.eye(count)
    there = _there(shares, solution)
    weights = np.where(there, shares.values, 0.0) / shares.values[there].sum()
    away = np.where(there, solution.x[:count] - weights @ solution.x[:count], 0.0)
    rows[count] = away @ shares.gradient / shares.values[there].sum()
    rows[count, :count] = weights
    if count == 2:
        turn = np.array([[1.0, -solution.share], [1.0, 1.0 - solution.share]])
        rows[:, :2] = rows[:, :2] @ turn
    return rows


def _there(shares: Shares, solution: Solution) -> NDArray[np.bool_]:
    """(components,) which components have a say in the mean: of three and more those that are clearly there. Of two it
    is decided elsewhere, over several frames."""
    count = len(shares.values)
    there = np.array([count <= 2 or present(shares, solution, p) for p in range(count)])
    return there if there.any() else np.ones_like(there)


def _told(solution: Solution, cells: Cells, shares: Shares, grounded: bool, absent: int) -> list[bool]:
    """Which components have a lattice parameter of their own."""
    count = len(cells.values)
    if count <= 2:
        return [cells.apart and grounded if absent < 0 else p != absent for p in range(count)]
    c = cells.covariance
    distance = np.abs(cells.values[:, None] - cells.values[None, :])
    deviation = np.sqrt(np.maximum(np.diag(c)[:, None] + np.diag(c)[None, :] - 2.0 * c, 0.0))
    clear = (distance > TOLD_APART * deviation) | np.eye(count, dtype=np.bool_)
    # What is not there has no cell to be told from.
    there = np.array([present(shares, solution, p) for p in range(count)])
    return [bool(there[p] and clear[p][there].all()) for p in range(count)]


def fit_of(
    solution: Solution,
    shares: Shares,
    of_mean: Floats,
    lay: Layout,
    noise: float,
    grounded: bool,
    absent: int,
    model_variance: Floats,
    doubt: float = 1.0,
) -> Fit:
    """The fit that is reported.

    of_mean: (parameters,) the gradient of the weighted mean, the last of ``quoted_rows``.
    model_variance: the model's own error of each cell and of their mean, (components + 1,) in Å².
    noise: factor that the variances of the data were multiplied by. grounded: whether what is tracked can be
    trusted to tell merged lattices apart. absent: the one of two components that is not there, -1 for none.
    doubt: factor on the variance of the distance of two lattices.
    """
    cells = cells_of(solution, lay, doubt)
    told = _told(solution, cells, shares, grounded, absent)
    covariance = solution.covariance.copy()
    for i in range(lay.ratio, lay.intensity_correction):
        covariance[i, i] += RATIO_FLOOR**2
    spread = shares.gradient @ covariance @ shares.gradient.T
    esd = [math.sqrt(max(cells.covariance[p, p], 0.0) + model_variance[p]) for p in range(lay.components)]
    share_esd = [math.sqrt(max(spread[p, p], 0.0)) for p in range(lay.components)]
    own = np.sqrt(model_variance[: lay.components]).tolist()
    each = zip(cells.values.tolist(), esd, shares.values.tolist(), share_esd, own, strict=True)
    lattices = tuple(Lattice(*numbers) if known else Lattice() for known, numbers in zip(told, each, strict=True))
    bins = len(solution.residual)
    there = _there(shares, solution)
    mean = float(shares.values[there] @ cells.values[there] / shares.values[there].sum())
    mean_esd = math.sqrt(max(float(of_mean @ covariance @ of_mean), 0.0) + model_variance[-1])
    if absent >= 0:
        mean, mean_esd = float(cells.values[1 - absent]), esd[1 - absent]
    return Fit(
        lattices=lattices,
        components=max(sum(told), 1),
        lp_mean_A=mean,
        lp_mean_esd_A=mean_esd,
        rwp_percent=100.0 * math.sqrt(max(solution.chi2, 0.0) / solution.wrss),
        chi2_reduced=noise * solution.chi2 / max(bins - lay.components - 1 - (lay.ratio - lay.background), 1),
        iterations=solution.iterations,
        converged=solution.converged,
        parameters=solution.x.copy(),
    )
