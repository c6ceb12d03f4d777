"""The two detectors of the simulator: modules and gaps, where they stand, which pixels are broken."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.simulation.recipes import WAVELENGTH_A

Floats = NDArray[np.float64]

PIXEL_M = 172e-6
MODULE = (195, 487)
GAP = (17, 7)
POLARIZATION = 0.99
BROKEN_SHARE = 1e-5
HOT_COUNTS = 50_000


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector of PILATUS modules and its place, as a .poni has it (metres, radians, orientation 3).

    model: pyFAI's name for it. label: as its own header has it. modules: rows and columns of modules.
    """

    name: str
    model: str
    label: str
    modules: tuple[int, int]
    distance_m: float
    poni_m: tuple[float, float]
    tilt_rad: tuple[float, float]

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = (n * (size + gap) - gap for n, size, gap in zip(self.modules, MODULE, GAP, strict=True))
        return rows, columns


DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        "pilatus2m": Detector("pilatus2m", "Pilatus2M", "PILATUS 2M", (8, 3), 0.260, (0.1466, 0.1253), (0.006, -0.004)),
        "pilatus300k": Detector(
            "pilatus300k", "Pilatus300k", "PILATUS 300K", (3, 1), 0.230, (-0.0030, 0.0431), (0.004, -0.003)
        ),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """What the simulator knows of every pixel; all arrays of the detector's shape.

    two_theta: degrees, float64. response: polarization × solid angle, 1 at normal incidence. gap, dead: bool.
    hot: bool; such a pixel counts whatever falls on it.
    """

    two_theta: Floats
    response: Floats
    gap: NDArray[np.bool_]
    dead: NDArray[np.bool_]
    hot: NDArray[np.bool_]


def detector_named(name: str) -> Detector:
    """The detector of this name. Raises UserError naming the known ones."""
    if name in DETECTORS:
        return DETECTORS[name]
    near = difflib.get_close_matches(name.lower(), DETECTORS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UserError(f"no detector {name!a}; {hint}detectors are {', '.join(DETECTORS)}")


def pixels_of(detector: Detector, seed: int) -> Pixels:
    """Geometry of every pixel, and the broken ones, which the seed picks."""
    two_theta, response = _geometry(detector)
    rows, columns = (
        np.arange(n) % (size + gap) >= size for n, size, gap in zip(detector.shape, MODULE, GAP, strict=True)
    )
    gap = np.asarray(rows[:, np.newaxis] | columns[np.newaxis, :])
    rng = np.random.default_rng([seed, *detector.name.encode()])
    live = np.flatnonzero(~gap)
    count = max(6, round(BROKEN_SHARE * live.size))
    broken = rng.choice(live, 3 * count, replace=False)
    return Pixels(two_theta, response, gap, _flags(gap, broken[: 2 * count]), _flags(gap, broken[2 * count :]))


def poni_text(detector: Detector) -> str:
    lines = [
        "# Simulated scan: C-order, 1 is the vertical axis, 2 the horizontal one",
        "poni_version: 2.1",
        f"Detector: {detector.model}",
        f'Detector_config: {{"pixel1": {PIXEL_M}, "pixel2": {PIXEL_M}, "orientation": 3}}',
        f"Distance: {detector.distance_m}",
        f"Poni1: {detector.poni_m[0]}",
        f"Poni2: {detector.poni_m[1]}",
        f"Rot1: {detector.tilt_rad[0]}",
        f"Rot2: {detector.tilt_rad[1]}",
        "Rot3: 0.0",
        f"Wavelength: {WAVELENGTH_A * 1e-10:.7e}",
    ]
    return "\n".join(lines) + "\n"


def beam_centre_px(detector: Detector) -> tuple[float, float]:
    """Where the direct beam meets the detector plane: column, row."""
    rot1, rot2 = detector.tilt_rad
    row = detector.poni_m[0] + detector.distance_m * math.tan(rot2) / math.cos(rot1)
    column = detector.poni_m[1] - detector.distance_m * math.tan(rot1)
    return column / PIXEL_M, row / PIXEL_M


def _geometry(detector: Detector) -> tuple[Floats, Floats]:
    """2θ and response of all pixels, with the axes and rotations of pyFAI (J. Kieffer and J. P. Wright, 2013)."""
    rows, columns = detector.shape
    p1 = ((np.arange(rows) + 0.5) * PIXEL_M - detector.poni_m[0])[:, np.newaxis]
    p2 = ((np.arange(columns) + 0.5) * PIXEL_M - detector.poni_m[1])[np.newaxis, :]
    rot1, rot2 = detector.tilt_rad
    length = detector.distance_m
    up = p1 * math.cos(rot2) + (p2 * math.sin(rot1) - length * math.cos(rot1)) * math.sin(rot2)
    side = p2 * math.cos(rot1) + length * math.sin(rot1)
    along = p1 * math.sin(rot2) + (length * math.cos(rot1) - p2 * math.sin(rot1)) * math.cos(rot2)
    across = np.hypot(up, side)
    two_theta = np.arctan2(across, along)
    solid_angle = (length / np.sqrt(length**2 + p1**2 + p2**2)) ** 3
    azimuth = np.arctan2(up, side + 0.0 * up)
    squared = np.cos(two_theta) ** 2
    polarization = 0.5 * (1.0 + squared - POLARIZATION * np.cos(2.0 * azimuth) * (1.0 - squared))
    return np.degrees(two_theta), solid_angle * polarization


def _flags(like: NDArray[np.bool_], where: NDArray[np.int64]) -> NDArray[np.bool_]:
    flags = np.zeros_like(like)
    flags.flat[where] = True
    return flags
