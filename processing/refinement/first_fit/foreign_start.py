"""A first fit that has foreign lines in it: found in what it leaves, fitted, found anew, until nothing stands out."""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.first_fit.first_fit import (
    CELL_STEP_A,
    ITERATIONS,
    TOLERANCE,
    Start,
    alone_by_name,
    doubt_of,
    fitted_part,
    lines_alone,
    taken_out,
)
from latticewatch.processing.refinement.first_fit.names import Names
from latticewatch.processing.refinement.foreign.adjust import adjusted
from latticewatch.processing.refinement.foreign.extended import Extended
from latticewatch.processing.refinement.foreign.finder import SIGMAS, Left, new_lines
from latticewatch.processing.refinement.foreign.lines import rows_of
from latticewatch.processing.refinement.model.lines import Lines
from latticewatch.processing.refinement.solver.solve import Data, Limits, Prior, solve

Floats = NDArray[np.float64]
ROUNDS = 6
ADJUSTMENTS = 4
# Foreign lines that together scatter more than this share of the sample are no foreign lines: the model is wrong.
MOST_FOREIGN_SHARE = 0.5
# So many lines that still leave a χ² above this are of a phase whose other lines lie under the sample's.
MANY = 12
MANY_CHI2 = 10.0


def doubt_and_misfit(started: tuple[Start | None, Extended]) -> tuple[bool, bool, float]:
    """Orders first fits, the best one first."""
    start = started[0]
    return start is None, start is None or bool(start.doubt), 0.0 if start is None else start.solution.chi2


def lines_in_start(start: Start, model: Extended, lines: Lines) -> Extended:
    """The model with the lines that stand out of what this first fit leaves."""
    data, solution = start.data, start.solution
    residual, deviation = _left_by(start)
    noise = white_noise_of(start)
    _, own = lines_alone(solution.x, data, lines, model.lay)
    areas = solution.x[model.lay.extra : model.lay.ratio]
    foreign = areas[:, np.newaxis] * rows_of(model.lines, data.grid)
    left = Left(residual / noise, deviation * noise, solution.jacobian, own, foreign, 1.0)
    return model.joined(new_lines(left, data.grid))


def refitted(start: Start, before: Extended, model: Extended, data: Data, lines: Lines) -> tuple[Start, Extended]:
    """The first fit with more foreign lines than before, their places and widths adjusted; without those that turn
    out to be none.

    data: over the whole window; its rows beyond the background are replaced.
    """
    x, prior = with_room(start.solution.x, start.prior, before, model)
    fit = start._replace(prior=prior)
    for _ in range(ADJUSTMENTS):
        fit = _solved(fit, x, model, data, lines)
        x = fit.solution.x
        model = model.moved_to(adjusted(model.lines, x[model.lay.extra : model.lay.ratio], fit.data, fit.solution))
    fit = _solved(fit, x, model, data, lines)
    unclear = _unclear(fit, model)
    if unclear:
        fit, model = _without(fit, model, unclear)
        fit = _solved(fit, fit.solution.x, model, data, lines)
    if not fit.doubt:
        fit = fit._replace(doubt=_too_foreign(fit, model, lines))
    return fit, model


def one_of_two_alone(start: Start, model: Extended, data: Data, lines: Lines, names: Names) -> tuple[Start, Extended]:
    """The likelier of two first fits, each without one of two components and with the foreign lines that it then needs.

    start: of both components with this model.
    """
    single = []
    for absent in range(2):
        fit, found = _begun_alone(taken_out(start, absent, lines, model.lay), model, data, lines)
        fit, standing = alone_by_name(fit, names, found.lay)
        single.append((fit.doubt != "", standing, absent, fit, found))
    return min(single)[3:]


def _begun_alone(fit: Start, model: Extended, data: Data, lines: Lines) -> tuple[Start, Extended]:
    for _ in range(ROUNDS if fit.solution.converged else 0):
        more = lines_in_start(fit, model, lines)
        if len(more.lines) <= len(model.lines):
            break
        fit, model = refitted(fit, model, more, data, lines)
        if not fit.solution.converged:
            break
    return fit, model


def _solved(fit: Start, x: Floats, model: Extended, data: Data, lines: Lines) -> Start:
    part = fitted_part(fit.selection, with_rows(data, model), x, lines, model.lay)
    limits = Limits(CELL_STEP_A, fit.absent >= 0, ITERATIONS, TOLERANCE)
    solution = solve(x, part, fit.prior, lines, model.lay, limits)
    return fit._replace(solution=solution, data=part, doubt=doubt_of(solution, part, lines, model.lay))


def _unclear(fit: Start, model: Extended) -> tuple[int, ...]:
    """The lines that are not clear of what noise and misfit make of nothing."""
    rows = slice(model.lay.extra, model.lay.ratio)
    esds = np.sqrt(np.maximum(np.diag(fit.solution.covariance)[rows], 0.0))
    misfit = math.sqrt(max(1.0, fit.solution.chi2 / len(fit.data.y)))
    return tuple(np.flatnonzero(~(fit.solution.x[rows] > SIGMAS * misfit * esds)).tolist())


def _without(fit: Start, model: Extended, unclear: tuple[int, ...]) -> tuple[Start, Extended]:
    rows = list(unclear)
    x = np.delete(fit.solution.x, [model.lay.extra + row for row in rows])
    information = np.delete(np.delete(fit.prior.information, rows, axis=0), rows, axis=1)
    prior = Prior(np.delete(fit.prior.mean, rows), information)
    return fit._replace(solution=fit.solution._replace(x=x), prior=prior), model.without(unclear)


def with_rows(data: Data, model: Extended) -> Data:
    """The data with the rows of this model's foreign lines."""
    background = data.basis[: model.lay.extra - model.lay.background]
    return data._replace(basis=np.ascontiguousarray(np.concatenate([background, rows_of(model.lines, data.grid)])))


def with_room(x: Floats, prior: Prior, before: Extended, model: Extended) -> tuple[Floats, Prior]:
    """Parameters and prior with room for the lines that were added; nothing is known of their areas."""
    added, at = len(model.lines) - len(before.lines), before.lay.ratio - before.lay.extra
    mean = np.insert(prior.mean, at, np.zeros(added))
    information = np.zeros((len(mean), len(mean)))
    old = np.delete(np.arange(len(mean)), np.arange(at, at + added))
    information[np.ix_(old, old)] = prior.information
    return np.insert(x, before.lay.ratio, np.zeros(added)), Prior(mean, information)


def _too_foreign(fit: Start, model: Extended, lines: Lines) -> str:
    """Why a fit with these foreign lines is not to be believed, empty: it is."""
    x = fit.solution.x
    own = float(np.sum(lines_alone(x, fit.data, lines, model.lay)[0] * np.gradient(fit.data.grid)))
    if float(np.sum(x[model.lay.extra : model.lay.ratio])) > MOST_FOREIGN_SHARE * own:
        return "lines of another phase are as strong as the sample's"
    if len(model.lines) > MANY and fit.solution.chi2 > MANY_CHI2 * len(fit.data.y):
        return (
            f"{len(model.lines)} lines of another phase overlap the sample's; "
            'name that phase with role = "spectator", or leave its ranges out'
        )
    return ""


def white_noise_of(start: Start) -> float:
    """Standard deviation of what a first fit leaves and changes from bin to bin, over that of the data, at least 1: the
    gain of a detector may not be known yet."""
    residual, _ = _left_by(start)
    change = residual[:-2] - 2.0 * residual[1:-1] + residual[2:]
    return max(1.0, 1.4826 * float(np.median(np.abs(change))) / math.sqrt(6.0))


def _left_by(start: Start) -> tuple[Floats, Floats]:
    """What a first fit leaves over its standard deviation, and that deviation as the model has it; both (bins,)."""
    data, model = start.data, start.solution.model
    deviation = np.sqrt(np.maximum(data.variance + data.gain * (model - data.y), data.floor))
    return (data.y - model) / deviation, deviation
