"""The Cramér-Rao bound of a simulated frame, from the simulator's own derivatives."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.simulation.truth import Truth
from tests.simulated_patterns import Binning, bin_means

Floats = NDArray[np.float64]
BACKGROUND_TERMS = 12
STEP_A = 1e-5


@dataclass(frozen=True, slots=True)
class Bound:
    """Smallest standard deviation in Å: of each lattice parameter, and of their weighted mean."""

    lp_A: tuple[float, ...]
    lp_mean_A: float


def bound_of(truth: Truth, bins: Binning) -> Bound:
    """Amount ratio, intensity ratios and profile known; cells, flux and 12 background terms free."""
    expected = bin_means(truth, bins.two_theta)
    count = len(truth.lattices)
    unknowns = [_by_cell(truth, bins, number) for number in range(count)]
    unknowns.append(bin_means(replace(truth, background=0.0), bins.two_theta))
    unknowns.extend(_background(bins.two_theta))
    jacobian = np.array(unknowns)
    covariance = np.linalg.inv((jacobian * (bins.response / expected)) @ jacobian.T)[:count, :count]
    weights = np.array([lattice.weight for lattice in truth.lattices])
    each = tuple(float(value) for value in np.sqrt(np.diag(covariance)))
    return Bound(each, float(np.sqrt(weights @ covariance @ weights)))


def _by_cell(truth: Truth, bins: Binning, number: int) -> Floats:
    moved = []
    for step in (STEP_A, -STEP_A):
        lattices = list(truth.lattices)
        lattices[number] = replace(lattices[number], lp_A=lattices[number].lp_A + step)
        moved.append(bin_means(replace(truth, lattices=tuple(lattices)), bins.two_theta))
    return np.asarray((moved[0] - moved[1]) / (2.0 * STEP_A))


def _background(two_theta: Floats) -> Floats:
    scaled = (2.0 * two_theta - two_theta[0] - two_theta[-1]) / (two_theta[-1] - two_theta[0])
    return np.asarray(np.polynomial.chebyshev.chebvander(scaled, BACKGROUND_TERMS - 1).T)
