"""Where the rings of a standard are, when the geometry that is known is some millimetres and per cent off.

Bright pixels are compared with the comb of expected rings for shifts of the beam centre and changes of the distance on
a grid, which finds the right ring for each where a refinement would take the nearest. What the grid found is then
followed with ever narrower teeth.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.optimize import minimize

from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.crystal.standard import Standard
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry

Floats = NDArray[np.float64]

REACH_M, REACH_DISTANCE = 6e-3, 0.05
STEPS = 14  # of the grid, from the start to its end, each way
MOST_PIXELS, LEAST_SIGMAS = 2000, 5.0
NARROW, WIDE = 3, 31  # pixels: what a ring is brighter than its neighbourhood in
STEEPEST = 4.0  # tan 2θ; rings beyond have no place on a plane
CANDIDATES = 6
TABLE_PER_TOOTH = 8
SEEN, CHANCE = 0.15, 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """A geometry, and how much better than chance its rings meet the bright pixels: 1 where each lies on a ring."""

    geometry: Geometry
    score: float


@dataclass(frozen=True, slots=True)
class BrightPixels:
    """Pixels that stand out of their neighbourhood; rows, columns: (pixels,) in the image as read."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]

    @property
    def least_score(self) -> float:
        """The score from which on rings are seen: few pixels meet rings by chance in some of thousands of trials."""
        return max(SEEN, CHANCE / math.sqrt(max(1, len(self.rows))))


def bright_pixels(counts: Floats, masked: NDArray[np.bool_]) -> BrightPixels:
    """Pixels of an image (rows, columns) that are brighter than their neighbourhood, evenly thinned."""
    valid = (~masked).astype(np.float64)
    clean = np.where(masked, 0.0, counts)

    def local(size: int) -> tuple[Floats, Floats]:
        share = uniform_filter(valid, size, mode="constant")
        return uniform_filter(clean, size, mode="constant") / np.maximum(share, 1e-9), share

    (near, near_share), (far, far_share) = local(NARROW), local(WIDE)
    noise = np.sqrt(np.maximum(far, 1.0 / WIDE**2) / NARROW**2)
    stands_out = (near - far > LEAST_SIGMAS * noise) & (near_share > 0.7) & (far_share > 0.2) & ~masked
    rows, columns = np.nonzero(stands_out)
    if len(rows) > MOST_PIXELS:
        chosen = np.random.default_rng(0).choice(len(rows), MOST_PIXELS, replace=False)
        rows, columns = rows[chosen], columns[chosen]
    return BrightPixels(rows, columns)


def score_of(bright: BrightPixels, geometry: Geometry, standard: Standard, shape: tuple[int, int]) -> float:
    """How well the rings of a geometry meet the bright pixels, as ``Found.score`` has it."""
    places = _places(bright, geometry, shape)
    return _fine_comb(geometry, standard).score(places.steepness(np.zeros(3)))


def search(
    bright: BrightPixels,
    geometry: Geometry,
    standard: Standard,
    shape: tuple[int, int],
    *,
    centre: bool = True,
    distance: bool = True,
    stop: threading.Event | None = None,
) -> Found:
    """The best geometry near this one.

    The beam centre is looked for within REACH_M each way, the distance within REACH_DISTANCE, each where it is free;
    rotations stay. Where ``stop`` is set meanwhile it ends early, with what it has.
    """
    places = _places(bright, geometry, shape)
    step_m = REACH_M / STEPS
    scale = np.array([step_m, step_m, step_m / places.largest_m])
    free = np.array([centre, centre, distance])
    fine = _fine_comb(geometry, standard)
    if not free.any():
        return Found(geometry, fine.score(places.steepness(np.zeros(3))))
    coarse = _Comb(_steepest(standard, geometry.wavelength_A), geometry.distance_m, 0.8 * step_m)
    trials = [np.zeros(3), *_candidates(places, coarse, scale, free, stop or threading.Event())]
    followed = [_followed(places, (coarse, fine), trial, scale, free) for trial in trials]
    best = max(followed, key=lambda trial: fine.score(places.steepness(trial)))
    found = replace(
        geometry,
        poni1_m=geometry.poni1_m + float(best[0]),
        poni2_m=geometry.poni2_m + float(best[1]),
        distance_m=geometry.distance_m * (1.0 + float(best[2])),
        text="",
        sha256="",
    )
    return Found(found, fine.score(places.steepness(best)))


def _places(bright: BrightPixels, geometry: Geometry, shape: tuple[int, int]) -> "_Places":
    detector = azimuthal_integrator(geometry, shape).detector
    up, side, _ = detector.calc_cartesian_positions(bright.rows.astype(float), bright.columns.astype(float))
    return _Places(geometry, np.asarray(up, float), np.asarray(side, float))


def _fine_comb(geometry: Geometry, standard: Standard) -> "_Comb":
    tooth_m = max(0.4 * REACH_M / STEPS, geometry.pixel1_m)
    return _Comb(_steepest(standard, geometry.wavelength_A), geometry.distance_m, tooth_m)


def _steepest(standard: Standard, wavelength_A: float) -> Floats:
    angles = np.radians([two_theta_deg(line.d_A, wavelength_A) for line in standard.lines])
    steep = np.tan(angles[np.isfinite(angles) & (angles < np.pi / 2.0)])
    return np.asarray(np.unique(steep[steep < STEEPEST]))


class _Places:
    """Places of pixels on the detector (metres), and tan 2θ of each for a trial.

    A trial: two shifts of the beam centre in metres, and a relative change of the distance.
    """

    def __init__(self, geometry: Geometry, up: Floats, side: Floats) -> None:
        self._up, self._side, self._length = up - geometry.poni1_m, side - geometry.poni2_m, geometry.distance_m
        self._one = np.sin(geometry.rot1_rad), np.cos(geometry.rot1_rad)
        self._two = np.sin(geometry.rot2_rad), np.cos(geometry.rot2_rad)
        self.largest_m = float(np.hypot(self._up, self._side).max(initial=geometry.pixel1_m))

    def steepness(self, trial: Floats) -> Floats:
        """pyFAI's axes and rotations (J. Kieffer and J. P. Wright, Powder Diffr. 28, S339 (2013)); no rot3."""
        up, side, length = self._up - trial[0], self._side - trial[1], self._length * (1.0 + trial[2])
        (sin1, cos1), (sin2, cos2) = self._one, self._two
        forward = length * cos1 - side * sin1
        y = up * cos2 - forward * sin2
        x = side * cos1 + length * sin1
        along = up * sin2 + forward * cos2
        return np.asarray(np.where(along > 0.0, np.hypot(x, y) / np.maximum(along, 1e-9), np.inf))


class _Comb:
    """Teeth at the rings, as a table over tan 2θ; lowered so that pixels anywhere score 0 in the mean."""

    def __init__(self, steepest: Floats, distance_m: float, tooth_m: float) -> None:
        width = tooth_m / distance_m
        self._per = TABLE_PER_TOOTH / width
        grid = np.arange(0, int(STEEPEST * self._per) + 2) / self._per
        places = np.searchsorted(steepest, grid)
        nearest = np.minimum(
            np.abs(grid - steepest[np.minimum(places, len(steepest) - 1)]),
            np.abs(grid - steepest[np.maximum(places - 1, 0)]),
        )
        teeth = np.exp(-0.5 * (nearest / width) ** 2)
        self._table = np.append(teeth - uniform_filter(teeth, 24 * TABLE_PER_TOOTH, mode="nearest"), 0.0)

    def score(self, steepness: Floats) -> float:
        place = np.minimum(steepness * self._per, len(self._table) - 1).astype(np.intp)
        return float(self._table[place].mean()) if len(place) else 0.0


def _candidates(
    places: _Places, comb: _Comb, scale: Floats, free: NDArray[np.bool_], stop: threading.Event
) -> list[Floats]:
    """The best trials of the grid, best first."""
    shifts = np.arange(-STEPS, STEPS + 1) * scale[0] if free[0] else np.zeros(1)
    count = max(1, round(REACH_DISTANCE / scale[2])) if free[2] else 0
    trials = [
        np.array([up, side, number * scale[2]])
        for number in range(-count, count + 1)
        for up in shifts
        for side in shifts
    ]
    scores = [comb.score(places.steepness(trial)) for trial in trials if not stop.is_set()]
    return [trials[number] for number in np.argsort(scores)[::-1][:CANDIDATES]]


def _followed(places: _Places, combs: Sequence[_Comb], trial: Floats, scale: Floats, free: NDArray[np.bool_]) -> Floats:
    """Uphill from a trial, with one comb after the other."""

    def filled(values: Floats) -> Floats:
        whole = trial.copy()
        whole[free] = values
        return whole

    values = trial[free]
    for comb in combs:

        def height(point: Floats, comb: _Comb = comb) -> float:
            return -comb.score(places.steepness(filled(point)))

        simplex = np.vstack([values, values + np.diag(0.7 * scale[free])])
        options: Any = {"initial_simplex": simplex, "maxfev": 200, "xatol": 1e-6, "fatol": 1e-5}
        values = np.asarray(minimize(height, values, method="Nelder-Mead", options=options).x)
    return filled(values)
