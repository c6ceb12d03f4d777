"""Errors that neighbouring fits have in common."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# What fits have in common, in parts of the esd of one frame: they share what was learnt of profiles and amounts, and
# more depends on it the nearer the lines are. Measured on simulated scans, where a share r of the distance is left:
# LEAST_SHARED at first, MOST_SHARED (1 - r)^1.5 later. The benchmark of the kinetics shows the pulls.
LEAST_SHARED, MOST_SHARED = 0.15, 0.75
# The same of one lattice that is told apart from its neighbour; of the mean of all it is the least.
LEAST_LEVEL, MOST_LEVEL = 0.25, 0.9
# "Common" means: within this factor's logarithm of the distance.
REACH = 0.7
FARTHEST = 5.0


@dataclass(frozen=True, slots=True)
class CorrelatedErrors:
    """The common errors of n frames as directions (n, m), orthonormal, and how much each shrinks residuals (m,)."""

    directions: Array
    shrink: Array


def correlated_errors(remaining_A: Array, esd_A: Array) -> CorrelatedErrors:
    """The common errors of frames (n,) that are so far from their end.

    A hat function for every step of the logarithm of what remains carries one common error: their covariance is
    I + B Bᵀ.
    """
    floor = max(float(np.median(esd_A)), float(remaining_A.max()) * math.exp(-FARTHEST), 1e-12)
    place = np.log(np.maximum(remaining_A, floor)) / REACH
    nodes = np.arange(math.floor(place.min()), math.ceil(place.max()) + 1.0)
    hats = np.maximum(0.0, 1.0 - np.abs(place[:, None] - nodes))
    left = np.minimum(remaining_A / max(float(remaining_A.max()), floor), 1.0)
    size = np.maximum(LEAST_SHARED, MOST_SHARED * (1.0 - left) ** 1.5)
    hats *= (size / np.sqrt((hats**2).sum(axis=1)))[:, None]
    directions, sizes, _ = np.linalg.svd(hats, full_matrices=False)
    return CorrelatedErrors(directions, 1.0 - 1.0 / np.sqrt(1.0 + sizes**2))


def whitened(common: CorrelatedErrors, residuals: Array) -> Array:
    """Residuals (n,) in esds, made independent: their covariance to the power -1/2 times them."""
    return np.asarray(residuals - common.directions @ (common.shrink * (common.directions.T @ residuals)))


def mean_esd(esd_A: Array, scatter: float, left: float) -> float:
    """Esd of a weighted mean of n values of one level.

    scatter: their reduced chi². left: share of the distance to its neighbour that is left; 1 where there is none, or
    where the mean of all is meant.
    """
    own = math.sqrt(max(scatter, 1.0) / float((esd_A**-2.0).sum()))
    common = max(LEAST_LEVEL, MOST_LEVEL * (1.0 - left)) * float(np.median(esd_A))
    return math.hypot(own, common) if len(esd_A) > 1 else own
