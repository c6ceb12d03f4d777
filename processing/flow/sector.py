"""Azimuthal sectors of the detector, the cells that each of them shows, and what their differences mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

NAN = float("nan")
# Of the cells of so many sectors the mean and the first harmonic are known, and the second.
FIRST_TELLS, SECOND_TELLS = 3, 5


@dataclass(frozen=True, slots=True)
class Sector:
    """A part of the rings: its number from 1 on, and azimuths in degrees between which it lies, from pyFAI's chi = 0 on
    as chi grows; to_deg is larger than from_deg, and may be over 180."""

    number: int
    from_deg: float
    to_deg: float

    def holds(self, chi_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of these azimuths lies in it."""
        return np.mod(chi_deg - self.from_deg, 360.0) < self.to_deg - self.from_deg


@dataclass(frozen=True, slots=True)
class SectorCell:
    """The edge a of a component in one sector of one frame, with its esd, in Å; NaN where it has none.

    name: the sector's number and the component's name, ``2_Br``.
    """

    name: str
    lp_A: float = NAN
    lp_esd_A: float = NAN


@dataclass(frozen=True, slots=True)
class Harmonics:
    """How the cells of the sectors differ, as strains with their esds.

    offset: amplitude of what has one period around the ring, as when beam or sample moved, and the azimuth of its
    largest cell. strain: of what has two, as in a sample under load. NaN where there are too few sectors.
    """

    offset: float
    offset_esd: float
    offset_deg: float
    strain: float
    strain_esd: float
    strain_deg: float


def even_sectors(count: int) -> tuple[Sector, ...]:
    """So many alike; the first one lies around chi = 0."""
    half = 180.0 / count
    return tuple(Sector(number + 1, (2 * number - 1) * half, (2 * number + 1) * half) for number in range(count))


def sectors_between(edges_deg: Sequence[float]) -> tuple[Sector, ...]:
    """From each of these azimuths to the next; from the last one on nothing is used."""
    return tuple(Sector(number, first, last) for number, (first, last) in enumerate(pairwise(edges_deg), start=1))


def name_of(sector: Sector, component: str) -> str:
    return f"{sector.number}_{component}"


def harmonics(sectors: Sequence[Sector], lp_A: NDArray[np.float64], esd_A: NDArray[np.float64]) -> Harmonics:
    """Mean, first and second harmonic of these cells (sectors,) by weighted least squares; a sector's cell is the mean
    over it."""
    known = np.isfinite(lp_A) & (esd_A > 0.0)
    orders = [order for order, least in ((1, FIRST_TELLS), (2, SECOND_TELLS)) if known.sum() >= least]
    columns = [np.ones(len(sectors))]
    for order in orders:
        ends = np.radians([[order * one.from_deg, order * one.to_deg] for one in sectors]).T
        columns += [(np.sin(ends[1]) - np.sin(ends[0])) / (ends[1] - ends[0])]
        columns += [(np.cos(ends[0]) - np.cos(ends[1])) / (ends[1] - ends[0])]
    design = np.stack(columns, axis=1)[known] / esd_A[known, np.newaxis]
    found, *_ = np.linalg.lstsq(design, lp_A[known] / esd_A[known], rcond=None)
    covariance = np.linalg.pinv(design.T @ design)
    told = [NAN] * 6
    for at, order in enumerate(orders):
        cosine, sine = found[1 + 2 * at : 3 + 2 * at] / found[0]
        amplitude = math.hypot(cosine, sine)
        along = np.array([cosine, sine]) / amplitude if amplitude else np.array([1.0, 0.0])
        block = covariance[1 + 2 * at : 3 + 2 * at, 1 + 2 * at : 3 + 2 * at] / found[0] ** 2
        told[3 * at : 3 * at + 3] = [
            amplitude,
            math.sqrt(float(along @ block @ along)),
            math.degrees(math.atan2(sine, cosine)) / order,
        ]
    return Harmonics(*told)
