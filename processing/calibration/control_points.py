"""Points on the rings of a standard: each ring is cut into sectors, and its line fitted in each."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.crystal.standard import Standard

Floats = NDArray[np.float64]

SECTORS, BINS = 72, 25
FEWEST_PIXELS, FEWEST_BINS = 40, 15
NARROWEST_PX = 3.0  # a ring with less room than this each way is not told from its neighbours
ROUNDS = 25
LEAST_SIGMAS = 6.0


@dataclass(frozen=True, slots=True)
class ControlPoints:
    """Where rings were seen. rows, columns: (points,) in pixels, whole numbers are pixel centres. ring: number of the
    standard's line. esd_rad: of 2θ. width_rad: median σ of the lines. cells: how many were looked at.
    """

    rows: Floats
    columns: Floats
    ring: NDArray[np.intp]
    esd_rad: Floats
    width_rad: float
    cells: int

    def chosen(self, kept: NDArray[np.bool_]) -> "ControlPoints":
        """Those that are kept."""
        values = (self.rows[kept], self.columns[kept], self.ring[kept], self.esd_rad[kept])
        return ControlPoints(*values, self.width_rad, self.cells)


def control_points(
    counts: Floats, masked: NDArray[np.bool_], integrator: Any, standard: Standard, window_px: float
) -> ControlPoints:
    """The line of each ring in each sector, within ``window_px`` of where pyFAI's ``integrator`` has the ring.

    counts, masked: (rows, columns).
    """
    shape = counts.shape
    angles = np.asarray(integrator.center_array(shape, unit="2th_rad"), np.float64)
    azimuths = np.asarray(integrator.center_array(shape, unit="chi_rad"), np.float64)
    wavelength_A = integrator.wavelength * 1e10
    lines = np.radians([two_theta_deg(line.d_A, wavelength_A) for line in standard.lines])
    pixel_rad = min(integrator.pixel1, integrator.pixel2) / integrator.dist * np.cos(lines) ** 2
    half = np.minimum(window_px * pixel_rad, 0.45 * _gaps(lines))
    usable = np.flatnonzero(np.isfinite(lines) & (half >= NARROWEST_PX * pixel_rad))
    lines, half, pixel_rad = lines[usable], half[usable], pixel_rad[usable]
    if not len(lines):
        return _none()
    order = np.argsort(lines)
    near = _nearest(lines[order], angles[~masked])
    own = order[near]
    offset = angles[~masked] - lines[own]
    inside = np.abs(offset) < half[own]
    own, offset = own[inside], offset[inside]
    rows, columns = (each[inside] for each in np.nonzero(~masked))
    sector = ((azimuths[~masked][inside] / (2.0 * math.pi) + 1.0) * SECTORS).astype(int) % SECTORS
    cells = _Cells(own * SECTORS + sector, offset, half[own], counts[rows, columns], len(lines) * SECTORS)
    usable_cells = np.flatnonzero(
        (cells.pixels.sum(axis=1) >= FEWEST_PIXELS) & (cells.filled.sum(axis=1) >= FEWEST_BINS)
    )
    if not len(usable_cells):
        return _none()
    ring = usable_cells // SECTORS
    fit = fit_gaussians(cells.offset[usable_cells], cells.mean[usable_cells], cells.sigma[usable_cells], half[ring])
    clear = (
        (fit.height > LEAST_SIGMAS * fit.height_esd)
        & (np.abs(fit.centre) < 0.7 * half[ring])
        & (fit.width > 0.2 * pixel_rad[ring])
        & (fit.width < 0.5 * half[ring])
        & (fit.centre_esd < 0.3 * half[ring])
    )
    found = usable_cells[clear]
    if not len(found):
        return _none(len(usable_cells))
    count = np.maximum(np.bincount(cells.number, minlength=cells.length)[found], 1)
    middle = [np.bincount(cells.number, each, cells.length)[found] / count for each in (rows, columns)]
    wanted = lines[ring[clear]] + fit.centre[clear]
    at_rows, at_columns = _moved_onto(integrator, middle[0], middle[1], wanted)
    return ControlPoints(
        rows=at_rows,
        columns=at_columns,
        ring=usable[ring[clear]],
        esd_rad=fit.centre_esd[clear],
        width_rad=float(np.median(fit.width[clear])),
        cells=len(usable_cells),
    )


def _none(cells: int = 0) -> ControlPoints:
    empty = np.empty(0)
    return ControlPoints(empty, empty, np.empty(0, np.intp), empty, math.nan, cells)


def _gaps(lines: Floats) -> Floats:
    """Distance of each line to its nearest neighbour."""
    order = np.argsort(lines)
    steps = np.concatenate([[np.inf], np.diff(lines[order]), [np.inf]])
    steps[~np.isfinite(steps)] = np.inf
    gaps = np.empty_like(lines)
    gaps[order] = np.minimum(steps[:-1], steps[1:])
    return gaps


def _nearest(lines: Floats, angles: Floats) -> NDArray[np.intp]:
    return np.asarray(np.searchsorted(0.5 * (lines[1:] + lines[:-1]), angles))


class _Cells:
    """Sums over the pixels of each cell's bins; all (cells, bins). number: the cell of each pixel."""

    def __init__(self, number: NDArray[np.intp], offset: Floats, half: Floats, counts: Floats, length: int) -> None:
        self.number, self.length = number, length
        place = number * BINS + np.minimum(((offset / half + 1.0) * 0.5 * BINS).astype(int), BINS - 1)

        def summed(values: Floats | None) -> Floats:
            total = np.bincount(place, values, length * BINS)
            return np.asarray(total, np.float64).reshape(length, BINS)

        self.pixels = summed(None)
        self.filled = self.pixels > 0
        shared = np.maximum(self.pixels, 1.0)
        total = summed(counts)
        self.mean = np.where(self.filled, total / shared, 0.0)
        self.offset = np.where(self.filled, summed(offset) / shared, 0.0)
        self.sigma = np.where(self.filled, np.sqrt(np.maximum(total, 1.0)) / shared, np.inf)


@dataclass(frozen=True, slots=True)
class Gaussians:
    """Lines on straight backgrounds, each array (lines,): centre and width (σ) in the units of x, with esds."""

    centre: Floats
    centre_esd: Floats
    width: Floats
    height: Floats
    height_esd: Floats


def fit_gaussians(x: Floats, y: Floats, sigma: Floats, half: Floats) -> Gaussians:
    """Fit a Gaussian on a straight background to each row of x, y, sigma (lines, bins), all at once.

    sigma: infinite where there is no value. half: (lines,) half the window. Levenberg and Marquardt's way, each line
    with its own damping; esds are scaled by √χ² where that is above 1.
    """
    weight = np.where(np.isfinite(sigma), 1.0 / sigma, 0.0)
    known = weight > 0.0
    masked = np.where(known, y, np.nan)
    level = np.nanquantile(masked, 0.25, axis=1)
    smooth = np.nan_to_num(masked - level[:, None])
    smooth = smooth + 0.7 * (np.roll(smooth, 1, axis=1) + np.roll(smooth, -1, axis=1))
    top = np.argmax(smooth[:, 1:-1], axis=1) + 1
    lines = np.arange(len(x))
    parameters = np.stack(
        [
            x[lines, top],
            half / 6.0,
            np.maximum(np.nanmax(masked, axis=1) - level, 1e-6),
            level,
            np.zeros(len(x)),
        ],
        axis=1,
    )
    damping = np.full(len(x), 1e-2)
    value, jacobian = _gaussian(parameters, x, half)
    cost = np.sum(((value - y) * weight) ** 2, axis=1)
    for _ in range(ROUNDS):
        normal, gradient = _normal(jacobian, (y - value) * weight, weight)
        diagonal = np.einsum("kii->ki", normal)
        damped = normal + np.einsum("ki,ij->kij", damping[:, None] * diagonal + 1e-12, np.eye(5))
        trial = parameters + np.linalg.solve(damped, gradient[..., None])[..., 0]
        trial[:, 1] = np.clip(np.abs(trial[:, 1]), 0.01 * half, half)
        trial[:, 0] = np.clip(trial[:, 0], -half, half)
        value_there, jacobian_there = _gaussian(trial, x, half)
        cost_there = np.sum(((value_there - y) * weight) ** 2, axis=1)
        better = cost_there < cost
        parameters[better], cost[better] = trial[better], cost_there[better]
        value[better], jacobian[better] = value_there[better], jacobian_there[better]
        damping = np.clip(np.where(better, 0.3 * damping, 8.0 * damping), 1e-9, 1e6)
    normal, _ = _normal(jacobian, value, weight)
    scale = np.sqrt(np.maximum(np.einsum("kii->ki", normal), 1e-300))
    covariance = np.linalg.pinv(normal / (scale[:, :, None] * scale[:, None, :]), hermitian=True)
    freedom = np.maximum(known.sum(axis=1) - 5, 1)
    esd = np.sqrt(np.maximum(np.einsum("kii->ki", covariance), 0.0)) / scale
    esd *= np.sqrt(np.maximum(cost / freedom, 1.0))[:, None]
    return Gaussians(parameters[:, 0], esd[:, 0], parameters[:, 1], parameters[:, 2], esd[:, 2])


def _gaussian(parameters: Floats, x: Floats, half: Floats) -> tuple[Floats, Floats]:
    """Values (lines, bins) and derivatives (lines, bins, 5) after centre, width, height, level and slope."""
    centre, width, height, level, slope = (each[:, None] for each in parameters.T)
    reduced = (x - centre) / width
    shape = np.exp(-0.5 * reduced**2)
    run = x / half[:, None]
    value = height * shape + level + slope * run
    by_centre = height * shape * reduced / width
    derivatives = (by_centre, by_centre * reduced, shape, np.ones_like(x), run)
    return value, np.stack(derivatives, axis=2)


def _normal(jacobian: Floats, rest: Floats, weight: Floats) -> tuple[Floats, Floats]:
    weighted = jacobian * weight[:, :, None]
    return np.einsum("kbi,kbj->kij", weighted, weighted), np.einsum("kbi,kb->ki", weighted, rest)


def _moved_onto(integrator: Any, rows: Floats, columns: Floats, angles: Floats) -> tuple[Floats, Floats]:
    """Move each place along the steepest way to where 2θ is this (Newton's steps)."""
    for _ in range(4):
        here, above, beside = (
            np.asarray(integrator.tth(rows + up, columns + side), np.float64)
            for up, side in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))
        )
        steep = np.stack([(above - here) / 0.5, (beside - here) / 0.5])
        step = (angles - here) / np.maximum(np.sum(steep**2, axis=0), 1e-300) * steep
        rows, columns = rows + step[0], columns + step[1]
    return rows, columns
