"""What the fits of a run observed, as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Observed:
    """All fitted frames whose time is known, (n,) each.

    lp_A, lp_esd_A: the watched lattice, or the mean where it cannot be told from its neighbour. distance_A and
    distance_esd_A: from it to its partner, NaN where they are one. mean_A, mean_esd_A: the weighted mean of all.
    single: they were never told apart.
    """

    times_s: NDArray[np.float64]
    lp_A: NDArray[np.float64]
    lp_esd_A: NDArray[np.float64]
    distance_A: NDArray[np.float64]
    distance_esd_A: NDArray[np.float64]
    mean_A: NDArray[np.float64]
    mean_esd_A: NDArray[np.float64]
    single: bool

    @property
    def coordinate(self) -> NDArray[np.float64]:
        """What is judged (n,), in Å: the distance of the two lattices, or the one lattice."""
        return self.lp_A if self.single else self.distance_A

    @property
    def coordinate_esd(self) -> NDArray[np.float64]:
        """Its esd (n,), in Å."""
        return self.lp_esd_A if self.single else self.distance_esd_A


def observed(setup: Setup, rows: Sequence[Row]) -> Observed:
    """The fitted frames of these rows."""
    table = np.array(
        [
            (row.time_s, *watched(row.fit), *distance(row.fit), row.fit.lp_mean_A, row.fit.lp_mean_esd_A)
            for row in rows
            if not isinstance(row.fit, NoResult) and math.isfinite(row.time_s)
        ],
        dtype=np.float64,
    ).reshape(-1, 7)
    good = np.isfinite(table[:, 1]) & (table[:, 2] > 0.0)
    table = table[good]
    never = len(setup.components) < 2 or int(np.isfinite(table[:, 3]).sum()) < 5
    times_s, lp_A, lp_esd_A, distance_A, distance_esd_A, mean_A, mean_esd_A = table.T
    return Observed(times_s, lp_A, lp_esd_A, distance_A, distance_esd_A, mean_A, mean_esd_A, never)


def watched(fit: Fit) -> tuple[float, float]:
    """The first lattice and its esd in Å; the mean of all where it cannot be told from its neighbour."""
    first = fit.lattices[0]
    if math.isnan(first.lp_A):
        return fit.lp_mean_A, fit.lp_mean_esd_A
    return first.lp_A, first.lp_esd_A


def distance(fit: Fit) -> tuple[float, float]:
    """From the first lattice to the second, with its esd, in Å; NaN where they cannot be told apart."""
    if len(fit.lattices) < 2:
        return NAN, NAN
    first, second = fit.lattices[0], fit.lattices[1]
    return second.lp_A - first.lp_A, math.hypot(first.lp_esd_A, second.lp_esd_A)
