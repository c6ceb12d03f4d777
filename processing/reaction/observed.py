"""What the fits of a run observed, as arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.quantity import value_of
from latticewatch.processing.flow.series import Row

Array = NDArray[np.float64]
NAN = float("nan")
# So often must two lattices have been told apart to be judged by their distance.
LEAST_APART = 5
# A distance of so many esds says by its sign which lattice has which name.
CLEAR_SIGN = 4.0
# An amount is never known better.
LEAST_AMOUNT_ESD = 2e-3
# Of two lattices that stay apart the watched one is described, unless another quantity changed by so many times more.
PLAINER = 5.0


@dataclass(frozen=True, slots=True)
class Observed:
    """All fitted frames whose time is known, (n,) each.

    lp_A, lp_esd_A: the watched lattice, or the mean where it cannot be told from its neighbour; NaN: absent.
    distance_A: from it to its partner, NaN where they are one. mean_A, mean_esd_A: the weighted mean of all.
    z, z_esd: what the kinetics are told of. quantity: what that is, ``distance`` or as the columns of the trace are
    called.
    """

    times_s: Array
    lp_A: Array
    lp_esd_A: Array
    distance_A: Array
    mean_A: Array
    mean_esd_A: Array
    z: Array
    z_esd: Array
    quantity: str
    watched: str

    @property
    def free_end(self) -> bool:
        """Where z ends is not known beforehand."""
        return self.quantity != "distance"

    @property
    def is_amount(self) -> bool:
        """Whether it is a share of all there is."""
        return self.quantity.startswith(("weight_", "wt_", "fraction"))

    @property
    def told_alone(self) -> "Observed":
        """The same frames, with what the kinetics are told of in the place of the watched lattice."""
        return replace(
            self,
            lp_A=self.z,
            lp_esd_A=self.z_esd,
            mean_A=self.z,
            mean_esd_A=self.z_esd,
            distance_A=np.full_like(self.z, NAN),
            watched=self.quantity,
        )

    @property
    def length_s(self) -> float:
        """From the first of these frames to the last."""
        return float(self.times_s[-1] - self.times_s[0])


def observed(setup: Setup, rows: Sequence[Row]) -> Observed:
    """The fitted frames of these rows."""
    pair, merge = len(setup.components) > 1, setup.end == "merge"
    if setup.quantities:
        return _by_name(setup, rows)
    table, sign = [], 0.0
    for row in rows:
        if isinstance(row.fit, NoResult) or not math.isfinite(row.time_s):
            continue
        first = watched(row.fit) if merge or not pair else lattice(row.fit, 0)
        away, away_esd = distance(row.fit)
        sign = sign_of(away, away_esd, sign)
        others = [*lattice(row.fit, 1), *amount(row.fit)] if pair else [NAN] * 4
        mean = row.fit.lp_mean_A, row.fit.lp_mean_esd_A
        table.append((row.time_s, *first, sign * away, away_esd, *others, *mean))
    values = np.array(table, dtype=np.float64).reshape(-1, 11)
    esds = values[:, 2:9:2]
    values[:, 1:9:2][~(esds > 0.0)] = NAN
    if merge or not pair:
        values = values[np.isfinite(values[:, 1])]
    times_s, lp_A, lp_esd_A, away_A, away_esd_A, other_A, other_esd_A, share, share_esd, mean_A, mean_esd_A = values.T
    names = [component.name for component in setup.components[:2]]
    own = (f"lp_{names[0]}", lp_A, lp_esd_A)
    if not pair or (merge and int(np.isfinite(away_A).sum()) < LEAST_APART):
        chosen = own
    elif merge:
        chosen = ("distance", away_A, away_esd_A)
    else:
        amounts = (f"weight_{names[0]}", share, share_esd)
        chosen = _plainest(own, amounts, (f"lp_{names[1]}", other_A, other_esd_A))
    return Observed(
        times_s, lp_A, lp_esd_A, away_A, mean_A, mean_esd_A, chosen[1], chosen[2], chosen[0], f"lp_{names[0]}"
    )


def _by_name(setup: Setup, rows: Sequence[Row]) -> Observed:
    """The same where quantities are watched by name: of the leading one; where nobody chose one, of the plainest."""
    seen = (row for row in rows if isinstance(row.fit, Fit) or any(peak.is_found for peak in row.peaks))
    timed = [row for row in seen if math.isfinite(row.time_s)]
    fits = [row.fit if isinstance(row.fit, Fit) else None for row in timed]
    times_s = np.array([row.time_s for row in timed], np.float64)
    lattices = [lattice(fit, 0) if fit and fit.lattices else (NAN, NAN) for fit in fits]
    first, first_esd = np.array(lattices, np.float64).reshape(-1, 2).T
    told = []
    for quantity in setup.watch[:1] or setup.quantities:
        values = [value_of(quantity, row.fit, setup.composition, row.peaks) for row in timed]
        value, esd = np.array(values, np.float64).reshape(-1, 2).T
        told.append((quantity.column, np.where(esd > 0.0, value, NAN), esd))
    name, z, z_esd = _plainest(*told)
    unknown = np.full_like(times_s, NAN)
    means = [(fit.lp_mean_A, fit.lp_mean_esd_A) if fit else (NAN, NAN) for fit in fits]
    table = np.array(means, np.float64).reshape(-1, 2)
    watched_lattice = f"lp_{setup.components[0].name}" if setup.components else name
    return Observed(times_s, first, first_esd, unknown, table[:, 0], table[:, 1], z, z_esd, name, watched_lattice)


def _plainest(own: tuple[str, Array, Array], *others: tuple[str, Array, Array]) -> tuple[str, Array, Array]:
    """What changed most in terms of its esds; the first of these, unless another did by far more."""

    def change(quantity: tuple[str, Array, Array]) -> float:
        known = np.isfinite(quantity[1])
        if not known.any():
            return 0.0
        low, high = np.percentile(quantity[1][known], [5.0, 95.0])
        return float((high - low) / np.median(quantity[2][known]))

    best = max(others, key=change, default=own)
    return best if change(best) > PLAINER * change(own) else own


def watched(fit: Fit) -> tuple[float, float]:
    """The first lattice and its esd in Å; the mean of all where it cannot be told from its neighbour."""
    first = fit.lattices[0]
    return (fit.lp_mean_A, fit.lp_mean_esd_A) if math.isnan(first.lp_A) else (first.lp_A, first.lp_esd_A)


def lattice(fit: Fit, number: int) -> tuple[float, float]:
    """A lattice by itself and its esd in Å; NaN where it has none."""
    return fit.lattices[number].lp_A, fit.lattices[number].lp_esd_A


def amount(fit: Fit) -> tuple[float, float]:
    """The share of the first component in what the first two scatter, with its esd; NaN where it is not known.

    Where one of the two is absent the other one is all; it is not known how well.
    """
    first, second = fit.lattices[:2]
    there = [math.isfinite(each.lp_A) for each in (first, second)]
    if there[0] != there[1]:
        return float(there[0]), LEAST_AMOUNT_ESD
    total = first.weight + second.weight
    if not total > 0.0:
        return NAN, NAN
    return first.weight / total, max(first.weight_esd / total, LEAST_AMOUNT_ESD)


def distance(fit: Fit) -> tuple[float, float]:
    """From the first lattice to the second, with its esd, in Å; NaN where they cannot be told apart."""
    if len(fit.lattices) < 2:
        return NAN, NAN
    first, second = fit.lattices[0], fit.lattices[1]
    return second.lp_A - first.lp_A, math.hypot(first.lp_esd_A, second.lp_esd_A)


def untold_distance(fit: Fit) -> float:
    """From one lattice to the other in Å where they cannot be told apart, as the fit has it; NaN where it has none."""
    cells = fit.parameters[:2].tolist()
    return abs(cells[1] - cells[0]) if len(cells) == 2 else NAN


def sign_of(away_A: float, esd_A: float, before: float) -> float:
    """By what a distance is multiplied: names that are exchanged leave it what it is, and its sign is no progress.

    before: of the frame before, 0 at first. Near zero the sign is noise, and stays as it was.
    """
    if math.isnan(away_A) or (before and not abs(away_A) > CLEAR_SIGN * esd_A):
        return before
    return math.copysign(1.0, away_A)
