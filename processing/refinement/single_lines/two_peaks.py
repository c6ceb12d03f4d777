"""A quick second opinion for the pattern panel: the lines of one reflection alone, in the map's window."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.reflections import d_spacing, lattice_parameter, two_theta_deg
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.single_lines.single_lines import LineFit, fit_lines

Floats = NDArray[np.float64]
LEAST_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class TwoPeaks:
    """One line for each component in the window, fitted without any other line and without memory.

    lp_A, lp_esd_A: (components,) in Å, NaN where the line is under 5 sigma. fit: the curve, None where the fit
    failed; why says so in one sentence, empty where all is well.
    """

    lp_A: tuple[float, ...]
    lp_esd_A: tuple[float, ...]
    fit: LineFit | None
    why: str = ""


def two_peaks(
    pattern: Pattern,
    window_deg: tuple[float, float],
    reflection: tuple[int, int, int],
    cells_A: tuple[float, ...],
    wavelength_A: float,
) -> TwoPeaks:
    """Fit a Voigt line for each of these cells (start values, Å) in the window (2θ, degrees). Never raises on data."""
    low, high = window_deg
    inside = (pattern.two_theta >= low) & (pattern.two_theta <= high)
    x, y, sigma = (
        values[inside].astype(np.float64) for values in (pattern.two_theta, pattern.intensity, pattern.sigma)
    )
    centres = [two_theta_deg(d_spacing(cell, reflection), wavelength_A) for cell in cells_A]
    nothing = tuple(math.nan for _ in cells_A)
    if not all(low < centre < high for centre in centres):
        return TwoPeaks(nothing, nothing, None, "a start value lies outside the window")
    fit = fit_lines(x, y, sigma, centres, (high - low) / 8.0)
    if fit is None:
        return TwoPeaks(nothing, nothing, None, "the fit of the window did not converge")
    return _named(fit, reflection, wavelength_A)


def _named(fit: LineFit, reflection: tuple[int, int, int], wavelength_A: float) -> TwoPeaks:
    cells, esds = [], []
    for line in fit.lines:
        seen = line.area > LEAST_SIGMAS * line.area_esd
        cell = lattice_parameter(line.two_theta_deg, reflection, wavelength_A)
        slope = cell * math.radians(line.esd_deg) / (2.0 * math.tan(math.radians(line.two_theta_deg / 2.0)))
        cells.append(cell if seen else math.nan)
        esds.append(slope if seen else math.nan)
    weak = sum(math.isnan(cell) for cell in cells)
    return TwoPeaks(tuple(cells), tuple(esds), fit, f"{weak} of {len(cells)} lines under 5 sigma" if weak else "")
