"""A fit drawn over the run's grid."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.fit import Curves
from latticewatch.processing.refinement.foreign.extended import unpacked
from latticewatch.processing.refinement.foreign.lines import rows_of
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import calculate, lines_in
from latticewatch.processing.refinement.solver.grid import Window, chebyshev, empty_row

Floats = NDArray[np.float64]


def draw(parameters: Floats, two_theta: Floats, window: Window, lines: Lines, lay: Layout) -> Curves:
    """Background, components and foreign lines of these parameters over the whole grid, NaN outside the window.

    window, lay: without foreign lines. NaN throughout for parameters of a model with other lines.
    """
    known = unpacked(parameters, lay)
    if known is None:
        nothing = np.full(len(two_theta), np.nan)
        return Curves(nothing, np.full((lay.components, len(two_theta)), np.nan), nothing)
    x, foreign = known
    part = slice(window.first, window.last)
    grid = np.ascontiguousarray(two_theta[part])
    basis = chebyshev(grid, float(grid[0]), float(grid[-1]))
    if window.empty is not None:
        basis[-1] = empty_row(window.empty, grid)[0]
    y, jacobian = np.empty(len(grid)), np.empty((lay.length, len(grid)))
    calculate(x, grid, basis, lines, lay, y, jacobian)
    background = np.full(len(two_theta), np.nan)
    background[part] = x[lay.background : lay.extra] @ basis
    components = np.full((lay.components, len(two_theta)), np.nan)
    each = lines_in(x, jacobian, lay)
    for p in range(lay.components):
        components[p, part] = each[lines.phase == p].sum(axis=0)
    calculated = background + components.sum(axis=0)
    for line, area in foreign.values():
        calculated[part] += area * rows_of((line,), grid)[0]
    return Curves(background, components, calculated)
