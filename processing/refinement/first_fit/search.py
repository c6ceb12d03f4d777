"""Where the lattices are when nothing is known yet: templates over cells and widths, background projected out."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.model.lines import Lines
from latticewatch.processing.refinement.model.pattern_model import DEGREES, bragg, voigt
from latticewatch.processing.refinement.solver.solve import Data

Floats = NDArray[np.float64]
REACH_A = 0.24
NARROWEST_BINS = 0.6
WIDEST_OF_RANGE = 1.0 / 60.0
WIDTH_STEP = 1.6
SHAPE = 0.5
CANDIDATES = 4
MOST_STEPS = 200
# A template of which the background leaves no more than rounding does has no norm.
LEAST_LEFT = 1e-12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible start: cells (Å), Gaussian width (deg), scattering of each component, Δχ² it explains."""

    cells: tuple[float, ...]
    size: float
    scattering: tuple[float, ...]
    gain: float


@dataclass(frozen=True, slots=True)
class Templates:
    """One component's lines of unit total area at one width over its cells: (cells,) and (cells, bins)."""

    cells: Floats
    rows: Floats


@dataclass(frozen=True, slots=True)
class Scan:
    """Templates weighted for a pattern, less what the background explains of them.

    explained: (cells, terms), that part in the background's basis. norms: (cells,) the squares of what is left.
    """

    templates: Templates
    explained: Floats
    norms: Floats

    def overlaps(self, left: Floats, weight: Floats) -> Floats:
        """(cells,) products with what is left of a weighted pattern (bins,), the background taken out of it."""
        return np.asarray(self.templates.rows @ (left * weight))

    def one(self, cell: int, search: "Search") -> Floats:
        """(bins,) the template of one cell."""
        return np.asarray(self.templates.rows[cell] * search.weight - search.basis @ self.explained[cell])


@dataclass(frozen=True, slots=True)
class Search:
    """All templates over one grid, weighted for patterns like the one it was made for.

    centres: (components,) in Å. weight: (bins,). basis: (bins, terms), orthonormal. scans: for each width one for each
    component.
    """

    grid: Floats
    centres: Floats
    weight: Floats
    basis: Floats
    sizes: tuple[float, ...]
    scans: tuple[tuple[Scan, ...], ...]


def search_for(data: Data, lines: Lines, centres: Floats, known: Search | None = None) -> Search:
    """A search around these cells, (components,) in Å. known: another search, whose templates are used again where they
    are the same: most of the time goes into them."""
    weight = np.sqrt(1.0 / np.maximum(data.variance, data.floor))
    basis = np.linalg.qr((data.basis * weight).T)[0]
    if known is None or not (np.array_equal(known.grid, data.grid) and np.array_equal(known.centres, centres)):
        sizes = _sizes(data.grid)
        templates = [
            [_templates(data.grid, lines, p, float(centres[p]), s) for p in range(len(centres))] for s in sizes
        ]
    else:
        sizes, templates = known.sizes, [[scan.templates for scan in scans] for scans in known.scans]
    scans = tuple(tuple(_scan(one, weight, basis) for one in of_size) for of_size in templates)
    return Search(data.grid, centres.copy(), weight, basis, sizes, scans)


def newcomer(search: Search, rest: Floats, component: int) -> float:
    """Δχ² that the best place and width of a component explains of what a fit leaves (bins,)."""
    left = _without(search.basis, rest * search.weight)
    return max(float(_scores(scans[component], left, search.weight).max()) for scans in search.scans)


def candidates(search: Search, y: Floats, order: float = 0.0) -> list[Candidate]:
    """The likeliest starts for a pattern y (bins,) of the search's grid, best first.

    order: which of two components has the larger cell, 1 the second, -1 the first; 0: that is open.
    """
    rest = _without(search.basis, y * search.weight)
    found: list[Candidate] = []
    for size, scans in zip(search.sizes, search.scans, strict=True):
        found.extend(_best(search, scans, rest, size, order))
    found.sort(key=lambda candidate: -candidate.gain)
    return _distinct(found)


def _sizes(grid: Floats) -> tuple[float, ...]:
    bin_width = float(np.median(np.diff(grid)))
    largest = (grid[-1] - grid[0]) * WIDEST_OF_RANGE
    count = max(1, math.ceil(math.log(largest / (NARROWEST_BINS * bin_width), WIDTH_STEP)))
    return tuple(NARROWEST_BINS * bin_width * WIDTH_STEP**k for k in range(count + 1))


def _templates(grid: Floats, lines: Lines, p: int, centre: float, size: float) -> Templates:
    mine = lines.phase == p
    roots, areas = lines.root_n[mine], np.exp(lines.log_base[mine])
    steepest = math.tan(math.asin(min(lines.wavelength_A * roots.max() / (2.0 * centre), 0.99)))
    step = centre / steepest * 1.2 * size / DEGREES / 2.0
    count = min(math.ceil(REACH_A / step), MOST_STEPS)
    cells: Floats = centre + np.arange(-count, count + 1, dtype=np.float64) * (REACH_A / count)
    return Templates(cells, _drawn(grid, cells, roots, areas, size, lines.wavelength_A))


def _scan(templates: Templates, weight: Floats, basis: Floats) -> Scan:
    weighted = templates.rows * weight
    explained = weighted @ basis
    whole = np.einsum("ij,ij->i", weighted, weighted)
    left = whole - np.einsum("ij,ij->i", explained, explained)
    return Scan(templates, explained, np.maximum(left, LEAST_LEFT * whole + 1e-300))


@njit(nogil=True, cache=True, error_model="numpy")
def _drawn(grid: Floats, cells: Floats, roots: Floats, areas: Floats, size: float, wavelength_A: float) -> Floats:
    """Lines of unit total area for each cell, (cells, bins)."""
    total = np.zeros((len(cells), len(grid)))
    work = np.empty((4, len(grid)))
    for row in range(len(cells)):
        for line in range(len(roots)):
            theta = bragg(cells[row], roots[line], wavelength_A)
            if theta > 0.0:
                sigma = size / math.cos(theta)
                voigt(grid, 2.0 * DEGREES * theta, sigma, SHAPE * sigma, work)
                total[row] += areas[line] * work[0]
    return total


def _without(basis: Floats, rows: Floats) -> Floats:
    return np.asarray(rows - (rows @ basis) @ basis.T)


def _best(search: Search, scans: tuple[Scan, ...], rest: Floats, size: float, order: float) -> list[Candidate]:
    if len(scans) > 2:
        return _one_by_one(search, scans, rest, size)
    overlaps = [scan.overlaps(rest, search.weight) for scan in scans]
    if len(scans) == 2:
        return _best_pair(search, scans[0], scans[1], overlaps, size, order)
    areas, cells = overlaps[0] / scans[0].norms, scans[0].templates.cells
    gains = np.maximum(overlaps[0], 0.0) * areas
    return [Candidate((float(cells[i]),), size, (_rounded(areas[i]),), float(gains[i])) for i in _peaks(gains)]


def _best_pair(
    search: Search, first: Scan, second: Scan, overlaps: list[Floats], size: float, order: float
) -> list[Candidate]:
    """Non-negative least squares of two templates at once, for all pairs of cells."""
    b1, b2 = overlaps[0][:, None], overlaps[1][None, :]
    n1, n2 = first.norms[:, None], second.norms[None, :]
    cross = (first.templates.rows * search.weight**2) @ second.templates.rows.T - first.explained @ second.explained.T
    determinant = np.maximum(n1 * n2 - cross**2, 1e-9 * n1 * n2)
    s1, s2 = (n2 * b1 - cross * b2) / determinant, (n1 * b2 - cross * b1) / determinant
    gains = np.where((s1 > 0.0) & (s2 > 0.0), s1 * b1 + s2 * b2, 0.0)
    cells = first.templates.cells, second.templates.cells
    ascending = cells[1][None, :] > cells[0][:, None]
    found = []
    # Where either may have the larger cell the intensities will say.
    orders = [ascending, ~ascending] if order == 0.0 else [ascending if order > 0.0 else ~ascending]
    for wanted in orders:
        i, j = np.unravel_index(int(np.argmax(np.where(wanted, gains, 0.0))), gains.shape)
        if gains[i, j] > 0.0 and wanted[i, j]:
            areas = (_rounded(s1[i, j]), _rounded(s2[i, j]))
            found.append(Candidate((float(cells[0][i]), float(cells[1][j])), size, areas, float(gains[i, j])))
    return found


def _one_by_one(search: Search, scans: tuple[Scan, ...], rest: Floats, size: float) -> list[Candidate]:
    """Three or four components: the strongest first, then the others in what it leaves."""
    left, cells, areas, gain = rest.copy(), [0.0] * len(scans), [0.0] * len(scans), 0.0
    open_ones = set(range(len(scans)))
    while open_ones:
        overlaps = {p: scans[p].overlaps(left, search.weight) for p in open_ones}
        scores = {p: np.maximum(overlaps[p], 0.0) ** 2 / scans[p].norms for p in open_ones}
        p = max(sorted(open_ones), key=lambda q: float(scores[q].max()))
        i = int(np.argmax(scores[p]))
        cells[p] = float(scans[p].templates.cells[i])
        areas[p] = float(overlaps[p][i] / scans[p].norms[i])
        gain += float(scores[p][i])
        left = left - areas[p] * scans[p].one(i, search)
        open_ones.remove(p)
    return [Candidate(tuple(cells), size, tuple(_rounded(area) for area in areas), gain)]


def _scores(scan: Scan, left: Floats, weight: Floats) -> Floats:
    return np.asarray(np.maximum(scan.overlaps(left, weight), 0.0) ** 2 / scan.norms)


def _rounded(value: float) -> float:
    """To six digits: what a threaded library adds up in another order must not reach the fit."""
    return float(f"{value:.5e}")


def _peaks(gains: Floats) -> list[int]:
    inner = (gains[1:-1] >= gains[:-2]) & (gains[1:-1] >= gains[2:]) & (gains[1:-1] > 0.0)
    peaks = np.flatnonzero(inner) + 1
    return [int(i) for i in peaks[np.argsort(gains[peaks])[::-1][:CANDIDATES]]]


def _distinct(found: list[Candidate]) -> list[Candidate]:
    kept: list[Candidate] = []
    for one in found:
        near = any(all(abs(a - b) < 0.01 for a, b in zip(one.cells, other.cells, strict=True)) for other in kept)
        if not near:
            kept.append(one)
    return kept[:CANDIDATES]
