"""Lattices of one sample have the same Lorentzian share, unless the data say otherwise.

A share of its own for each lattice looks like amounts that differ, and costs the weighted mean a quarter of its
precision where it is not needed. What is tracked knows the difference of two shares as m with a variance V, to which
that of ``FLOOR`` is added. Either there is no difference, or it is one of a normal distribution of width ``WIDTH``;
from even odds the first is likelier by √(1 + WIDTH² / V) exp(-m² / 2V · WIDTH² / (WIDTH² + V)) (H. Jeffreys, Theory of
Probability, 1961, chapter 5). What is quoted is the mean over both, with the variance between them; what is tracked
goes on learning.
"""

import math

import numpy as np

from latticewatch.processing.refinement.model.lines import Layout
from latticewatch.processing.refinement.solver.solve import Solution

# Lorentzian half width over Gaussian width: by so much the lattices of one sample differ where they differ. Voigt
# shares of .25 to .55 are half widths of .2 to .7 Gaussian widths.
WIDTH = 0.15
# One instrument makes so much of a difference between lattices of unlike sizes; it moves a ratio by RATIO_FLOOR.
FLOOR = 0.005
# Lattices nearer than this, in units of a line's width, have a mean that does not depend on amounts.
MERGED = 0.2
# Amounts and intensities follow in proportion; ln of what they may change by.
FURTHEST = 0.1


def with_common_shape(solution: Solution, width_A: float, lay: Layout) -> Solution:
    """Parameters and covariance as they are quoted: with one Lorentzian share as far as that is likely.

    width_A: of a line, in Å of the cell. A pattern that says nothing of the difference is left as it is.
    """
    x, covariance = solution.x, solution.covariance
    if lay.components == 2 and abs(x[1] - x[0]) < MERGED * width_A:
        return solution
    for k in range(lay.shape_difference, lay.cell_variance):
        variance, difference = float(covariance[k, k]), float(x[k])
        if not 0.0 < variance < WIDTH**2:
            continue
        common = _one_share(difference, variance + FLOOR**2)
        response = covariance[k] / variance
        shift = -common * difference * response
        if not np.max(np.abs(shift[lay.ratio : lay.gaussian_width])) < FURTHEST:
            continue
        if lay.components == 2:  # the covariance is over (m, d, ...)
            m, d = shift[0], shift[1]
            shift[0], shift[1] = m - solution.share * d, m + (1.0 - solution.share) * d
        x = x + shift
        gained = common * (variance - (1.0 - common) * difference**2)
        covariance = covariance - gained * np.outer(response, response)
    return solution._replace(x=x, covariance=covariance)


def _one_share(difference: float, variance: float) -> float:
    """Probability that two shares are the same."""
    wider = WIDTH * WIDTH / variance
    odds = 0.5 * difference * difference / variance * wider / (1.0 + wider) - 0.5 * math.log1p(wider)
    return 1.0 / (1.0 + math.exp(min(odds, 600.0)))
