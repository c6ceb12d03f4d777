"""The fit of a pattern when nothing is known of its lattices yet, and whether it can be believed."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.first_fit.first_prior import (
    INTENSITY_CORRECTION_FIRST,
    first_prior,
    without_component,
)
from latticewatch.processing.refinement.first_fit.names import OPEN_A, Names, in_order, nearest_of_two, put_in_order
from latticewatch.processing.refinement.first_fit.search import REACH_A, Candidate, Search, candidates
from latticewatch.processing.refinement.first_fit.selection import (
    Selection,
    cell_width,
    foreign_lines,
    full_widths,
    is_sharp,
    part_of,
    positions,
    selected,
)
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import (
    calculate,
    least_free_variance,
    line_intensity,
    lines_in,
    relative_intensity,
)
from latticewatch.processing.refinement.solver.peak_amplitude import amplitude_of
from latticewatch.processing.refinement.solver.report import present, shares_of
from latticewatch.processing.refinement.solver.solve import Data, Limits, Prior, Solution, solve
from latticewatch.processing.refinement.solver.surprise import explains, let_go

Floats = NDArray[np.float64]
LEAST_SIGMAS = 5.0
ITERATIONS = 100
ROUNDS = 3
FEWEST_BINS = 60
CELL_STEP_A = 0.05
TOLERANCE = 2e-3
# Of what stands above the background, the fit may leave this share unexplained beyond the noise. The standards, with
# lines of few bins, need up to .01; nanocrystals that are not quite cubic are to be seen all the same.
LARGEST_MISFIT = 0.025
# Lines may lie this far from where one lattice puts them, root mean square in FWHM.
LARGEST_OFFSET = 0.15
LARGEST_OFFSET_FREE = 0.05
# With any intensities one cell puts one line, or by chance two, on lines of something else.
FEWEST_LINES_FREE = 3
# ln of how far intensities may be from the structure's, root mean square over what is fitted.
LARGEST_STRENGTH = 1.2
# ... where none of two lattices is near a cell that is given.
LARGEST_STRENGTH_AWAY = 0.3
FAINT = 0.02
# A lattice is known by places or by intensities. Lines as wide as this share of their distance lie anywhere, and so do
# those of a component with less than that share of the scattering; then ln of how far its own intensities are from the
# structure's is at most this for half of what it scatters.
WIDE_LINES = 0.5
WIDEST_LINES = 1.2
MINOR_SHARE = 0.2
LARGEST_STRENGTH_UNPLACED = 0.35
# How far intensities may follow the composition: not at all, or as the cell says, give or take.
LEAST_VEGARD, MOST_VEGARD = -0.5, 1.5
# A component with a smaller share has no say; a ring is wider than this many bins.
THERE = 1e-3
NARROWEST_BINS = 0.5
OTHER_NAME = "the cell is that of the other component"
OTHER_INTENSITIES = "the intensities are not those of the phases"
FREED = (
    "the intensities of {} are not the structure's, but one lattice explains its lines: they are free from now on "
    '(texture? intensities = "free" says so in experiment.toml, "structure" forbids it)'
)
# Distance from the start cell (Å) over which a candidate loses standing.
TRUSTED_A = 0.15
# Lines this far apart in units of their width are told apart by themselves.
APART_OF_WIDTH = 0.55
CLEARLY_WORSE = 1.5
# Δχ² that a second component must be worth.
WORTH_A_COMPONENT = 50.0
COMPARABLE = 0.5


class Start(NamedTuple):
    """A first fit, the bins it used, and why it is not to be believed (empty: it is).

    absent: the one of two components that is not there, -1 for none. free: the structure has no say in the
    intensities, which failed.
    """

    solution: Solution
    selection: Selection
    data: Data
    prior: Prior
    absent: int
    doubt: str
    free: bool = False


def begin(
    data: Data, search: Search, lines: Lines, lay: Layout, names: Names, free_on_need: bool = False
) -> Start | None:
    """The best first fit of the lattices that are expected; None where there are no peaks.

    free_on_need: whether one lattice whose intensities are not the structure's may have any.
    """
    order = float(names.order[0, 1]) if lay.components == 2 else 0.0
    found = [one for one in candidates(search, data.y, order) if _stands_out(one)]
    likely = [replace(one, cells=put_in_order(one.cells, names)) for one in found]
    # What explains far less of the pattern than another candidate is no answer, however well it fits its part.
    most = max((one.gain for one in likely), default=0.0)
    tried = [_fit(data, lines, lay, one) for one in likely if one.gain > COMPARABLE * most]
    fits = [fit for fit in tried if fit is not None and _significant(fit, lines, lay)]
    fits = [fit for fit in fits if _keeps_names(fit, lines, lay, names)]
    if not fits:
        return None
    best = min(
        fits,
        key=lambda fit: (
            fit.doubt != "",
            not in_order(fit.solution.x[: lay.components], names),
            _trapped(fit, lines, lay),
            _standing(fit, names.cells, lay),
        ),
    )
    if best.doubt == OTHER_INTENSITIES and free_on_need and lay.components == 1:
        freed = [_fit(data, with_free_intensities(lines), lay, one) for one in likely]
        explained = [fit for fit in freed if fit is not None and not fit.doubt and _on_one_lattice(fit, lines, lay)]
        return min(explained, key=lambda fit: fit.solution.chi2)._replace(free=True) if explained else best
    return alone(best, lines, lay, names)


def _on_one_lattice(fit: Start, lines: Lines, lay: Layout) -> bool:
    """Whether the places of the lines alone show the lattice: lines of any intensity fit much."""
    _, each = lines_alone(fit.solution.x, fit.data, lines, lay)
    clear = _clear(each, fit.solution, fit.data, lines)
    enough = int(np.count_nonzero(clear)) >= FEWEST_LINES_FREE
    return enough and _offset(fit.solution, fit.data, lines, lay) < LARGEST_OFFSET_FREE


def with_free_intensities(lines: Lines) -> Lines:
    """The same lines, of any intensities."""
    return lines._replace(free=np.ones_like(lines.free))


def _keeps_names(fit: Start, lines: Lines, lay: Layout, names: Names) -> bool:
    """Whether each lattice has its own name; lines that have merged have no order."""
    x = fit.solution.x
    return in_order(x[: lay.components], names, APART_OF_WIDTH * cell_width(x, lines, lay))


def _stands_out(candidate: Candidate) -> bool:
    return candidate.gain > 2.0 * LEAST_SIGMAS**2 * len(candidate.cells)


def _standing(fit: Start, cells: Floats, lay: Layout) -> float:
    """χ² per bin with what the intensities cost, worse the farther from the cells that are expected.

    One line alone fits several ways, and two components may be taken for each other.
    """
    x = fit.solution.x
    there = np.arange(len(cells)) != fit.absent
    away = np.where(there, x[: len(cells)] - cells, 0.0) / TRUSTED_A
    strengths = float(np.sum(np.square(x[lay.intensity_correction : lay.gaussian_width] / INTENSITY_CORRECTION_FIRST)))
    return float((fit.solution.chi2 + strengths) / len(fit.data.y) * (1.0 + 0.3 * np.sum(away**2)))


def _trapped(fit: Start, lines: Lines, lay: Layout) -> bool:
    """Whether a size that is too large was made up for by a spread of less than nothing."""
    x = fit.solution.x
    free = range(2 if lay.components == 2 else 0)
    return any(x[lay.free_variance + p] < least_free_variance(x, p, lines, lay) for p in free if p != fit.absent)


def alone(fit: Start, lines: Lines, lay: Layout, names: Names) -> Start:
    """The same without one of two components, where that one is clearly not there."""
    if lay.components != 2 or fit.absent >= 0:
        return fit
    x = fit.solution.x
    merged = abs(x[1] - x[0]) < APART_OF_WIDTH * cell_width(x, lines, lay)
    if fit.doubt or merged:
        return _one_of_two(fit, lines, lay, names)
    shares = shares_of(x, lines, lay, np.ones(lay.lines, dtype=np.bool_))
    weak = [p for p in range(2) if not present(shares, fit.solution, p)]
    return taken_out(fit, weak[0], lines, lay) if weak else fit


def _one_of_two(fit: Start, lines: Lines, lay: Layout, names: Names) -> Start:
    """One component alone, where one of the two does as well as both and far better than the other, or where its
    cell alone says which one it is."""
    single = [taken_out(fit, p, lines, lay) for p in range(2)]
    single.sort(key=lambda one: (one.doubt != "", _standing(one, names.cells, lay)))
    name = nearest_of_two(float(single[0].solution.x[1 - single[0].absent]), names)
    if name == single[0].absent:
        single.reverse()
    clear = name >= 0 or _standing(single[1], names.cells, lay) > CLEARLY_WORSE * _standing(single[0], names.cells, lay)
    worth = WORTH_A_COMPONENT * max(1.0, fit.solution.chi2 / len(fit.data.y))
    as_well = fit.doubt != "" or single[0].solution.chi2 < fit.solution.chi2 + worth
    return single[0] if clear and as_well and not single[0].doubt else fit


def alone_by_name(fit: Start, names: Names, lay: Layout) -> tuple[Start, float]:
    """A first fit without one of two components, doubted where its cell is that of the other one, and its standing."""
    if nearest_of_two(float(fit.solution.x[1 - fit.absent]), names) == fit.absent:
        fit = fit._replace(doubt=fit.doubt or OTHER_NAME)
    return fit, _standing(fit, names.cells, lay)


def taken_out(fit: Start, absent: int, lines: Lines, lay: Layout) -> Start:
    """The same fit without one of two components."""
    x, prior = without_component(fit.solution.x, fit.prior, absent, lay)
    solution = solve(x, fit.data, prior, lines, lay, Limits(CELL_STEP_A, True, ITERATIONS, TOLERANCE))
    return fit._replace(solution=solution, absent=absent, prior=prior, doubt=doubt_of(solution, fit.data, lines, lay))


def _significant(fit: Start, lines: Lines, lay: Layout) -> bool:
    found = amplitude_of(lines_alone(fit.solution.x, fit.data, lines, lay)[0], fit.data)
    misfit = max(1.0, fit.solution.chi2 / len(fit.data.y))
    return bool(found.factor > LEAST_SIGMAS * np.sqrt(misfit) * found.deviation > 0.0)


def _fit(data: Data, lines: Lines, lay: Layout, candidate: Candidate) -> Start | None:
    x, prior = first_prior(candidate, lines, lay)
    selection = Selection(is_sharp(data.grid, x, lines, lay))
    part = part_of(data, selected(selection, data.grid, x, lines, lay))
    if len(part.y) < FEWEST_BINS:
        return None
    peaks = lines_alone(x, part, lines, lay)[0]
    found = amplitude_of(peaks, part)
    x[lay.scale] += np.log(max(found.factor, 1e-3))
    x[lay.background : lay.ratio] = found.background
    rest = part.y - found.factor * peaks - found.background @ part.basis
    scale = _robust_scale(rest / np.sqrt(np.maximum(part.variance, part.floor)))
    limits = Limits(CELL_STEP_A, False, ITERATIONS, TOLERANCE)
    for _ in range(ROUNDS if selection.sharp else 1):
        if selection.sharp:
            selection = foreign_lines(rest, scale, part, x, lines, lay)
        used = fitted_part(selection, data, x, lines, lay)
        if len(used.y) < FEWEST_BINS:
            return None
        solution = solve(x, used, prior, lines, lay, limits)
        solution, prior = _with_what_is_odd(solution, used, prior, lines, lay)
        x = solution.x
        part = part_of(data, selected(Selection(selection.sharp), data.grid, x, lines, lay))
        rest = part.y - lines_alone(x, part, lines, lay)[0] - x[lay.background : lay.ratio] @ part.basis
        scale = _robust_scale(rest / np.sqrt(np.maximum(part.variance, part.floor)))
    return Start(solution, selection, used, prior, -1, doubt_of(solution, used, lines, lay))


def _with_what_is_odd(
    solution: Solution, data: Data, prior: Prior, lines: Lines, lay: Layout
) -> tuple[Solution, Prior]:
    """The fit with what the data pull at let go, where that explains the pattern."""
    x = solution.x
    merged = lay.components == 2 and abs(x[1] - x[0]) < APART_OF_WIDTH * cell_width(x, lines, lay)
    freed = None if merged else let_go(solution, prior, 1.0 / np.maximum(np.diag(prior.information), 1e-12), lines, lay)
    if not (freed and solution.converged):
        return solution, prior
    freer = solve(x, data, freed[0], lines, lay, Limits(CELL_STEP_A, False, ITERATIONS, TOLERANCE))
    return (freer, freed[0]) if freer.converged and explains(freer, solution) else (solution, prior)


def _robust_scale(values: Floats) -> float:
    """Standard deviation from the median absolute deviation, at least 1."""
    return max(1.0, 1.4826 * float(np.median(np.abs(values - np.median(values)))))


def fitted_part(selection: Selection, data: Data, x: Floats, lines: Lines, lay: Layout) -> Data:
    """The data that are fitted with lines at these parameters."""
    return part_of(data, selected(selection, data.grid, x, lines, lay))


def lines_alone(x: Floats, data: Data, lines: Lines, lay: Layout) -> tuple[Floats, Floats]:
    """The sum of all lines (bins,), and each of them (lines, bins)."""
    y, jacobian = np.empty(len(data.y)), np.empty((lay.length, len(data.y)))
    calculate(x, data.grid, data.basis, lines, lay, y, jacobian)
    each = lines_in(x, jacobian, lay)
    return each.sum(axis=0), each


def doubt_of(solution: Solution, data: Data, lines: Lines, lay: Layout) -> str:
    """Why this first fit is not to be believed, empty: it is."""
    if not (solution.converged and np.isfinite(solution.x).all()):
        return "it did not converge"
    misfit = misfit_of(solution, data, lay)
    if misfit > LARGEST_MISFIT:
        if misfit > 1.0:
            return "the peaks are not those of the phases, with this geometry and these cells"
        return f"{100.0 * misfit:.0f} % of the peaks is not explained by the phases"
    strength = _strength_away(solution.x, data, lines, lay)
    if strength > LARGEST_STRENGTH:
        return OTHER_INTENSITIES
    if lay.components == 2 and strength > LARGEST_STRENGTH_AWAY and _away_from_all(solution.x, OPEN_A, lines, lay):
        return "neither the intensities nor the cells are those of the phases"
    offset = _offset(solution, data, lines, lay)
    if offset > LARGEST_OFFSET:
        return f"the lines do not lie on one lattice (off by {offset:.2f} of their width)"
    if _far_from_all(solution.x, lines, lay):
        return f"a lattice is more than {REACH_A} Å from every cell that is given"
    return _no_lattice(solution.x, data, lines, lay)


def _no_lattice(x: Floats, data: Data, lines: Lines, lay: Layout) -> str:
    """Why one of the components is no lattice but pixels, humps or lines of something else; empty: all are."""
    centres, widths, step = positions(x, lines), full_widths(x, lines, lay), float(np.median(np.diff(data.grid)))
    shares = shares_of(x, lines, lay, np.ones(lay.lines, dtype=np.bool_)).values
    merged = lay.components == 2 and abs(x[1] - x[0]) < APART_OF_WIDTH * cell_width(x, lines, lay)
    for p in np.flatnonzero(np.asarray(shares) > THERE).tolist():
        mine = (lines.phase == p) & (centres > data.grid[0]) & (centres < data.grid[-1])
        if np.count_nonzero(mine) < 2:
            continue
        width, apart = float(np.median(widths[mine])), float(np.median(np.diff(np.sort(centres[mine]))))
        if width < NARROWEST_BINS * step:
            return "its lines are narrower than a bin: pixels, not rings"
        if width > WIDEST_LINES * apart:
            return "its lines are wider than their distances: a hump, not rings"
        placed = width < WIDE_LINES * apart and shares[p] > MINOR_SHARE
        if not placed and not lines.free[p]:
            impossible = not merged and not LEAST_VEGARD <= x[lay.vegard_intensity_fraction] <= MOST_VEGARD
            if impossible or _own_strength_away(x, mine, lines, lay) > LARGEST_STRENGTH_UNPLACED:
                return OTHER_INTENSITIES
    return ""


def _own_strength_away(x: Floats, mine: NDArray[np.bool_], lines: Lines, lay: Layout) -> float:
    """How far the intensities of these lines are from the structure's: ln of their ratio, the median over what they
    should scatter. A line that is absent, or lies on one of something else, does not move it."""
    away = np.abs(np.log(np.maximum(_over_structure(x, lines, lay)[mine], 1e-2)))
    order, given = np.argsort(away), np.exp(lines.log_base[mine])
    total = np.cumsum(given[order])
    return float(away[order][np.searchsorted(total, 0.5 * total[-1])])


def _over_structure(x: Floats, lines: Lines, lay: Layout) -> Floats:
    """The lines' intensities over what the structure gives for a composition that there is, (lines,)."""
    found = np.array([relative_intensity(one)[0] for one in x[lay.intensity_correction : lay.gaussian_width]])
    fraction = float(x[lay.vegard_intensity_fraction])
    beyond = fraction - min(max(fraction, LEAST_VEGARD), MOST_VEGARD)
    if not beyond:
        return found
    thetas = np.radians(positions(x, lines) / 2.0).tolist()
    by_cell = [line_intensity(x, line, theta, lines, lay)[2] for line, theta in enumerate(thetas)]
    return np.asarray(found * np.exp(np.clip(beyond * np.array(by_cell), -10.0, 10.0)))


def _away_from_all(x: Floats, away_A: float, lines: Lines, lay: Layout) -> bool:
    """Whether every lattice that scatters is further than this from each cell that is given."""
    shares = np.asarray(shares_of(x, lines, lay, np.ones(lay.lines, dtype=np.bool_)).values)
    cells = x[: lay.components][shares > FAINT]
    return bool(np.abs(cells[:, None] - lines.cell[None, :]).min() > away_A)


def _far_from_all(x: Floats, lines: Lines, lay: Layout) -> bool:
    """Whether a lattice that scatters has gone where no cell was searched: humps lead it there."""
    shares = np.asarray(shares_of(x, lines, lay, np.ones(lay.lines, dtype=np.bool_)).values)
    cells = x[: lay.components][shares > FAINT]
    return bool(np.any((cells < lines.cell.min() - REACH_A) | (cells > lines.cell.max() + REACH_A)))


def misfit_of(solution: Solution, data: Data, lay: Layout) -> float:
    """Share of what stands above the background that the fit leaves unexplained, beyond 5 sigma of the noise."""
    bins = len(data.y)
    background = solution.x[lay.background : lay.background + len(data.basis)] @ data.basis
    above = float(np.sum(np.square(data.y - background) / np.maximum(data.variance, data.floor)))
    unexplained = max(solution.chi2 - bins - 5.0 * np.sqrt(2.0 * bins), 0.0)
    return float(unexplained / max(above - bins, 1.0))


def _strength_away(x: Floats, data: Data, lines: Lines, lay: Layout) -> float:
    """How far the intensities are from the structure's: ln of their ratio, root mean square over the lines in view.

    Lines count by their share of the scattering; one weaker than FAINT of the strongest counts as that.
    """
    centres = positions(x, lines)
    seen = (centres > data.grid[0]) & (centres < data.grid[-1])
    given = np.exp(lines.log_base)
    found = given * np.maximum(_over_structure(x, lines, lay), 0.0)
    faint = FAINT * np.array([given[lines.phase == p].max() for p in range(lay.components)])[lines.phase]
    away = np.log((found + faint) / (given + faint))
    weight = np.where(seen & ~lines.free[lines.phase], given + found, 0.0)
    return float(np.sqrt(weight @ away**2 / max(weight.sum(), 1e-300)))


def _offset(solution: Solution, data: Data, lines: Lines, lay: Layout) -> float:
    """Root mean square offset of the clear lines from the lattice, in FWHM; 0 for fewer than two."""
    x, weight = solution.x, 1.0 / np.maximum(data.variance, data.floor)
    _, each = lines_alone(x, data, lines, lay)
    widths = full_widths(x, lines, lay)
    misfit = max(1.0, solution.chi2 / len(data.y))
    clear = _clear(each, solution, data, lines)
    if np.count_nonzero(clear) < 2:
        return 0.0
    shapes, widths = each[clear], widths[clear]
    # Offsets have a prior of half a width: where lines overlap one may not be moved against another.
    moved = -np.gradient(shapes, data.grid, axis=1) * widths[:, None]
    design = np.concatenate([moved, shapes, data.basis])
    count = len(moved)
    matrix = (design * weight) @ design.T / misfit
    matrix[np.arange(count), np.arange(count)] += 4.0
    covariance = np.linalg.pinv(matrix, hermitian=True)
    rest = data.y - shapes.sum(axis=0) - each[~clear].sum(axis=0) - x[lay.background : lay.ratio] @ data.basis
    offset = (covariance @ ((design * weight) @ rest / misfit))[:count]
    importance = 1.0 / (np.diag(covariance)[:count] + 0.02**2)
    return float(np.sqrt(np.sum(importance * offset**2) / np.sum(importance)))


def _clear(each: Floats, solution: Solution, data: Data, lines: Lines) -> NDArray[np.bool_]:
    """Which lines are in view and clear of what noise and misfit make of nothing, (lines,). each: (lines, bins)."""
    centres, weight = positions(solution.x, lines), 1.0 / np.maximum(data.variance, data.floor)
    misfit = max(1.0, solution.chi2 / len(data.y))
    clear = (np.sum(weight * each**2, axis=1) > LEAST_SIGMAS**2 * misfit) & (centres > data.grid[0])
    return np.asarray(clear & (centres < data.grid[-1]))
