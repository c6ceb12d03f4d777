"""Pattern after pattern of one run with crystals of any system, or with an internal standard."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.fit_range import EVERYWHERE, FitRange
from latticewatch.processing.crystal.cell import NAMES
from latticewatch.processing.crystal.line_phase import LinePhase
from latticewatch.processing.flow.empty_cell import EmptyCell
from latticewatch.processing.flow.fit import Component, Curves, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.crystals.merging import Known, known_cells
from latticewatch.processing.refinement.crystals.pattern import draw_phases
from latticewatch.processing.refinement.crystals.planes import Phases, angles_of, cell_of, phases_of
from latticewatch.processing.refinement.crystals.report import fit_of, quoted
from latticewatch.processing.refinement.crystals.solve import Limits, Solution, cost_at, solve
from latticewatch.processing.refinement.crystals.start import (
    LEAST_SIGMAS,
    Start,
    begin,
    explains_more,
    limits_for,
    there_of,
    width_of,
)
from latticewatch.processing.refinement.crystals.state import State, after
from latticewatch.processing.refinement.solver.grid import Window, chebyshev, data_of, empty_row, window_between
from latticewatch.processing.refinement.solver.model_error import NOTHING_YET, scatter_of
from latticewatch.processing.refinement.solver.peak_amplitude import amplitude_of
from latticewatch.processing.refinement.solver.solve import Data, Prior, weigh
from latticewatch.processing.refinement.tracking.fit_quality import Quality, RecentFits
from latticewatch.processing.refinement.tracking.light import Light
from latticewatch.processing.refinement.tracking.residuals import noise_after

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NO_BEAM, NO_PEAKS = NoResult("no beam"), NoResult("no peaks")
NOT_CONVERGED = NoResult("fit refused: it did not converge")
STANDARD_UNSEEN = NoResult("fit refused: the standard is not seen")
MOST_BINS, FEWEST_BINS = 1000, 60
ITERATIONS, TOLERANCE = 25, 0.05
# Δχ², in units of the misfit, that it must be worth to let what is tracked move by more than is usual, and that other
# cells must be worth where lines merge.
WORTH_MOVING, WORTH_A_KICK = 30.0, 1.0
# The edge a of a phase that comes lies this near to where it is expected, as a share, and is known this well.
NEAR, WELL_PLACED = 0.02, 2e-3
# The other side of merged lines is clearly worse by such a Δχ², and no longer tried after so many fits in a row.
CLEAR_TWIN, SETTLED = 25.0, 5
MEAN_OVER = 20
# A search of all cells is slow: of frames that go on being refused so many are left out.
TRIED_EVERY = 5
# After so many frames in a row that are worse than those before, the sample is another one.
MOST_STRANGE = 3
# Intensities that are the structure's are asked for again after so many frames.
ASKED_EVERY = 10
# Cells are remembered where their scale is so many sigmas clear.
WELL_KNOWN = 12.0
# χ² is more than noise where it is so many of its deviations above 1.
UNEXPLAINED = 5.0


class Moved(NamedTuple):
    """What ``scatter_of`` reads of a solution: its model (bins,) and the derivatives that are free (free, bins)."""

    model: Floats
    jacobian: Floats


class Tried(NamedTuple):
    """A fit of one pattern: with this prior, these phases in the beam and those with intensities of their own. loose:
    what is tracked was let loose."""

    solution: Solution
    prior: Prior
    present: Flags
    freed: Flags
    loose: bool = False


class Twin(NamedTuple):
    """Where lines merged, (cell parameters,): on either side of it a cell splits them nearly alike, and only how strong
    they are tells which one it is.

    cells: their mean over so many frames. lost: in how many fits in a row the other side was clearly worse. away: from
    the last fit to the other side, (parameters,), over the root of how much worse that is: an esd at least.
    """

    cells: Floats
    frames: int = 1
    lost: int = 0
    away: Floats | None = None


class CrystalRefinement:
    """The refinement of one run. Not for two threads at once; ``curves`` may be called from any thread."""

    def __init__(
        self,
        components: tuple[Component, ...],
        wavelength_A: float,
        two_theta: NDArray[np.float64],
        fit: FitRange = EVERYWHERE,
        standard: Component | None = None,
        spectators: tuple[LinePhase, ...] = (),
        empty: EmptyCell | None = None,
        standard_weight: float | None = None,
    ) -> None:
        """fit: which angles are fitted. standard: a phase with a certified cell. spectators: lines at fixed places.
        empty: the empty cell's pattern. standard_weight: the standard's share of the mass of all that was mixed."""
        self._standard_weight = math.nan if standard_weight is None else standard_weight
        self._grid = np.asarray(two_theta, dtype=np.float64)
        self._phases = phases_of(components, standard, spectators, wavelength_A, *fit.within(self._grid))
        start = self._phases.start()
        self._window = _window(self._grid, start, self._phases, fit, empty)
        self._start = start
        self._light, self._recent, self._model_error = Light(), RecentFits(), NOTHING_YET
        self._state: State | None = None
        self._kicks: tuple[Floats, ...] = ()
        self._twin: Twin | None = None
        self._left: Floats | None = None
        self._last_refusal = NO_PEAKS
        self._noise, self._frames, self._since, self._strange, self._refused, self._fits = 1.0, 0, 1, 0, 0, 0

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        """The fit of this pattern, or why there is none. Never raises on data."""
        result = self._refine(pattern)
        if isinstance(result, NoResult):
            self._since += 1
        return result

    def remember(self, cells_A: Sequence[float]) -> None:
        """The edges a as they were before the first pattern; NaN: not known. Other edges go along with them."""
        for number, edge in enumerate(cells_A):
            if math.isfinite(edge) and number < self._phases.components:
                self._start = self._start.copy()
                factor = edge / self._start[number]
                for name in ("a", "b", "c"):
                    place = self._phases.planes.place[number, NAMES.index(name)]
                    if place >= 0:
                        self._start[place] *= factor

    def fork(self) -> "CrystalRefinement":
        """One that knows what this one knows now; what either sees from now on the other does not."""
        return copy.copy(self)

    def curves(self, parameters: NDArray[np.float64]) -> Curves:
        """The fit with these parameters, drawn over the run's grid. Pure: safe from another thread."""
        phases, bins = self._phases, len(self._grid)
        background, each = np.full(bins, np.nan), np.full((phases.components, bins), np.nan)
        x = parameters[: phases.places.length]
        if len(x) < phases.places.length or not np.isfinite(x).all():
            return Curves(background, each, background.copy())
        part = slice(self._window.first, self._window.last)
        grid = np.ascontiguousarray(self._grid[part])
        basis = chebyshev(grid, float(grid[0]), float(grid[-1]))
        if self._window.empty is not None:
            basis[-1] = empty_row(self._window.empty, grid)[0]
        drawn = np.empty((phases.places.phases, len(grid)))
        draw_phases(x, grid, phases.planes, phases.places, drawn)
        background[part] = x[phases.places.background : phases.places.width] @ basis
        each[:, part] = drawn[: phases.components]
        calculated = background.copy()
        calculated[part] += drawn.sum(axis=0)
        return Curves(background, each, calculated)

    def _refine(self, pattern: Pattern) -> Fit | NoResult:
        if (light := self._light.joined(pattern)) is None:
            return NO_BEAM
        self._light = light
        scale = None if self._state is None else float(self._state.x[self._phases.places.width - 1])
        data = data_of(self._window, pattern.intensity, pattern.sigma, self._noise, scale)
        if len(data.y) < FEWEST_BINS:
            return NoResult("fit refused: too few bins with counts")
        if self._state is None:
            return self._begun(data)
        return self._followed(self._state, data)

    def _begun(self, data: Data, doubted: str = "") -> Fit | NoResult:
        """A fresh start. doubted: why the fit that followed the frame before is not to be believed."""
        self._refused += 1
        if self._refused > MOST_STRANGE and self._refused % TRIED_EVERY:
            return self._last_refusal
        x = self._start.copy()
        if self._state is not None:
            x[: self._phases.places.shift] = self._state.known
        start = begin(x, data, self._phases)
        result = self._believed(start, data, doubted)
        if isinstance(result, NoResult):
            self._last_refusal = result
        return result

    def _believed(self, start: Start | None, data: Data, doubted: str) -> Fit | NoResult:
        """The fit of a fresh start, or why it is refused."""
        if start is None:
            return NO_PEAKS
        if start.doubt:
            return NoResult(f"fit refused: {start.doubt}")
        if self._phases.has_standard and not start.present[self._phases.components]:
            return STANDARD_UNSEEN
        quality = self._quality(start.solution, data)
        if doubted and not self._recent.allows(quality) and self._strange <= MOST_STRANGE:
            return NoResult(f"fit refused: {doubted}")
        self._state, self._model_error, self._twin = None, NOTHING_YET, None
        if start.twin is not None:
            self._twin = self._other_side(start.solution, start.twin, start, data)
        if doubted:
            self._recent = self._recent.anew()
        return self._accepted(Tried(start.solution, start.prior, start.present, start.freed), data, quality)

    def _other_side(self, solution: Solution, twin: Floats, start: Start, data: Data) -> Twin | None:
        """What a first fit knows of another one with other cells, where it is not clearly worse."""
        phases, weights = self._phases, np.empty(len(data.y))
        weigh(solution.model, data, weights)
        costs = [cost_at(x, data, start.prior, phases.planes, phases.places, weights) for x in (solution.x, twin)]
        rise = (costs[1] - costs[0]) / max(1.0, solution.chi2 / len(data.y))
        if rise > CLEAR_TWIN:
            return None
        away = (twin - solution.x) / math.sqrt(max(rise, 1.0))
        return Twin(0.5 * (twin + solution.x)[: phases.places.shift], away=away)

    def _followed(self, state: State, data: Data) -> Fit | NoResult:
        phases, places = self._phases, self._phases.places
        x = state.x.copy()
        each = np.empty((places.phases, len(data.y)))
        draw_phases(x, data.grid, phases.planes, places, each)
        found = amplitude_of(each[: phases.components].sum(axis=0), data)
        if not found.factor > LEAST_SIGMAS * found.deviation > 0.0:
            return NO_PEAKS
        x[places.scale : places.background] *= found.factor
        x[places.background : places.width] = found.background
        tried = self._fitted(state, x, data)
        present = there_of(tried.solution, phases, state.present)
        if not (present == state.present).all():
            tried = self._regrouped(state, tried, data, present)
        if self._fits % ASKED_EVERY == 0 or self._recent.surprises(self._quality(tried.solution, data)):
            tried = self._freed(state, tried, data)
        quality = self._quality(tried.solution, data)
        if not tried.solution.converged:
            self._strange += 1
            return self._begun(data, "it did not converge") if self._strange > 1 else NOT_CONVERGED
        if not tried.present[: phases.components].any():
            return NO_PEAKS
        if phases.has_standard and not tried.present[phases.components]:
            return STANDARD_UNSEEN
        if not self._recent.allows(quality):
            self._strange += 1
            return self._begun(data, self._recent.reason(quality))
        return self._accepted(tried, data, quality)

    def _fitted(self, state: State, x: Floats, data: Data) -> Tried:
        """The fit from here, also from other cells that are as likely, and with what is tracked let loose where it is
        clearly better so."""
        phases = self._phases
        prior, free = state.prior(phases, self._since, loose=False), state.free(phases)
        limits = limits_for(x, data.grid, phases, ITERATIONS, TOLERANCE)
        best = solve(x, data, prior, phases.planes, phases.places, free, limits)
        for kick in self._kicks:
            other = solve(_kicked(x, kick, phases), data, prior, phases.planes, phases.places, free, limits)
            misfit = max(1.0, best.chi2 / len(data.y))
            if other.converged and (not best.converged or other.chi2 < best.chi2 - WORTH_A_KICK * misfit):
                best = other
        best = self._of_twins(best, data, prior, free, limits)
        if not best.converged or self._recent.surprises(self._quality(best, data)):
            loose = state.prior(phases, self._since, loose=True)
            other = solve(best.x, data, loose, phases.planes, phases.places, free, limits)
            misfit = max(1.0, other.chi2 / len(data.y))
            if other.converged and (not best.converged or other.chi2 < best.chi2 - WORTH_MOVING * misfit):
                return Tried(other, loose, state.present, state.freed, loose=True)
        return Tried(best, prior, state.present, state.freed)

    def _of_twins(self, best: Solution, data: Data, prior: Prior, free: Flags, limits: Limits) -> Solution:
        """The better one of this fit and the one on the other side of where the lines merged."""
        if self._twin is None or not best.converged:
            return best
        phases, x = self._phases, best.x.copy()
        for number in np.flatnonzero(phases.free_cell):
            place = phases.planes.place[number][phases.planes.place[number] >= 0]
            # The merged cell with this volume.
            middle = x.copy()
            middle[place] = self._twin.cells[place]
            volumes = [cell_of(each, int(number), phases.planes).volume_A3 for each in (x, middle)]
            edges = phases.planes.place[number][:3]
            middle[edges[edges >= 0]] *= (volumes[0] / volumes[1]) ** (1.0 / 3.0)
            x[place] = 2.0 * middle[place] - x[place]
        other = solve(x, data, prior, phases.planes, phases.places, free, limits)
        misfit = max(1.0, min(best.chi2, other.chi2) / len(data.y))
        clear = other.chi2 > best.chi2 + CLEAR_TWIN * misfit
        lost = (self._twin.lost + 1 if clear else 0) if other.converged else self._twin.lost
        rise = abs(other.chi2 - best.chi2) / misfit
        away = (other.x - best.x) / math.sqrt(max(rise, 1.0)) if other.converged else None
        self._twin = self._twin._replace(lost=lost, away=away) if lost < SETTLED else None
        return other if other.converged and other.chi2 < best.chi2 - WORTH_A_KICK * misfit else best

    def _regrouped(self, state: State, tried: Tried, data: Data, present: Flags) -> Tried:
        """The fit with who came, and without who went: their cells are held where they were last well known."""
        phases, x = self._phases, tried.solution.x.copy()
        came = present & ~state.present
        for number in np.flatnonzero(phases.free_cell & ~present):
            place = phases.planes.place[number][phases.planes.place[number] >= 0]
            x[place] = state.known[place]
        if not present[: phases.components].any():
            return tried._replace(present=present)
        other = self._fitted(replace(state, present=present), x, data)
        there = there_of(other.solution, phases)
        placed = self._placed(other.solution, state, came)
        if not other.solution.converged or (came.any() and not (placed and there[came].all())):
            return tried._replace(present=present & state.present)
        return other

    def _placed(self, solution: Solution, state: State, came: Flags) -> bool:
        """Whether those who came have a cell that is known, and near the one that is expected of them."""
        for number in np.flatnonzero(self._phases.free_cell & came):
            edge, expected = solution.x[number], state.known[number]
            esd = math.sqrt(max(solution.covariance[number, number], 0.0))
            if abs(edge / expected - 1.0) > NEAR or esd > WELL_PLACED * edge:
                return False
        return True

    def _freed(self, state: State, tried: Tried, data: Data) -> Tried:
        """The fit with free intensities where the structure's no longer explain what the cells do."""
        phases, solution = self._phases, tried.solution
        on_need = phases.on_need & tried.present & ~state.freed
        if not on_need.any() or solution.chi2 < len(data.y) * (1.0 + UNEXPLAINED * math.sqrt(2.0 / len(data.y))):
            return tried
        opened = replace(state, freed=state.freed | on_need, present=tried.present)
        prior = opened.prior(phases, 1, loose=True)
        limits = limits_for(solution.x, data.grid, phases, ITERATIONS, TOLERANCE)
        other = solve(solution.x, data, prior, phases.planes, phases.places, opened.free(phases), limits)
        if not explains_more(other, solution):
            return tried
        return Tried(other, prior, tried.present, opened.freed, loose=True)

    def _quality(self, solution: Solution, data: Data) -> Quality:
        places, bins = self._phases.places, len(data.y)
        above = data.y - solution.x[places.background : places.width] @ data.basis
        signal = self._noise / bins * float(above @ (above / np.maximum(data.variance, data.floor)))
        return Quality(float(self._noise * solution.chi2 / bins), max(signal, 1e-12), bins)

    def _accepted(self, tried: Tried, data: Data, quality: Quality) -> Fit:
        solution, prior, present, freed, loose = tried
        phases, places = self._phases, self._phases.places
        width = width_of(solution.x, phases)
        known = known_cells(solution, data, prior, phases, width)
        if self._twin is not None and self._twin.away is not None:
            known = known._replace(covariance=known.covariance + np.outer(self._twin.away, self._twin.away))
        model_variance = self._model_variance(solution, known, data, width)
        weight = self._standard_weight
        fit = fit_of(solution, known.covariance, model_variance, present, self._noise, phases, weight)
        scales = solution.x[places.scale : places.background]
        clear = scales > WELL_KNOWN * np.sqrt(np.diag(solution.covariance)[places.scale : places.background])
        cells = self._start[: places.shift].copy() if self._state is None else self._state.known.copy()
        for number in np.flatnonzero(present & clear & phases.free_cell):
            place = phases.planes.place[number][phases.planes.place[number] >= 0]
            cells[place] = solution.x[place]
        unlearnt = known.merged & (self._state is not None and not loose)
        self._state = after(self._state, solution, phases, present, freed, cells, unlearnt)
        self._kicks = known.kicks
        if known.merged.any():
            self._twin = _merged_at(solution.x[: places.shift], self._twin)
        own = solution.residual * math.sqrt(self._noise)
        noise, self._frames = noise_after(self._noise, self._frames, self._left, own, phases.components)
        self._noise, self._left = max(noise, 1e-6), own
        self._recent = self._recent.joined(quality)
        self._since, self._strange, self._refused, self._fits = 1, 0, 0, self._fits + 1
        return fit

    def _model_variance(self, solution: Solution, known: Known, data: Data, width: float) -> Floats:
        """The model's own part of the variance of what is quoted."""
        _, gradients = quoted(solution.x, self._phases)
        rows = np.ascontiguousarray((gradients @ known.covariance)[:, solution.free])
        moved = Moved(solution.model, np.ascontiguousarray(solution.jacobian[solution.free]))
        scatter = scatter_of(rows, moved, data, width)
        self._model_error = self._model_error.joined(scatter, self._noise)
        return self._model_error.variance(scatter, self._noise)


def _merged_at(cells: Floats, before: Twin | None) -> Twin:
    """Where lines merge, with one more frame in which they did."""
    if before is None:
        return Twin(cells.copy())
    frames = min(before.frames + 1, MEAN_OVER)
    return Twin(before.cells + (cells - before.cells) / frames, frames, away=before.away)


def _kicked(x: Floats, kick: Floats, phases: Phases) -> Floats:
    """x moved to other cells and what goes along with them, within what is possible."""
    places, there = phases.places, x + kick
    there[places.scale : places.background] = np.maximum(there[places.scale : places.background], 0.0)
    there[places.width : places.strain] = np.maximum(
        there[places.width : places.strain], 0.5 * x[places.width : places.strain]
    )
    there[places.lorentz :] = np.maximum(there[places.lorentz :], 0.0)
    return there


def _window(two_theta: Floats, start: Floats, phases: Phases, fit: FitRange, empty: EmptyCell | None) -> Window:
    """The bins around all lines."""
    angles = angles_of(start, phases)
    angles = angles[np.isfinite(angles)]
    margin = max(0.08 * (angles.max() - angles.min()), 0.1 * angles.min())
    return window_between(two_theta, angles.min() - margin, angles.max() + margin, MOST_BINS, fit, empty)
