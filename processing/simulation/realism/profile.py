"""The expected pattern of one frame of a realistic scan."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.simulation.powder import voigt
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth, frame_truth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.truth import GAUSSIAN_FWHM

Floats = NDArray[np.float64]

DARK_COUNTS = 0.01


def expected_profile(scan: RealScan, truth: FrameTruth, two_theta: Floats) -> Floats:
    """Expected counts per pixel at normal incidence at these angles (points,), degrees."""
    if truth.flux == 0.0:
        return np.full_like(two_theta, DARK_COUNTS)
    total = _background(scan, truth, two_theta)
    for lattice in truth.lattices:
        if lattice.amount > 0.0:
            offset = two_theta - lattice.angles[:, np.newaxis]
            total = total + lattice.areas @ voigt(offset, lattice.sigma[:, np.newaxis], lattice.gamma[:, np.newaxis])
    for line in scan.foreign:
        if truth.number >= line.since:
            sigma = line.fwhm_deg / GAUSSIAN_FWHM
            shape = np.exp(-0.5 * ((two_theta - line.two_theta_deg) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))
            total = total + line.area * area_of_200(scan) * shape
    return np.asarray(truth.flux * total, dtype=np.float64)


@lru_cache(maxsize=8)
def area_of_200(scan: RealScan) -> float:
    """Of the first component's line (200) when just mixed, counts times degrees; foreign lines are measured by it."""
    mixed = frame_truth(scan, math.ceil(scan.epochs[1].begin)).lattices[0]
    nearest = np.abs(mixed.angles - 12.59).argmin()
    near = np.abs(mixed.angles - mixed.angles[nearest]) < 0.1
    scale = scan.epochs[1].amounts[0] / mixed.amount
    return float(mixed.areas[near].sum() * scale)


def _background(scan: RealScan, truth: FrameTruth, two_theta: Floats) -> Floats:
    """Air and a constant, the capillary's glass and the solvent, whose humps are asymmetric as a liquid's are."""
    air = 12.0 + 30.0 * np.exp(-two_theta / 4.0)
    glass = 20.0 * np.exp(-0.5 * ((two_theta - 13.0) / 5.5) ** 2)
    width = np.where(two_theta < 8.3, 2.4, 3.1)
    solvent = 30.0 * np.exp(-0.5 * ((two_theta - 8.3) / width) ** 2)
    return np.asarray(air + scan.glass * glass + scan.solvent * truth.filling * solvent)
