"""The level at which the watched lattice stands still."""

import numpy as np

from latticewatch.processing.flow.series import NAN, Snapshot


def rest_level(snapshot: Snapshot, start_s: float, end_s: float) -> tuple[float, float]:
    """Weighted mean of the watched lattice parameter between these times, and its esd, both in Å; NaN: there is none.

    As in the summary, the mean of both counts where the watched lattice cannot be told from its neighbour.
    """
    within = (snapshot.times_s >= start_s) & (snapshot.times_s <= end_s)
    own, esd = snapshot.lp_A[within, 0], snapshot.lp_esd_A[within, 0]
    alone = np.isnan(own)
    lp = np.where(alone, snapshot.lp_mean_A[within], own)
    esd = np.where(alone, snapshot.lp_mean_esd_A[within], esd)
    known = np.isfinite(lp) & (esd > 0.0)
    if not known.any():
        return NAN, NAN
    weight = esd[known] ** -2
    return float(weight @ lp[known] / weight.sum()), float(weight.sum() ** -0.5)
