"""Pattern after pattern of one run: lattice parameters local to each frame, nuisance parameters tracked."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.frame import Gap
from latticewatch.processing.pattern import Pattern
from latticewatch.processing.refinement.drawing import draw
from latticewatch.processing.refinement.fit import Component, Curves, Fit
from latticewatch.processing.refinement.gate import amplitude_of
from latticewatch.processing.refinement.grid import data_of, window_of
from latticewatch.processing.refinement.lines import BACKGROUND_TERMS, layout, lines_of
from latticewatch.processing.refinement.merged import solve_merged
from latticewatch.processing.refinement.report import fit_of
from latticewatch.processing.refinement.selection import Selection, positions
from latticewatch.processing.refinement.solve import Data, Limits, Solution, solve
from latticewatch.processing.refinement.start import (
    CELL_STEP_A,
    FEWEST_BINS,
    LEAST_SIGMAS,
    TOLERANCE,
    begin,
    fitted_part,
)
from latticewatch.processing.refinement.state import State

Floats = NDArray[np.float64]
NO_BEAM = Gap("no beam")
NO_PEAKS = Gap("no peaks")
DARK_FRACTION = 0.05
ITERATIONS = 30
FAMILY_FACTOR = 1.2
FAMILY_SIGMAS = 5.0
REMEMBERED = 50
# Where the distance of two cells is known to fewer of its sigmas, its posterior is summed up.
CERTAIN = 12.0
# Below this distance, in units of a line's width, what is tracked is left as it was.
FROZEN_BELOW = 0.12


def certainty_of(solution: Solution) -> float:
    """Distance of two cells in units of its standard deviation."""
    return float(abs(solution.x[1] - solution.x[0]) / np.sqrt(max(solution.covariance[1, 1], 1e-300)))


class TrackedRefinement:
    """The refinement of one run. Not for two threads at once; ``curves`` may be called from any thread."""

    def __init__(self, components: tuple[Component, ...], wavelength_A: float, two_theta: NDArray[np.float64]) -> None:
        self._grid = np.asarray(two_theta, dtype=np.float64)
        self._lines = lines_of(components, wavelength_A, float(self._grid[0]), float(self._grid[-1]))
        self._lay = layout(len(components), len(self._lines.phase))
        self._window = window_of(self._grid, self._lines, self._lines.cell)
        self._selection = Selection()
        self._sign = -1.0 if len(components) == 2 and self._lines.cell[1] < self._lines.cell[0] else 1.0
        self._means: deque[float] = deque(maxlen=REMEMBERED)
        self._chi2: deque[float] = deque(maxlen=REMEMBERED)
        self._state: State | None = None
        self._since = 1

    def refine(self, pattern: Pattern) -> Fit | Gap:
        """The fit of this pattern, or why there is none. Never raises on data."""
        result = self._refine(pattern)
        if isinstance(result, Gap):
            self._since += 1
        return result

    def _refine(self, pattern: Pattern) -> Fit | Gap:
        if self._dark(pattern):
            return NO_BEAM
        data = data_of(self._window, self._grid, pattern.intensity, pattern.sigma)
        if len(data.y) < FEWEST_BINS:
            return Gap("fit refused: too few bins with counts")
        if self._state:
            part = fitted_part(self._selection, data, self._state.x, self._lines, self._lay)
            solution = self._follow(self._state, part) if len(part.y) >= FEWEST_BINS else None
            if solution is not None and not self._out_of_family(solution, part):
                return self._accept(solution, part)
        return self._restart(data)

    def _dark(self, pattern: Pattern) -> bool:
        known = np.isfinite(pattern.intensity)
        mean = float(pattern.intensity[known].mean()) if known.any() else 0.0
        if not mean > 0.0 or (self._means and mean < DARK_FRACTION * float(np.median(self._means))):
            return True
        self._means.append(mean)
        return False

    def curves(self, parameters: NDArray[np.float64]) -> Curves:
        """The fit with these parameters, drawn over the run's grid. Pure: safe from another thread."""
        return draw(parameters, self._grid, self._window, self._lines, self._lay)

    def _width(self, x: Floats) -> float:
        """FWHM of a line in Å of the cell, near the middle of the pattern."""
        theta = np.arcsin(min(self._lines.wavelength_A * np.median(self._lines.root_n) / (2.0 * x[0]), 0.99))
        fwhm = (2.355 + 1.1 * x[self._lay.shape]) * x[self._lay.size] / np.cos(theta)
        return float(x[0] / np.tan(theta) * np.radians(fwhm) / 2.0)

    def _seen(self, x: Floats) -> NDArray[np.bool_]:
        """Lines whose centre lies within the fitted range."""
        angles = positions(x, self._lines)
        half = (self._grid[1] - self._grid[0]) / 2.0
        low, high = self._grid[self._window.first] - half, self._grid[self._window.last - 1] + half
        return np.asarray((angles >= low) & (angles <= high))

    def _follow(self, state: State, data: Data) -> Solution | None:
        """The fit from the state of the frame before; None where its peaks are not there."""
        lay = self._lay
        peaks = state.peaks if len(data.grid) == len(state.grid) else np.interp(data.grid, state.grid, state.peaks)
        found = amplitude_of(peaks, data)
        if not found.factor > LEAST_SIGMAS * found.deviation > 0.0:
            return None
        x = state.x.copy()
        x[lay.scale] += np.log(found.factor)
        x[lay.background : lay.background + BACKGROUND_TERMS] = found.background
        prior = state.prior(self._lines, lay, self._since)
        free = Limits(CELL_STEP_A, False, ITERATIONS, TOLERANCE)
        if state.certainty > CERTAIN:
            solution = solve(x, data, prior, self._lines, lay, free)
            if lay.components != 2 or certainty_of(solution) > CERTAIN:
                return solution
        held = Limits(CELL_STEP_A, True, ITERATIONS, TOLERANCE)
        return solve_merged(x, data, prior, self._lines, lay, held, self._sign, self._width(x))

    def _restart(self, data: Data) -> Fit | Gap:
        """The fit where nothing is known, or nothing that holds any more."""
        start = begin(data, self._lines, self._lay, self._lines.cell)
        if start is None:
            return NO_PEAKS
        if start.doubt:
            return Gap(f"fit refused: {start.doubt}")
        self._state, self._selection = None, start.selection
        self._chi2.clear()
        return self._accept(start.solution, start.data)

    def _out_of_family(self, solution: Solution, data: Data) -> bool:
        """Whether this fit failed, or its χ² is not what it was in the frames before."""
        if not solution.converged:
            return True
        if not self._chi2:
            return False
        usual = float(np.median(self._chi2))
        chance = FAMILY_SIGMAS * np.sqrt(2.0 / len(data.y))
        return bool(solution.chi2 / len(data.y) > max(usual, 1.0) * (FAMILY_FACTOR + chance))

    def _accept(self, solution: Solution, data: Data) -> Fit:
        x = solution.x
        background = x[self._lay.background : self._lay.ratio] @ data.basis
        self._state = self._next_state(solution, data.grid, solution.model - background)
        self._since = 1
        fit = fit_of(solution, self._lines, self._lay, len(data.y), 1.0, self._seen(x))
        self._chi2.append(solution.chi2 / len(data.y))
        return fit

    def _next_state(self, solution: Solution, grid: Floats, peaks: Floats) -> State:
        x, start, old = solution.x, self._lay.ratio, self._state
        moved = 0.0 if old is None else float(np.abs(x[: self._lay.components] - old.x[: self._lay.components]).max())
        certainty = certainty_of(solution) if self._lay.components == 2 else np.inf
        merged = self._lay.components == 2 and abs(x[1] - x[0]) < FROZEN_BELOW * self._width(x)
        if merged and old is not None:
            age, moved = old.age + self._since, old.moved + moved
            return State(x, old.mean, old.covariance, age, moved, certainty, grid, peaks)
        covariance = solution.covariance[start:, start:].copy()
        return State(x, x[start:].copy(), covariance, 0, moved, certainty, grid, peaks)
