"""The level at which the watched lattice stands still."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.series import NAN, Snapshot


def rest_level(snapshot: Snapshot, start_s: float, end_s: float) -> tuple[float, float]:
    """Weighted mean of the watched lattice parameter between these times, and its esd, both in Å; NaN: there is none.
    Where quantities are watched by name, of the first of them, in its unit.

    As in the summary, the mean of both counts where the watched lattice cannot be told from its neighbour.
    """
    if not snapshot.component_names:
        return NAN, NAN
    within = (snapshot.times_s >= start_s) & (snapshot.times_s <= end_s)
    if snapshot.quantities:
        return _mean(snapshot.values[within, 0], snapshot.value_esds[within, 0])
    own, esd = snapshot.lp_A[within, 0], snapshot.lp_esd_A[within, 0]
    alone = np.isnan(own)
    lp = np.where(alone, snapshot.lp_mean_A[within], own)
    esd = np.where(alone, snapshot.lp_mean_esd_A[within], esd)
    return _mean(lp, esd)


def _mean(lp: NDArray[np.float64], esd: NDArray[np.float64]) -> tuple[float, float]:
    known = np.isfinite(lp) & (esd > 0.0)
    if not known.any():
        return NAN, NAN
    weight = esd[known] ** -2
    return float(weight @ lp[known] / weight.sum()), float(weight.sum() ** -0.5)
