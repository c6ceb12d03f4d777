"""Is there a sample in the beam? The peaks of the frame before, refitted linearly with a free background."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.refinement.solver.algebra import inverse, normal_matrix
from latticewatch.processing.refinement.solver.solve import Data

Floats = NDArray[np.float64]


class Amplitude(NamedTuple):
    """Factor on the peaks, its standard deviation, and the amplitudes of the basis."""

    factor: float
    deviation: float
    background: Floats


@njit(nogil=True, cache=True, error_model="numpy")
def amplitude_of(peaks: Floats, data: Data) -> Amplitude:
    """Linear least squares of these peaks (bins,) and the basis. The deviation is 0 where it cannot be told."""
    terms, bins = len(data.basis), len(data.y)
    J = np.empty((terms + 1, bins))
    J[0] = peaks
    J[1:] = data.basis
    A, g = np.empty((terms + 1, terms + 1)), np.empty(terms + 1)
    normal_matrix(J, 1.0 / np.maximum(data.variance, data.floor), data.y, A, g)
    covariance, fine = inverse(A)
    if not fine:
        return Amplitude(0.0, 0.0, np.zeros(terms))
    x = np.zeros(terms + 1)
    for i in range(len(x)):
        for j in range(len(x)):
            x[i] += covariance[i, j] * g[j]
    return Amplitude(x[0], np.sqrt(covariance[0, 0]), x[1:])
