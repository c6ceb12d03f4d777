"""The same model and prior minimised by scipy.optimize.least_squares: how long a frame takes that way."""

import time

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.refinement.model.lines import Lines, layout, lines_of
from latticewatch.processing.refinement.model.pattern_model import calculate
from latticewatch.processing.refinement.solver.grid import data_of, window_of
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named
from tests.benchmarks.fit.scans import components_of, refinement_of
from tests.simulated_patterns import binning, patterns_1d

Floats = NDArray[np.float64]
WIDTHS = {
    "ratio": 0.02,
    "strength": 0.01,
    "size": 1e-3,
    "shape": 0.01,
    "spread": 1e-3,
    "growth": 1e-3,
    "contrast": 0.05,
}


def yardstick_ms(frames: int = 20, first: int = 30) -> float:
    """Median milliseconds of CPU a frame of an iodide exchange, analytic Jacobian, started from our own fit."""
    bins, recipe = binning(), recipe_named("iodide")
    refinement = refinement_of(recipe, bins.two_theta)
    lines = lines_of(components_of(recipe), WAVELENGTH_A, float(bins.two_theta[0]), float(bins.two_theta[-1]))
    window = window_of(bins.two_theta, lines)
    start: Floats | None = None
    costs = []
    for number, (pattern, _) in enumerate(patterns_1d(recipe, 0, bins, first + frames)):
        if start is not None and number >= first:
            data = data_of(window, pattern.intensity, pattern.sigma, 1.0)
            begun = time.thread_time()
            _minimise(start, data.y, np.sqrt(data.variance), data.grid, data.basis, lines)
            costs.append((time.thread_time() - begun) * 1e3)
        fit = refinement.refine(pattern)
        # Behind the sample and the background come foreign lines, of which there are none.
        start = fit.parameters[: layout(len(lines.cell), len(lines.phase)).length] if isinstance(fit, Fit) else start
    return float(np.median(costs))


def _minimise(start: Floats, y: Floats, sigma: Floats, grid: Floats, basis: Floats, lines: Lines) -> Floats:
    lay = layout(len(lines.cell), len(lines.phase))
    width = np.empty(lay.length - lay.ratio)
    edges = [
        lay.ratio,
        lay.intensity_correction,
        lay.gaussian_width,
        lay.shape,
        lay.cell_variance,
        lay.cell_variance_growth,
        lay.vegard_intensity_fraction,
        lay.length,
    ]
    for low, high, one in zip(edges, edges[1:], WIDTHS.values(), strict=False):
        width[low - lay.ratio : high - lay.ratio] = one
    model, jacobian = np.empty(len(y)), np.empty((lay.length, len(y)))

    def residual(x: Floats) -> Floats:
        calculate(x, grid, basis, lines, lay, model, jacobian)
        return np.concatenate([(model - y) / sigma, (x[lay.ratio :] - start[lay.ratio :]) / width])

    def derivative(x: Floats) -> Floats:
        calculate(x, grid, basis, lines, lay, model, jacobian)
        prior = np.zeros((len(width), lay.length))
        prior[:, lay.ratio :] = np.diag(1.0 / width)
        return np.concatenate([(jacobian / sigma).T, prior])

    return np.asarray(least_squares(residual, start, derivative, method="lm", x_scale="jac", xtol=1e-6).x)
