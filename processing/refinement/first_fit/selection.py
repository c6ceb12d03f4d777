"""Which bins are fitted: all for broad lines, the surroundings of sharp ones; never foreign lines."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS, Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import shape_of
from latticewatch.processing.refinement.solver.solve import Data

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
# In units of FWHM: half of a sharp line's window; nearest that a foreign line may come to one of the model.
HALF_WINDOW = 4.0
NEAREST_FOREIGN = 0.8
# Where windows cover so much of the pattern, all of it is fitted.
COVERED = 0.7
LEAST_BINS = 12 * BACKGROUND_TERMS
# A bin is foreign where it stands this many robust sigmas above the fit, with its neighbours down to fewer.
FOREIGN_SIGMAS = 8.0
FLANK_SIGMAS = 2.5


@dataclass(frozen=True, slots=True)
class Selection:
    """sharp: only windows around the lines are fitted. foreign: intervals in degrees that are left out."""

    sharp: bool = False
    foreign: tuple[tuple[float, float], ...] = ()


def positions(x: Floats, lines: Lines) -> Floats:
    """2θ of the lines in degrees, (lines,)."""
    sines = lines.wavelength_A * lines.root_n / (2.0 * x[lines.phase])
    return np.asarray(2.0 * np.degrees(np.arcsin(np.minimum(sines, 1.0))))


def full_widths(x: Floats, lines: Lines, lay: Layout) -> Floats:
    """FWHM of the lines from size alone in degrees, (lines,), by the rule of Olivero and Longbothum."""
    size = x[lay.gaussian_width + lines.phase] / np.cos(np.radians(positions(x, lines) / 2.0))
    shapes = np.array([shape_of(x, phase, lay) for phase in range(lay.components)])
    lorentzian = 2.0 * shapes[lines.phase] * size
    return np.asarray(0.5346 * lorentzian + np.sqrt(0.2166 * lorentzian**2 + (2.3548 * size) ** 2))


def cell_width(x: Floats, lines: Lines, lay: Layout) -> float:
    """FWHM of a line of the first component near the middle of the pattern, in Å of the cell."""
    sine = min(lines.wavelength_A * lines.middle_root / (2.0 * float(x[0])), 0.99)
    fwhm = (2.355 + 1.1 * float(x[lay.shape])) * float(x[lay.gaussian_width])
    return float(x[0]) / sine * math.radians(fwhm) / 2.0


def is_sharp(grid: Floats, x: Floats, lines: Lines, lay: Layout) -> bool:
    """Whether windows around the lines leave enough of the pattern aside."""
    return float(_near_lines(grid, x, lines, lay).mean()) < COVERED


def selected(selection: Selection, grid: Floats, x: Floats, lines: Lines, lay: Layout) -> Bools:
    """(bins,) to be fitted."""
    keep = _near_lines(grid, x, lines, lay) if selection.sharp else np.ones(len(grid), dtype=np.bool_)
    for low, high in selection.foreign:
        keep &= (grid < low) | (grid > high)
    return keep


def part_of(data: Data, keep: Bools) -> Data:
    """The data of these bins."""
    if keep.all():
        return data
    basis = np.ascontiguousarray(data.basis[:, keep])
    return Data(data.grid[keep], basis, data.y[keep], data.variance[keep], data.gain[keep], data.floor[keep])


def foreign_lines(rest: Floats, scale: float, data: Data, x: Floats, lines: Lines, lay: Layout) -> Selection:
    """Sharp lines in what a fit leaves (rest, in the pattern's unit) that do not belong to the model."""
    height = rest / (scale * np.sqrt(np.maximum(data.variance, data.floor)))
    distance = np.abs(data.grid[:, None] - positions(x, lines)[None, :]) / full_widths(x, lines, lay)[None, :]
    free = distance.min(axis=1) > NEAREST_FOREIGN
    flank = free & (height > FLANK_SIGMAS)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flank, [False]]).astype(np.int8)))
    runs = [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
    tall = [(first, last) for first, last in runs if _is_line(height[first:last])]
    half = float(np.median(np.diff(data.grid))) / 2.0
    return Selection(True, tuple((data.grid[first] - half, data.grid[last - 1] + half) for first, last in tall))


def _is_line(height: Floats) -> bool:
    """Tall, and highest inside: what falls off from the edge is the flank of a line of the model."""
    top = int(np.argmax(height))
    return bool(height[top] > FOREIGN_SIGMAS and 0 < top < len(height) - 1)


def _near_lines(grid: Floats, x: Floats, lines: Lines, lay: Layout) -> Bools:
    centres, widths = positions(x, lines), HALF_WINDOW * full_widths(x, lines, lay)
    step = float(np.median(np.diff(grid)))
    inside = max(int(np.count_nonzero((centres > grid[0]) & (centres < grid[-1]))), 1)
    half = np.maximum(widths, LEAST_BINS * step / (2.0 * inside))
    return np.asarray((np.abs(grid[:, None] - centres[None, :]) <= half[None, :]).any(axis=1))
