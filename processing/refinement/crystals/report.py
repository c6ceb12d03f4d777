"""From a solution to what is reported of crystals: cells with esds, ratio, volume, shares of scattering and of mass."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.cell import FIELDS, NAMES
from latticewatch.processing.flow.fit import Fit, FittedCell, Lattice
from latticewatch.processing.refinement.crystals.planes import Phases, cell_of
from latticewatch.processing.refinement.crystals.solve import Solution

Floats = NDArray[np.float64]
# A phase without a cell is looked for at cells that it had or may have; at another one up to seven esds of its amount
# can be there before it is worth its place (refinement.py, WORTH_A_PHASE). Half of that is the esd of all amounts then.
UNSEEN = 3.5
NAN = float("nan")
# What the shape that is left of a profile does to a ratio of areas, whatever the counts.
RATIO_FLOOR = 0.002
STEP = 1e-6


def quoted(x: Floats, phases: Phases) -> tuple[list[tuple[int, str]], Floats]:
    """What is quoted of cells, (component, name), and the gradient of each, (numbers, parameters)."""
    names, rows = list[tuple[int, str]](), list[Floats]()
    for number in range(phases.components):
        free = phases.free[number]
        for name in free:
            names.append((number, name))
            rows.append(_unit(phases.planes.place[number, NAMES.index(name)], phases.places.length))
        more = [] if free == ("a",) else ["volume", *(["c/a"] if {"a", "c"} <= set(free) else [])]
        for name in more:
            names.append((number, name))
            rows.append(_gradient(x, number, name, phases))
    return names, np.array(rows)


def fit_of(
    solution: Solution,
    covariance: Floats,
    model_variance: Floats,
    told: NDArray[np.bool_],
    noise: float,
    phases: Phases,
    standard_weight: float = NAN,
) -> Fit:
    """The fit that is reported. covariance: with the esds of merging lines mended, times the misfit. model_variance:
    (numbers,) the model's own part of what ``quoted`` lists. told: (phases,) who has a cell. standard_weight: the
    standard's share of the mass of all that was mixed, NaN where it is not known."""
    x, places = solution.x, phases.places
    names, rows = quoted(x, phases)
    counted = np.einsum("ni,ij,nj->n", rows, covariance, rows)
    esd = np.sqrt(np.maximum(counted, 0.0) + model_variance)
    own = np.sqrt(model_variance)
    weights, of_weights = _shares(x, covariance, np.ones(phases.components), phases)
    volumes = np.array([cell_of(x, number, phases.planes).volume_A3 for number in range(len(phases.mass))])
    by_mass = phases.mass * volumes
    masses, of_masses = _shares(x, covariance, by_mass[: phases.components], phases)
    amorphous, of_amorphous = NAN, NAN
    if phases.has_standard and math.isfinite(standard_weight):
        of_all, its_esds = _shares(x, covariance, by_mass, phases)
        amorphous, of_amorphous = _amorphous(standard_weight, of_all[-1], its_esds[-1])
    unseen = 1.0 if told[: phases.components].all() else UNSEEN
    lattices = []
    for number in range(phases.components):
        lattice = Lattice(
            weight=weights[number],
            weight_esd=unseen * of_weights[number],
            wt=masses[number],
            wt_esd=unseen * of_masses[number],
        )
        if told[number]:
            mine = {name: n for n, (whose, name) in enumerate(names) if whose == number}
            edge = mine["a"]
            lattice = replace(
                lattice,
                lp_A=float(x[number]),
                lp_esd_A=float(esd[edge]),
                lp_model_esd_A=float(own[edge]),
                cell=_fitted_cell(x, number, mine, esd, own, phases),
            )
        lattices.append(lattice)
    bins = len(solution.residual)
    mean, mean_esd = _mean(lattices, phases)
    return Fit(
        lattices=tuple(lattices),
        components=int(np.count_nonzero(told[: phases.components])),
        lp_mean_A=mean,
        lp_mean_esd_A=mean_esd,
        rwp_percent=100.0 * math.sqrt(max(solution.chi2, 0.0) / solution.wrss),
        chi2_reduced=noise * solution.chi2 / max(bins - int(np.count_nonzero(solution.free[: places.width])), 1),
        iterations=solution.iterations,
        converged=solution.converged,
        parameters=x.copy(),
        amorphous=amorphous,
        amorphous_esd=of_amorphous,
    )


def _amorphous(mixed: float, seen: float, esd: float) -> tuple[float, float]:
    """What of the sample without its standard is no crystal that is refined, with its esd: less of the standard was
    mixed in than is seen among the crystals (both shares of the mass)."""
    return (1.0 - mixed / seen) / (1.0 - mixed), mixed * esd / (seen**2 * (1.0 - mixed))


def _fitted_cell(x: Floats, number: int, mine: dict[str, int], esd: Floats, own: Floats, phases: Phases) -> FittedCell:
    cell = cell_of(x, number, phases.planes)
    values: dict[str, float] = {}
    for name, field in zip(NAMES[1:], FIELDS[1:], strict=True):
        if name in mine:
            stem, unit = field.rsplit("_", 1)
            values[field] = getattr(cell, field)
            values[f"{stem}_esd_{unit}"] = float(esd[mine[name]])
            values[f"{stem}_model_esd_{unit}"] = float(own[mine[name]])
    if "volume" in mine:
        values |= {"volume_A3": cell.volume_A3, "volume_esd_A3": float(esd[mine["volume"]])}
    if "c/a" in mine:
        values |= {"c_over_a": cell.c_A / cell.a_A, "c_over_a_esd": float(esd[mine["c/a"]])}
    return FittedCell(**values)


def _mean(lattices: list[Lattice], phases: Phases) -> tuple[float, float]:
    """Weighted mean of cubic lattices; the edge a of one crystal alone."""
    there = [each for each in lattices if math.isfinite(each.lp_A)]
    if len(lattices) == 1 and there:
        return there[0].lp_A, there[0].lp_esd_A
    if not there or any(free != ("a",) for free in phases.free[: phases.components]):
        return NAN, NAN
    shares = np.array([each.weight for each in there]) / sum(each.weight for each in there)
    cells, esds = np.array([each.lp_A for each in there]), np.array([each.lp_esd_A for each in there])
    mean = float(shares @ cells)
    of_shares = np.array([each.weight_esd for each in there]) * (cells - mean)
    return mean, math.sqrt(float(np.sum((shares * esds) ** 2) + np.sum(of_shares**2)))


def _shares(x: Floats, covariance: Floats, factors: Floats, phases: Phases) -> tuple[list[float], list[float]]:
    """Shares of the first phases, as many as there are factors: each scale times its factor, and their esds."""
    places, planes, count = phases.places, phases.planes, len(factors)
    amounts, gradient = np.zeros(count), np.zeros((count, places.length))
    for number in range(count):
        own = np.where(planes.phase == number, planes.base * planes.at_start, 0.0)
        sums = float(own @ x[places.relative :])
        amounts[number] = factors[number] * x[places.scale + number] * sums
        gradient[number, places.scale + number] = factors[number] * sums
        gradient[number, places.relative :] = factors[number] * x[places.scale + number] * own
    total = amounts.sum()
    if not total > 0.0:
        return [NAN] * count, [NAN] * count
    shares = amounts / total
    of_shares = (np.eye(count) - shares[:, np.newaxis]) @ gradient / total
    spread = np.einsum("ni,ij,nj->n", of_shares, covariance, of_shares)
    floor = (RATIO_FLOOR * shares * (1.0 - shares)) ** 2
    return shares.tolist(), np.sqrt(np.maximum(spread, 0.0) + floor).tolist()


def _unit(at: int, length: int) -> Floats:
    row = np.zeros(length)
    row[at] = 1.0
    return row


def _gradient(x: Floats, number: int, name: str, phases: Phases) -> Floats:
    row = np.zeros(phases.places.length)
    for place in phases.planes.place[number]:
        if place >= 0:
            step = STEP * max(abs(float(x[place])), 1.0)
            sides = []
            for sign in (1.0, -1.0):
                moved = x.copy()
                moved[place] += sign * step
                cell = cell_of(moved, number, phases.planes)
                sides.append(cell.volume_A3 if name == "volume" else cell.c_A / cell.a_A)
            row[place] = (sides[0] - sides[1]) / (2.0 * step)
    return row
