"""The first fit of crystals, when nothing is known but start cells, and whether it can be believed."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.crystals.merging import least_known
from latticewatch.processing.refinement.crystals.pattern import draw_phases
from latticewatch.processing.refinement.crystals.planes import Phases, angles_of, cell_of
from latticewatch.processing.refinement.crystals.search import cells_near, sizes_of
from latticewatch.processing.refinement.crystals.solve import Limits, Solution, solve
from latticewatch.processing.refinement.crystals.state import LORENTZ_OF_WIDTH, first_prior, free_of
from latticewatch.processing.refinement.solver.solve import Data, Prior, weigh

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
ITERATIONS, TOLERANCE = 60, 2e-3
LEAST_SIGMAS = 5.0
# Of what stands above the background, so much may be left beyond the noise; lines may lie so far from where the cells
# put them, root mean square in full widths; and so may ln of intensities from the structure's.
LARGEST_MISFIT, LARGEST_OFFSET, LARGEST_OFFSET_FREE, LARGEST_STRENGTH = 0.025, 0.15, 0.1, 1.2
# A start that is good leaves no reason to search for one edge.
GOOD_MISFIT = 0.008
# Free intensities are believed where χ² falls to this share, by so much for each line.
BETTER, WORTH_A_LINE = 0.8, 10.0
# A component is there with this share of the scattering and so many sigmas; it is gone below these.
LEAST_SHARE, PRESENT_SIGMAS = 0.015, 6.0
GONE_SHARE, GONE_SIGMAS = 0.01, 5.0
CHANCE = 3.0
# Wings that the profile has no place for leave more, and move no line: with lines this well in place (in full widths)
# the fit may leave so much.
IN_PLACE, MISFIT_IN_PLACE = 0.05, 0.08
LEAST_WIDTH_BINS = 0.3
SEEN_SIGMAS, LINE_WIDTHS = 5.0, 0.3
WIDTHS_TRIED = 3
# Δχ² that tells one cell from another that it nearly is when turned about.
TELLING = 4.0
# How far, in widths of a line, other cells are looked for beside a first fit.
TURNED = (-0.9, -0.4, 0.4, 0.9)
ANOTHER = 0.02


class Start(NamedTuple):
    """A first fit: who is there and whose intensities are free; doubt: why it is not to be believed, empty: it is.
    twin: the parameters of the next best fit, with clearly other cells, if there is one."""

    solution: Solution
    prior: Prior
    present: Flags
    freed: Flags
    doubt: str
    twin: Floats | None = None


class Check(NamedTuple):
    """offset: root mean square of how far lines lie from where the cells put them, in widths. seen: (phases,) how many
    lines of a phase are clearly seen."""

    offset: float
    seen: NDArray[np.int64]


def begin(x0: Floats, data: Data, phases: Phases) -> Start | None:
    """The best first fit around these cells; None where there are no peaks."""
    fits = [fit for fit in _from(x0, data, phases) if fit is not None]
    # From a start cell alone one that is nearly of a higher symmetry is found turned about, and looks good.
    several = any(len(phases.free[number]) > 1 for number in np.flatnonzero(phases.free_cell))
    if several or not any(not fit.doubt and excess_of(fit.solution, data, phases) < GOOD_MISFIT for fit in fits):
        fits += _searched(x0, data, phases)
    fits = [fit for fit in fits if _significant(fit, phases)]
    if not fits:
        return None
    best = min(fits, key=lambda fit: (fit.doubt != "", fit.solution.chi2))
    alike = [_in_shape(best.solution.x, x0, phases)]
    others = [fit for fit in (_fit(x, data, phases) for x in (*alike, *_turned(best, phases))) if fit is not None]
    others = [fit for fit in others if best.doubt or not fit.doubt]
    if not others:
        return best
    misfit = max(1.0, best.solution.chi2 / len(data.y))
    expected = _cells_of(x0, phases)
    chosen = min(
        [best, *others],
        key=lambda fit: (
            fit.doubt != "",
            # Within what tells two cells apart the one that is expected is meant.
            fit.solution.chi2 > _least([best, *others]) + TELLING * misfit,
            float(np.linalg.norm(_cells_of(fit.solution.x, phases) / expected - 1.0)),
        ),
    )
    return chosen._replace(twin=_twin_of(chosen, [best, *others], phases))


def _least(fits: list[Start]) -> float:
    return min(fit.solution.chi2 for fit in fits)


def _cells_of(x: Floats, phases: Phases) -> Floats:
    """All that is free of cells."""
    return x[: phases.places.shift]


def _twin_of(chosen: Start, fits: list[Start], phases: Phases) -> Floats | None:
    """The parameters of the best of the fits with other cells: clearly other ones, in widths of a line."""
    width, angles = width_of(chosen.solution.x, phases), angles_of(chosen.solution.x, phases)
    apart = []
    for fit in fits:
        away = np.abs(angles_of(fit.solution.x, phases) - angles)
        if np.max(away[np.isfinite(away)], initial=0.0) > ANOTHER * width:
            apart.append(fit)
    return min(apart, key=lambda fit: fit.solution.chi2).solution.x if apart else None


def _turned(fit: Start, phases: Phases) -> list[Floats]:
    """Cells on either side of this fit in the direction in which its cells are known least."""
    starts = []
    for number in np.flatnonzero(phases.free_cell & fit.present):
        if len(phases.free[number]) < 2:
            continue
        step, moved = least_known(fit.solution, int(number), phases)
        for widths in TURNED:
            x = fit.solution.x.copy()
            cells = phases.planes.place[number][phases.planes.place[number] >= 0]
            x[cells] += step[cells] * (widths * width_of(x, phases) / max(moved, 1e-300))
            starts.append(x)
    return starts


def _in_shape(x: Floats, x0: Floats, phases: Phases) -> Floats:
    """The cells of x0 with the volumes of x: cells that are nearly of a higher symmetry fit nearly as well turned
    about, and the one that is expected is meant."""
    turned = x.copy()
    for number in np.flatnonzero(phases.free_cell):
        place = phases.planes.place[number]
        volumes = [cell_of(each, int(number), phases.planes).volume_A3 for each in (x, x0)]
        turned[place[place >= 0]] = x0[place[place >= 0]]
        turned[place[:3][place[:3] >= 0]] *= (volumes[0] / volumes[1]) ** (1.0 / 3.0)
    return turned


def limits_for(x: Floats, grid: Floats, phases: Phases, most: int, tolerance: float) -> Limits:
    """Steps of a cell that move a line by no more than about half its width."""
    widths = 2.36 * x[phases.places.width : phases.places.strain] + x[phases.places.lorentz : phases.places.relative]
    steps = np.radians(widths) / (4.0 * phases.planes.tangent)
    least = LEAST_WIDTH_BINS * float(np.median(np.diff(grid)))
    return Limits(float(min(0.02, np.max(steps[: phases.components]))), least, most, tolerance)


def excess_of(solution: Solution, data: Data, phases: Phases) -> float:
    """The share of the peaks that is left unexplained, beyond the noise and its chance."""
    places = phases.places
    above = data.y - solution.x[places.background : places.width] @ data.basis
    signal = float(above @ (above / np.maximum(data.variance, data.floor)))
    bins = len(data.y)
    return (solution.chi2 - bins - CHANCE * math.sqrt(2.0 * bins)) / max(signal, 1e-12)


def there_of(solution: Solution, phases: Phases, before: Flags | None = None) -> Flags:
    """(phases,) who is clearly in the beam. before: who was; one goes later than it comes."""
    places, own = phases.places, phases.components + phases.has_standard
    scales = solution.x[places.scale : places.background]
    misfit = min(max(1.0, solution.chi2 / len(solution.residual)), 4.0)
    deviation = np.sqrt(misfit * np.diag(solution.covariance)[places.scale : places.background])
    share = scales / max(float(scales[:own].sum()), 1e-300)
    sigmas = scales / np.maximum(deviation, 1e-300)
    comes = (share > LEAST_SHARE) & (sigmas > PRESENT_SIGMAS)
    stays = (share > GONE_SHARE) & (sigmas > GONE_SIGMAS)
    return np.asarray(comes if before is None else np.where(before, stays, comes), dtype=np.bool_)


def checked(solution: Solution, data: Data, phases: Phases) -> Check:
    """Where the single lines lie, each moved alone in what the fit leaves."""
    places, x = phases.places, solution.x
    weights = np.empty(len(data.y))
    weigh(solution.model, data, weights)
    left, angles = data.y - solution.model, angles_of(x, phases)
    background = x[places.background : places.width] @ data.basis
    seen, away = np.zeros(places.phases, dtype=np.int64), list[tuple[float, float]]()
    lines = _widths_of(x, angles, phases)
    areas = x[places.scale + phases.planes.phase] * phases.planes.base * phases.planes.at_start * x[places.relative :]
    last: dict[int, float] = {}
    for line in np.argsort(angles, kind="stable"):
        centre, width, phase = angles[line], lines[line], int(phases.planes.phase[line])
        near = slice(*np.searchsorted(data.grid, (centre - width, centre + width)))
        grid = data.grid[near]
        if not np.isfinite(centre) or len(grid) < 3 or not solution.free[places.width + phase]:
            continue
        sigma = width / 2.36
        shape = areas[line] * np.exp(-0.5 * ((grid - centre) / sigma) ** 2) / (sigma * 2.507)
        # Its noise is that of all that is there, and only what it has of it says where it lies.
        sigmas = float(np.sqrt(np.sum(weights[near] * shape**2)))
        share = float(shape.sum() / max(float(np.sum(solution.model[near] - background[near])), 1e-300))
        if sigmas > SEEN_SIGMAS and centre - last.get(phase, -1e9) > LINE_WIDTHS * width:
            seen[phase] += 1
            last[phase] = float(centre)
        slope = shape * (grid - centre) / sigma**2
        known = float(np.sum(weights[near] * slope**2))
        if share > 0.7 and phases.free_cell[phase] and known > 0.0:
            moved = float(np.sum(weights[near] * slope * left[near])) / known
            away.append((moved / width, known * width**2))
    if not away:
        return Check(0.0, seen)
    moved_by, weight = np.array(away).T
    return Check(float(np.sqrt(np.average(moved_by**2, weights=weight))), seen)


def width_of(x: Floats, phases: Phases) -> float:
    """Full width of a middling line in degrees."""
    places = phases.places
    shares = np.maximum(x[places.scale : places.scale + phases.components], 1e-300)
    widths = 2.36 * x[places.width : places.strain] + 1.1 * x[places.lorentz : places.relative]
    return float(np.average(widths[: phases.components], weights=shares))


def _widths_of(x: Floats, angles: Floats, phases: Phases) -> Floats:
    places, planes = phases.places, phases.planes
    theta = np.radians(np.nan_to_num(angles) / 2.0)
    scaled = x[places.width + planes.phase] / np.cos(theta)
    strain = x[places.strain + planes.phase] * (np.tan(theta) / planes.tangent[planes.phase]) ** 2
    sigma = np.sqrt(np.maximum(scaled**2 + strain, 0.25 * scaled**2))
    return np.asarray(2.36 * sigma + 1.1 * x[places.lorentz + planes.phase] / np.cos(theta))


def _from(x0: Floats, data: Data, phases: Phases) -> list[Start | None]:
    """Fits from these cells with the likeliest widths."""
    amounts = [(*_amounts(x0, size, data, phases), size) for size in sizes_of(data.grid)]
    likely = sorted(amounts, key=lambda one: one[1])[:WIDTHS_TRIED]
    found: list[Start | None] = []
    for x, _, _ in likely:
        fit = _fit(x, data, phases)
        found.append(fit)
        if fit is not None and not fit.doubt and excess_of(fit.solution, data, phases) < GOOD_MISFIT:
            break
    return found


def _searched(x0: Floats, data: Data, phases: Phases) -> list[Start]:
    """Fits from cells that are searched, one phase after the other in what those before it leave."""
    found: list[Start] = []
    starts, left = [x0], data.y
    for phase in np.flatnonzero(phases.free_cell):
        grown: list[tuple[float, Floats]] = []
        for x in starts:
            for _, size, cell in cells_near(x, int(phase), left, data, phases):
                moved = x.copy()
                place = phases.planes.place[phase]
                moved[np.sort(place[place >= 0])] = cell
                there, chi2 = _amounts(moved, size, data, phases)
                grown.append((chi2, there))
        grown.sort(key=lambda one: one[0])
        starts = [x for _, x in grown[:WIDTHS_TRIED]]
        each = np.empty((phases.places.phases, len(data.y)))
        draw_phases(starts[0], data.grid, phases.planes, phases.places, each)
        left = data.y - each[: phase + 1].sum(axis=0)
    for x in starts:
        fit = _fit(x, data, phases)
        if fit is not None:
            found.append(fit)
    return found


def _amounts(x0: Floats, size: float, data: Data, phases: Phases) -> tuple[Floats, float]:
    """These cells with lines of this width and the amounts and the background that fit best, and χ²."""
    places, x = phases.places, x0.copy()
    x[places.width : places.strain] = size
    x[places.strain : places.lorentz] = 0.0
    x[places.lorentz : places.relative] = LORENTZ_OF_WIDTH * size
    x[places.relative :] = 1.0
    x[places.scale : places.background] = 1.0
    each = np.empty((places.phases, len(data.y)))
    draw_phases(x, data.grid, phases.planes, phases.places, each)
    weight = np.sqrt(1.0 / np.maximum(data.variance, data.floor))
    left = np.arange(places.phases)
    while True:
        design = (np.concatenate([each[left], data.basis]) * weight).T
        found, *_ = np.linalg.lstsq(design, data.y * weight, rcond=None)
        if not len(left) or found[: len(left)].min() >= 0.0:
            break
        left = left[found[: len(left)] > 0.0]
    x[places.scale : places.background] = 0.0
    x[places.scale + left] = found[: len(left)]
    x[places.background : places.width] = found[len(left) :]
    return x, float(np.sum((design @ found - data.y * weight) ** 2))


def _fit(x: Floats, data: Data, phases: Phases) -> Start | None:
    """The fit from these parameters: with the structures' intensities, and with free ones where these explain more."""
    places = phases.places
    there = x[places.scale : places.background] > 0.0
    if not there[: phases.components].any():
        return None
    fit = _fitted(x, data, phases, there, phases.free_lines)
    if fit is None:
        return None
    on_need = phases.on_need & fit.present
    if on_need.any() and fit.solution.chi2 > len(data.y):
        freed = _fitted(fit.solution.x, data, phases, fit.present, phases.free_lines | on_need)
        if freed is not None and explains_more(freed.solution, fit.solution):
            return freed._replace(doubt=_doubt(freed, data, phases))
    return fit._replace(doubt=_doubt(fit, data, phases))


def explains_more(freed: Solution, held: Solution) -> bool:
    """Whether free intensities are worth their number."""
    misfit = max(1.0, freed.chi2 / len(freed.residual))
    lines = int(np.count_nonzero(freed.free & ~held.free))
    return bool(freed.converged and freed.chi2 < BETTER * held.chi2) and (
        held.chi2 - freed.chi2 > WORTH_A_LINE * lines * misfit
    )


def _fitted(x: Floats, data: Data, phases: Phases, there: Flags, freed: Flags) -> Start | None:
    for _ in range(2):
        prior = first_prior(x, phases, freed)
        free = free_of(phases, there, freed)
        limits = limits_for(x, data.grid, phases, ITERATIONS, TOLERANCE)
        solution = solve(x, data, prior, phases.planes, phases.places, free, limits)
        if not np.all(np.isfinite(solution.x)):
            return None
        present = there_of(solution, phases) & there
        if not present[: phases.components].any():
            return None
        if (present == there).all():
            break
        x, there = solution.x.copy(), present
    # What is not there has the width of what is.
    main = int(np.argmax(solution.x[phases.places.scale : phases.places.scale + phases.components]))
    for offset in (phases.places.width, phases.places.strain, phases.places.lorentz):
        solution.x[offset : offset + phases.places.phases][~there] = solution.x[offset + main]
    return Start(solution, prior, there, freed, "" if solution.converged else "it did not converge")


def _significant(fit: Start, phases: Phases) -> bool:
    places = phases.places
    scales = slice(places.scale, places.scale + phases.components)
    deviation = np.sqrt(np.diag(fit.solution.covariance)[scales])
    return bool(np.any(fit.solution.x[scales] > LEAST_SIGMAS * deviation))


def _doubt(fit: Start, data: Data, phases: Phases) -> str:
    """Why a first fit is not to be believed; empty where it is."""
    if fit.doubt:
        return fit.doubt
    solution, check = fit.solution, checked(fit.solution, data, phases)
    left = excess_of(solution, data, phases)
    if left > (MISFIT_IN_PLACE if check.offset < IN_PLACE else LARGEST_MISFIT):
        return f"{100.0 * left:.2g} % of the peaks is not explained"
    if check.offset > (LARGEST_OFFSET_FREE if fit.freed.any() else LARGEST_OFFSET):
        return "the lines do not lie where these cells put them"
    for phase in np.flatnonzero(phases.free_cell & fit.present):
        unknown = len(phases.free[phase])
        if unknown > 1 and check.seen[phase] < unknown + 1:
            return (
                f"{check.seen[phase]} lines of {phases.names[phase]} are seen, too few for {unknown} edges and angles"
            )
        if phases.on_need[phase] and _strangeness(solution.x, int(phase), phases) > LARGEST_STRENGTH:
            return f"the intensities are not those of {phases.names[phase]}"
    return ""


def _strangeness(x: Floats, phase: int, phases: Phases) -> float:
    """ln of how far a phase's intensities are from the structure's, root mean square over what is seen."""
    own = phases.planes.phase == phase
    relative = np.maximum(x[phases.places.relative :][own], np.exp(-2.0))
    weight = (phases.planes.base * phases.planes.at_start)[own] * (1.0 + relative)
    return float(np.sqrt(np.average(np.log(relative) ** 2, weights=weight)))
