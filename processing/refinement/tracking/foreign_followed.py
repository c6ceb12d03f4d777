"""Foreign lines from frame to frame: seen, adjusted, retired."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.first_fit.first_fit import lines_alone
from latticewatch.processing.refinement.foreign.adjust import adjusted
from latticewatch.processing.refinement.foreign.extended import Extended
from latticewatch.processing.refinement.foreign.finder import Left, new_lines
from latticewatch.processing.refinement.foreign.lines import ForeignLine, rows_of
from latticewatch.processing.refinement.model.lines import Lines
from latticewatch.processing.refinement.solver.solve import Data, Solution
from latticewatch.processing.refinement.tracking.residuals import Residuals
from latticewatch.processing.refinement.tracking.state import State, response_to, with_foreign, without_foreign

Floats = NDArray[np.float64]
# Places and widths are adjusted, and new lines looked for, every so many frames.
ADJUSTED_EVERY = 3
LOOKED_EVERY = 2
# What moved lines may leave unexplained, as a multiple of what was before: that may lead out of a wrong place.
WORSE = 2.0
# A line whose area is below this many of its sigmas in so many frames in a row is gone.
CLEAR_SIGMAS = 3.0
GONE_AFTER = 6
# A line that is new has that many fewer frames to be clear for the first time: what was none is not listed.
UNPROVEN = 3


@dataclass(frozen=True, slots=True)
class Followed:
    """weak: for each line the frames in a row in which it was not clear. left: what the fits leave unexplained.
    age: frames fitted with these lines. puzzled: something stands out of the last frame's fit and is no line."""

    model: Extended
    weak: tuple[int, ...] = ()
    left: Residuals = field(default_factory=Residuals)
    age: int = 0
    puzzled: bool = False

    def using(self, model: Extended) -> "Followed":
        """The same with another model."""
        weak = dict(zip(self.model.slots, self.weak, strict=True))
        return replace(
            self, model=model, weak=tuple(weak.get(slot, UNPROVEN) for slot in model.slots), left=self.left.anew()
        )

    def clear(self, expected: tuple[ForeignLine, ...]) -> int:
        """How many rings are in the pattern that are none of the expected ones."""
        clear = [line for line, weak in zip(self.model.lines, self.weak, strict=True) if weak == 0]
        if not clear:
            return 0
        rings = [line for line in clear if line.is_ring(self.model.window.step_deg)]
        return sum(not any(line.lies_at(one.two_theta) for one in expected) for line in rings)


def after_fit(followed: Followed, state: State, solution: Solution, data: Data, lines: Lines) -> tuple[Followed, State]:
    """What is known of the foreign lines after this frame, and the state for the next one."""
    now = replace(followed, left=followed.left.joined(solution.residual), age=followed.age + 1, puzzled=False)
    if now.model.lines:
        now = _counted(now, solution)
        gone = tuple(number for number, weak in enumerate(now.weak) if weak > GONE_AFTER)
        if gone:
            return now.using(now.model.without(gone)), without_foreign(state, now.model.lay, gone)
        if now.age % ADJUSTED_EVERY == 0:
            now = _adjusted(now, solution, data)
    if now.age % LOOKED_EVERY or not now.left.due(now.left.stands_out()):
        return now, state
    return with_new_lines(now, state, solution, data, lines)


def with_new_lines(
    followed: Followed, state: State, solution: Solution, data: Data, lines: Lines, earlier: Residuals | None = None
) -> tuple[Followed, State]:
    """With the lines that stand out of what the fits left so far, if there are any.

    earlier: what the fits before left, where the lines stand out of this pattern alone: of what was not there then
    nothing is in what is tracked.
    """
    before, left = followed.model, followed.left
    deviation = _deviation(solution, data)
    areas = solution.x[before.lay.extra : before.lay.ratio]
    rows = areas[:, np.newaxis] * rows_of(before.lines, data.grid)
    own = lines_alone(solution.x, data, lines, before.lay)[1]
    seen = Left(left.mean, deviation, solution.jacobian, own, rows, left.frames)
    model = before.joined(new_lines(seen, data.grid))
    if len(model.lines) == len(before.lines):
        return replace(followed, left=left.looked(left.stands_out()), puzzled=True), state
    added = rows_of(model.lines[len(before.lines) :], data.grid)
    amounts = hidden = areas_in(left.mean, added / deviation)
    if earlier is not None and len(earlier.mean) == len(left.mean):
        hidden = np.minimum(areas_in(earlier.mean, added / deviation), amounts)
    response = response_to(added, solution.jacobian, deviation**-2.0, state.x, lines, before.lay)
    wider = with_foreign(state, before.lay, response, amounts, hidden)
    return replace(followed.using(model), age=0), wider


def areas_in(residual: Floats, rows: Floats) -> Floats:
    """About the area of each of these rows (rows, bins) in a residual (bins,), both in units of the noise. Next to
    another line it may seem to be none: at least what one frame knows it to."""
    squares = np.sum(rows * rows, axis=1)
    return np.asarray(np.maximum(rows @ residual / squares, 1.0 / np.sqrt(squares)))


def with_fresh_adjusted(followed: Followed, known: Extended, data: Data, solution: Solution) -> Followed:
    """With the lines that are not among the known ones where this solution's residual has them."""
    model, count = followed.model, len(known.lines)
    areas = solution.x[model.lay.extra : model.lay.ratio]
    fresh = adjusted(model.lines[count:], areas[count:], data, solution)
    return replace(followed, model=model.moved_to((*model.lines[:count], *fresh)))


def _counted(followed: Followed, solution: Solution) -> Followed:
    lay = followed.model.lay
    areas = solution.x[lay.extra : lay.ratio]
    esds = np.sqrt(np.maximum(np.diag(solution.covariance)[lay.extra : lay.ratio], 0.0))
    clear = areas > CLEAR_SIGMAS * esds
    return replace(followed, weak=tuple(0 if c else w + 1 for c, w in zip(clear.tolist(), followed.weak, strict=True)))


def _adjusted(followed: Followed, solution: Solution, data: Data) -> Followed:
    model, left = followed.model, followed.left
    areas = solution.x[model.lay.extra : model.lay.ratio]
    frames = min(left.frames, float(followed.age))
    lines = adjusted(model.lines, areas, data, solution, left.mean, frames, WORSE)
    change = areas @ (rows_of(lines, data.grid) - rows_of(model.lines, data.grid))
    deviation = _deviation(solution, data)
    moved, scaled = change / deviation, solution.jacobian / deviation
    # What the fit's own parameters take up of it is not missing from what is left.
    taken_up = (solution.covariance @ (scaled @ moved)) @ scaled
    rest = replace(left, mean=left.mean - moved + taken_up)
    return replace(followed, model=model.moved_to(lines), left=rest)


def _deviation(solution: Solution, data: Data) -> Floats:
    return np.sqrt(np.maximum(data.variance + data.gain * (solution.model - data.y), data.floor))
