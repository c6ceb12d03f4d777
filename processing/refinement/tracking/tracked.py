"""Pattern after pattern of one run: lattice parameters local to each frame, nuisance parameters tracked."""

import copy
import logging
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.fit_range import EVERYWHERE, FitRange
from latticewatch.processing.flow.empty_cell import EmptyCell
from latticewatch.processing.flow.fit import Component, Curves, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.first_fit.first_fit import (
    APART_OF_WIDTH,
    CELL_STEP_A,
    FEWEST_BINS,
    FREED,
    LEAST_SIGMAS,
    Start,
    alone,
    begin,
    fitted_part,
    misfit_of,
    with_free_intensities,
)
from latticewatch.processing.refinement.first_fit.foreign_start import (
    MANY,
    ROUNDS,
    doubt_and_misfit,
    lines_in_start,
    one_of_two_alone,
    refitted,
    white_noise_of,
    with_rows,
)
from latticewatch.processing.refinement.first_fit.names import names_of
from latticewatch.processing.refinement.first_fit.refused import Asked, Refused
from latticewatch.processing.refinement.first_fit.search import Search, newcomer, search_for
from latticewatch.processing.refinement.first_fit.selection import Selection, cell_width, full_widths
from latticewatch.processing.refinement.first_fit.shifted import misplaced
from latticewatch.processing.refinement.foreign.extended import Extended, not_extended, packed
from latticewatch.processing.refinement.foreign.lines import ForeignLine
from latticewatch.processing.refinement.foreign.sightings import MOST_EXPECTED
from latticewatch.processing.refinement.model.lines import Layout, Lines, layout, lines_of
from latticewatch.processing.refinement.solver.common_shape import with_common_shape
from latticewatch.processing.refinement.solver.grid import data_of, window_of
from latticewatch.processing.refinement.solver.merged import solve_merged
from latticewatch.processing.refinement.solver.model_error import NOTHING_YET, doubt_of_merged, scatter_of
from latticewatch.processing.refinement.solver.peak_amplitude import amplitude_of
from latticewatch.processing.refinement.solver.report import counted_lines, fit_of, quoted_rows, shares_of
from latticewatch.processing.refinement.solver.solve import Data, Limits, Prior, Solution, solve
from latticewatch.processing.refinement.solver.surprise import explains, let_go
from latticewatch.processing.refinement.tracking.drawing import draw
from latticewatch.processing.refinement.tracking.fit_quality import GROSS, Quality, RecentFits, quality_of
from latticewatch.processing.refinement.tracking.foreign_followed import (
    Followed,
    after_fit,
    with_fresh_adjusted,
    with_new_lines,
)
from latticewatch.processing.refinement.tracking.light import Light
from latticewatch.processing.refinement.tracking.next_state import CERTAIN, next_state
from latticewatch.processing.refinement.tracking.presence import There, passed, who_is_there
from latticewatch.processing.refinement.tracking.residuals import noise_after
from latticewatch.processing.refinement.tracking.split import said_once, split_of
from latticewatch.processing.refinement.tracking.spread import less_than_nothing, unseen_variance
from latticewatch.processing.refinement.tracking.state import (
    NOTHING_ASSUMED,
    Assumed,
    Seen,
    State,
    certainty_of,
    finite,
    loose_variance,
    steadied,
)

logger = logging.getLogger(__name__)
Floats = NDArray[np.float64]
NO_BEAM, NO_PEAKS = NoResult("no beam"), NoResult("no peaks")
ITERATIONS = 30
# A step that promises to lower χ² by no more than this is taken and is the last.
FOLLOWED = 0.1
MOST_STUCK = 3
ANY = RecentFits()
# Noise of a first pattern over its variances, from which on a detector counts in units of its own.
OF_UNKNOWN_GAIN = 2.0
# χ² of what was tracked over that of a fresh start, from which on the fresh one is believed.
CLEARLY_BETTER = 1.5
# Merged lines are told apart only by what was learnt in more frames than these in which they were apart.
GROUNDED = 3
# Of the variance by which a parameter was let go so much goes on frame by frame, and how much of that is left a frame
# later.
DRIFT_OF_MOVED = 0.5
DRIFT_LASTS = 0.95
DRIFT_OF_LOOSE = 0.1
# Δχ² that it must be worth to let all that is tracked move by more than is usual.
WORTH_MOVING = 30.0
# A fit that is worse than those before it is a zinger's where none was in so many fits before.
SELDOM = 20
# Places and widths of a line that was not there before are adjusted so many times in its first frame.
ADJUSTMENTS = 2
# Δχ² in units of the misfit at which a component that was absent is looked for anew.
ARRIVED = 50.0


class TrackedRefinement:
    """The refinement of one run. Not for two threads at once; ``curves`` may be called from any thread."""

    def __init__(
        self,
        components: tuple[Component, ...],
        wavelength_A: float,
        two_theta: NDArray[np.float64],
        fit: FitRange = EVERYWHERE,
        expected: tuple[ForeignLine, ...] = (),
        empty: EmptyCell | None = None,
    ) -> None:
        """fit: which angles are fitted. expected: lines of no component known beforehand. empty: the cell."""
        self._grid = np.asarray(two_theta, dtype=np.float64)
        self._names = tuple(component.name for component in components)
        self._name, self._free_on_need = components[0].name, components[0].free_on_need
        self._lines = lines_of(components, wavelength_A, *fit.within(self._grid))
        window = window_of(self._grid, self._lines, fit=fit, empty=empty)
        self._bare = not_extended(window, layout(len(components), len(self._lines.phase)))
        self._expected = tuple(line for line in expected if window.grid[0] < line.two_theta < window.grid[-1])
        known = self._bare.joined(self._expected[:MOST_EXPECTED])
        self._foreign = Followed(known, (0,) * len(known.lines))
        half = (self._grid[1] - self._grid[0]) / 2.0
        low, high = self._grid[window.first] - half, self._grid[window.last - 1] + half
        self._counted = counted_lines(self._lines, low, high)
        self._selection = Selection()
        # Where each lattice was when last told apart: a fresh start keeps their names.
        self._last_A: Floats = np.full(len(components), np.nan)
        self._sign = -1.0 if len(components) == 2 and self._lines.cell[1] < self._lines.cell[0] else 1.0
        self._light = Light()
        self._recent = ANY
        self._model_error = NOTHING_YET
        self._state: State | None = None
        self._assumed = NOTHING_ASSUMED
        self._search: Search | None = None
        self._searched: tuple[int, tuple[ForeignLine, ...]] = (0, ())
        self._refused: Refused | None = None
        self._since = 1
        self._noise, self._frames, self._stuck, self._strange, self._jumped = 1.0, 0, 0, 0, False
        # Not negative in the SELDOM fits after a worse one. Whether what was learnt while lines were apart was let go.
        self._surprised, self._loosened = -1, False
        self._split: dict[str, int] = {}  # fits in a row in which a component's lines were split

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        """The fit of this pattern, or why there is none. Never raises on data."""
        result = self._refine(pattern)
        if isinstance(result, NoResult):
            self._since += 1
        return result

    def _refine(self, pattern: Pattern) -> Fit | NoResult:
        if (light := self._light.joined(pattern)) is None:
            return NO_BEAM
        self._light = light
        data = self._data(pattern, self._noise)
        if len(data.y) < FEWEST_BINS:
            return NoResult("fit refused: too few bins with counts")
        if self._state:
            part = fitted_part(self._selection, data, self._state.x, self._lines, self._lay)
            solution = self._follow(self._state, part) if len(part.y) >= FEWEST_BINS else None
            if solution is not None:
                quality = quality_of(solution, part, self._lay, self._noise)
                if not (finite(solution) and self._recent.allows(quality)):
                    found = self._foreign_appeared(pattern, solution, part) if self._strange < MOST_STUCK else None
                    return found or self._worse_than_recent(pattern, solution, part, quality)
                if passed(solution.x, self._sign, self._width(solution.x), self._state.absent, self._lay):
                    return self._restart(pattern, self._recent)
                solution, absent = self._who_is_there(self._state, solution, part)
                if not solution.converged and self._stuck < MOST_STUCK:
                    # What is known holds, only this frame does not settle: no reason to forget it.
                    self._stuck += 1
                    return NoResult("fit refused: it did not converge")
                if solution.converged and not self._arrived(solution, part):
                    fresh = self._restart(pattern, ANY, quality) if self._puzzled(quality) else None
                    if isinstance(fresh, Fit):
                        return fresh
                    return self._accept(solution, part, absent, quality)
                return self._restart(pattern, self._recent)
        return self._restart(pattern)

    def _puzzled(self, quality: Quality) -> bool:
        """Whether far more than noise is left and no line explains it: the tracked fit bent to what it knows not."""
        return self._foreign.puzzled and quality.chi2 > GROSS

    def _foreign_appeared(self, pattern: Pattern, solution: Solution, part: Data) -> Fit | None:
        """The fit with foreign lines that were not there before, where these are all that is wrong."""
        if self._state is None or not (finite(solution) and solution.converged):
            return None
        before, kept, assumed, loosened = self._foreign, self._state, self._assumed, self._loosened
        again, earlier = solution, before.left
        for number in range(ROUNDS):
            # The clearest lines first: what they hide is seen when they are in the fit.
            left = replace(before.left, mean=again.residual, frames=1.0)
            now, state = with_new_lines(
                replace(self._foreign, left=left), self._state, again, part, self._lines, earlier
            )
            if now.model is before.model:
                return None
            if len(now.model.lines) == len(self._foreign.model.lines) and number > ADJUSTMENTS:
                break
            self._foreign, self._state = now, state
            data = self._data(pattern, self._noise)
            part = fitted_part(self._selection, data, state.x, self._lines, self._lay)
            followed = self._follow(state, part)
            if followed is None or not followed.converged:
                break
            again, quality = followed, quality_of(followed, part, self._lay, self._noise)
            if self._recent.allows(quality):
                return self._accept(again, part, state.absent, quality)
            self._foreign = with_fresh_adjusted(self._foreign, before.model, part, again)
        self._foreign, self._state, self._assumed, self._loosened = before, kept, assumed, loosened
        return None

    def _worse_than_recent(self, pattern: Pattern, tracked: Solution, part: Data, quality: Quality) -> Fit | NoResult:
        """A fresh start where it does better than what was tracked. Where it does not the frame is refused, unless its
        esds can hold what is left: for some frames where the sample may have become another one, for good where this
        one slowly went bad."""
        if not self._strange:
            self._jumped = self._recent.jumps_to(quality)
        self._strange += 1
        if self._strange > MOST_STUCK and self._jumped:
            return self._restart(pattern)
        if self._strange > MOST_STUCK and tracked.converged and not self._recent.went_bad(quality):
            fresh = self._restart(pattern, ANY, quality)
            if isinstance(fresh, Fit):
                return fresh
            self._recent = self._recent.anew()
            return self._accept(tracked, part, -1 if self._state is None else self._state.absent, quality)
        fresh = self._restart(pattern, self._recent, quality if tracked.converged else None)
        # While the lines are apart each says where its lattice is, and the esds hold what they disagree about.
        if isinstance(fresh, Fit) or not (tracked.converged and self._apart(tracked.x) and self._recent.bears(quality)):
            return fresh
        strange, jumped = self._strange, self._jumped
        fit = self._accept(tracked, part, -1 if self._state is None else self._state.absent, quality)
        self._strange, self._jumped = strange, jumped
        return fit

    def _data(self, pattern: Pattern, noise: float) -> Data:
        scale = None if self._state is None else float(self._state.x[self._bare.lay.extra - 1])
        return data_of(self._foreign.model.window, pattern.intensity, pattern.sigma, noise, scale)

    def remember(self, cells_A: Sequence[float]) -> None:
        """Where each lattice was when it was last told apart, before the first pattern is fitted; NaN: not known."""
        self._last_A = np.asarray(cells_A, np.float64)

    def fork(self) -> "TrackedRefinement":
        """One that knows what this one knows now; what either sees from now on the other does not."""
        return copy.copy(self)

    def curves(self, parameters: NDArray[np.float64]) -> Curves:
        """The fit with these parameters, drawn over the run's grid. Pure: safe from another thread."""
        return draw(parameters, self._grid, self._bare.window, self._lines, self._bare.lay)

    @property
    def _lay(self) -> Layout:
        return self._foreign.model.lay

    def _width(self, x: Floats) -> float:
        return cell_width(x, self._lines, self._lay)

    def _follow(self, state: State, data: Data) -> Solution | None:
        """The fit from the state of the frame before; None where its peaks are not there."""
        lay = self._lay
        peaks = state.seen.peaks_at(data.grid)
        found = amplitude_of(peaks, data)
        if not found.factor > LEAST_SIGMAS * found.deviation > 0.0:
            return None
        x = state.x.copy()
        if self._since == 1:
            x[: lay.components] += state.step
        x[lay.scale] += math.log(found.factor)
        x[lay.background : lay.ratio] = found.background
        solution, self._assumed = self._informed(state, x, data)
        self._loosened = False
        if not solution.converged:
            return solution
        quality = quality_of(solution, data, lay, self._noise)
        if not self._recent.surprises(quality):
            return solution
        freer, assumed = self._informed(state, solution.x, data, loose=True)
        if not (freer.converged and freer.chi2 < solution.chi2 - WORTH_MOVING and explains(freer, solution)):
            return solution
        merged = not self._apart(freer.x)
        if merged and self._surprised < 0 and self._recent.allows(quality):
            # A zinger, a dip: what was learnt while the lines were apart is not given up for one frame.
            return solution
        drift = np.maximum(assumed.drift, DRIFT_OF_LOOSE * loose_variance(x, lay))
        self._assumed, self._loosened = assumed._replace(drift=drift), merged
        return freer

    def _informed(self, state: State, x: Floats, data: Data, loose: bool = False) -> tuple[Solution, Assumed]:
        """The fit with what is known of the tracked parameters, but for those that the data pull away from it."""
        lay = self._lay
        prior, variance = state.prior(self._lines, lay, self._since, loose)
        drift = DRIFT_LASTS**self._since * state.drift
        if not self._told_apart(x, state.grounded):
            prior = steadied(prior, x, lay)
        solution = self._solved(state, x, data, prior)
        told = solution, Assumed(prior, drift)
        freed = let_go(solution, prior, variance, self._lines, lay) if self._apart(solution.x) else None
        if not freed:
            return told
        prior, moved = freed
        freer = self._solved(state, solution.x, data, prior)
        if not (freer.converged and explains(freer, solution)):
            return told
        return freer, Assumed(prior, np.maximum(drift, DRIFT_OF_MOVED * moved**2 / self._since))

    def _solved(self, state: State, x: Floats, data: Data, prior: Prior) -> Solution:
        lay = self._lay
        free = Limits(CELL_STEP_A, state.absent >= 0, ITERATIONS, FOLLOWED)
        if (state.certainty > CERTAIN and self._told_apart(state.x, state.grounded)) or state.absent >= 0:
            solution = solve(x, data, prior, self._lines, lay, free)
            if lay.components != 2 or state.absent >= 0 or certainty_of(solution) > CERTAIN:
                return solution
        held = Limits(CELL_STEP_A, True, ITERATIONS, FOLLOWED)
        return solve_merged(x, data, prior, self._lines, lay, held, self._sign, self._width(x))

    def _restart(self, pattern: Pattern, recent: RecentFits = ANY, tracked: Quality | None = None) -> Fit | NoResult:
        """The fit where nothing is known, or nothing that holds any more. recent: what it has to do as well as.
        tracked: what it has to do better than."""
        data, before = self._data(pattern, 1.0), self._refused
        asked = Asked(recent is not ANY, tracked is not None, self._foreign.model.slots)
        change = math.inf if before is None else before.change(data, asked)
        if before is not None and before.repeats(change, eager=0 < self._strange <= MOST_STUCK):
            self._refused = before.waiting()
            return before.result
        lines, started = self._lines, self._started(pattern, data)
        result = self._begun(started, lines, recent, tracked)
        if isinstance(result, Fit):
            self._refused = None
            return result
        start = started[0]
        misfit = math.inf if start is None else misfit_of(start.solution, start.data, self._lay)
        now = Refused(data, asked, result, misfit)
        self._refused = before.again(now, change) if before else now
        return result

    def _started(self, pattern: Pattern, data: Data) -> tuple[Start | None, Extended, float]:
        """The best first fit, its model, and the factor on the variances of the data."""
        noise = 1.0
        start, model = self._best_start(data)
        if start is not None and start.doubt and white_noise_of(start) ** 2 > OF_UNKNOWN_GAIN:
            # What is a line and what is left of one is to be told from the noise that there is.
            noise = white_noise_of(start) ** 2
            start, model = self._best_start(self._data(pattern, noise))
        return start, model, noise

    def _begun(
        self, started: tuple[Start | None, Extended, float], lines: Lines, recent: RecentFits, tracked: Quality | None
    ) -> Fit | NoResult:
        """What is said of a first fit. lines: those before it, which may not have had free intensities."""
        start, model, noise = started
        if start is None:
            return NO_PEAKS
        if self._lines is not lines and len(model.lines) > len(self._foreign.model.lines):
            self._lines = lines  # free intensities are for one lattice that explains all lines
            return NoResult("fit refused: the intensities are not those of the phases")
        if doubt := start.doubt or misplaced(start, self._lines, model.lay):
            return NoResult(f"fit refused: {doubt}")
        quality = quality_of(start.solution, start.data, model.lay, noise)
        if not recent.allows(quality):
            return NoResult(f"fit refused: {recent.reason(quality)}")
        if tracked is not None and tracked.chi2 < CLEARLY_BETTER * quality.chi2:
            return NoResult(f"fit refused: {self._recent.reason(tracked)}")
        self._foreign = self._foreign.using(model)
        self._state, self._selection, self._noise, self._frames = None, start.selection, noise, 0
        self._assumed = Assumed(start.prior, np.zeros_like(start.prior.mean))
        self._recent = recent.anew()
        if self._lay.components == 2:
            self._sign = math.copysign(1.0, float(start.solution.x[1] - start.solution.x[0]))
        return self._accept(start.solution, start.data, start.absent, quality)

    def _best_start(self, data: Data) -> tuple[Start | None, Extended]:
        """The best first fit, with the foreign lines that are known or without them."""
        known = self._foreign.model
        starts = [self._begin(data, known)]
        if len(known.lines) > len(self._expected):
            # What was found while a phase grew may be bent to what was not found yet.
            anew = self._bare.joined(self._expected[:MOST_EXPECTED])
            starts.append(self._begin(with_rows(data, anew), anew))
        best = min(starts, key=doubt_and_misfit)
        start = best[0]
        if start and not start.doubt and self._lay.components == 2 and start.solution.chi2 > GROSS * len(start.data.y):
            # A lattice that is not there may have taken the place of foreign lines.
            first, names = self._attempt(data, known), names_of(self._lines, self._last_A)
            if first is not None:
                best = min(best, one_of_two_alone(first, known, data, self._lines, names), key=doubt_and_misfit)
        return best

    def _begin(self, data: Data, model: Extended) -> tuple[Start | None, Extended]:
        """The first fit, with the foreign lines that it needs."""
        start = self._attempt(data, model)
        found, fit, known = model, start, model
        for _ in range(ROUNDS):
            if fit is None:
                break
            more = lines_in_start(fit, known, self._lines)
            fit, more = refitted(fit, known, more, data, self._lines)
            if not fit.doubt:
                start, found = fit, more
            elif len(more.lines) > MANY:
                return fit, model
            if len(more.lines) <= len(known.lines):
                break
            fit, known = self._attempt(with_rows(data, more), more) or fit, more
        if start is not None:
            start = alone(start, self._lines, found.lay, names_of(self._lines, self._last_A))
        return start, found

    def _attempt(self, data: Data, model: Extended) -> Start | None:
        if self._search is None or self._searched != (len(data.grid), model.lines):
            self._search = search_for(data, self._lines, self._lines.cell, self._search)
            self._searched = (len(data.grid), model.lines)
        names = names_of(self._lines, self._last_A)
        start = begin(data, self._search, self._lines, model.lay, names, self._free_on_need)
        if start is not None and start.free:
            self._lines = with_free_intensities(self._lines)
            logger.warning("%s", FREED.format(self._name))
        return start

    def _arrived(self, solution: Solution, data: Data) -> bool:
        """Whether the component that was absent is there now."""
        absent = -1 if self._state is None else self._state.absent
        if absent < 0 or self._search is None or len(self._search.grid) != len(data.y):
            return False
        misfit = max(1.0, solution.chi2 / len(data.y)) * max(1.0, self._noise)
        return newcomer(self._search, data.y - solution.model, absent) > ARRIVED * misfit

    def _who_is_there(self, state: State, solution: Solution, data: Data) -> tuple[Solution, int]:
        """The solution, and the one of two components that is not clearly there (-1 for none)."""
        lay, lines = self._lay, self._lines
        if lay.components != 2 or not self._apart(solution.x):
            return solution, state.absent
        now = There(solution, self._assumed.prior, state.absent)
        limits = Limits(CELL_STEP_A, True, ITERATIONS, FOLLOWED)
        now = who_is_there(now, state, self._since, data, lines, lay, self._counted, limits)
        self._assumed = self._assumed._replace(prior=now.prior)
        return now.solution, now.absent

    def _accept(self, solution: Solution, data: Data, absent: int, quality: Quality) -> Fit:
        x, lay = solution.x, self._lay
        apart = self._apart(x)
        merged = lay.components == 2 and absent < 0 and not apart
        grounded = 0 if merged and less_than_nothing(solution, self._lines, lay) else self._grounded(x)
        told = with_common_shape(solution, self._width(x), lay)
        shares = shares_of(told.x, self._lines, lay, self._counted)
        quoted = quoted_rows(told, shares, lay)
        rows = quoted @ told.covariance
        width = float(np.sort(full_widths(x, self._lines, lay))[lay.lines // 2])
        scatter = scatter_of(rows, solution, data, width)
        self._model_error = self._model_error.joined(scatter, self._noise)
        model = self._model_error.variance(scatter, self._noise)
        doubt = doubt_of_merged(solution, data, width) if merged else 1.0
        if merged:
            model = model + unseen_variance(rows, x, self._assumed.prior, lay)
            model[:2] += (doubt - 1.0) * np.einsum("ij,ij->i", rows, quoted)[:2]
        told_apart = self._told_apart(x, grounded) and absent < 0
        fit = fit_of(told, shares, quoted[-1], lay, self._noise, told_apart, absent, model, doubt)
        cells = np.array([lattice.lp_A for lattice in fit.lattices])
        self._last_A = np.where(np.isfinite(cells), cells, self._last_A)
        self._surprised = SELDOM if self._recent.surprises(quality) else self._surprised - 1
        self._recent = self._recent.joined(quality)
        residual = solution.residual * math.sqrt(self._noise)
        before = None if self._state is None else self._state.seen.residual
        if self._bare.window.empty is None:  # the empty cell's noise does not change
            self._noise, self._frames = noise_after(self._noise, self._frames, before, residual, lay.components)
        peaks = solution.model - x[lay.background : lay.ratio] @ data.basis
        seen, old = Seen(data.grid, peaks, residual), self._state
        state = next_state(solution, old, self._since, self._assumed, grounded, absent, seen, self._lines, lay)
        fit = replace(fit, parameters=packed(x, self._foreign.model))
        self._foreign, self._state = after_fit(self._foreign, state, solution, data, self._lines)
        fit = replace(fit, foreign_lines=self._foreign.clear(self._expected))
        self._since, self._stuck, self._strange, self._jumped = 1, 0, 0, False
        if apart:
            self._split = said_once(split_of(solution, self._lines, lay, self._names, data.grid), self._split)
        return fit

    def _told_apart(self, x: Floats, grounded: int) -> bool:
        """Whether two components may be told apart: by their lines, or by what was learnt when they were apart."""
        return self._apart(x) or grounded > GROUNDED

    def _apart(self, x: Floats) -> bool:
        return bool(self._lay.components != 2 or abs(x[1] - x[0]) > APART_OF_WIDTH * self._width(x))

    def _grounded(self, x: Floats) -> int:
        """Frames since the start in which the lines of two components were apart."""
        before = 0 if self._state is None or self._loosened else self._state.grounded
        return before + int(self._lay.components == 2 and self._apart(x))
