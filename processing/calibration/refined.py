"""A geometry refined by the rings of a standard, with pyFAI's own refinement."""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from latticewatch.processing.calibration.control_points import ControlPoints, control_points
from latticewatch.processing.crystal.standard import Standard
from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry

Floats = NDArray[np.float64]
Part = Literal["distance", "centre", "tilt", "wavelength"]

PARTS: dict[Part, tuple[str, ...]] = {
    "distance": ("dist",),
    "centre": ("poni1", "poni2"),
    "tilt": ("rot1", "rot2"),
    "wavelength": ("wavelength",),
}
ORDER = ("dist", "poni1", "poni2", "rot1", "rot2", "wavelength")
SCALES = np.array([1e-3, 1e-3, 1e-3, 1e-2, 1e-2, 1e-3])  # metres, radians, Å
# How far from a ring its line is looked for: at first, and later in times its σ, but not nearer than the last.
WIDEST_PX, WIDTHS, NARROWEST_WINDOW_PX = 10.0, 4.0, 4.0
MOST_ROUNDS, SETTLED_PX = 10, 0.005
MOST_CALLS, SETTLED_SIGMAS = 8, 0.01
OUTLYING = 5.0
FEWEST_POINTS = 20
LEAST_TOLD = 1e-12  # smallest against largest eigenvalue of the normal matrix, scaled


@dataclass(frozen=True, slots=True)
class Value:
    """A number and its esd, which is NaN where it was not refined."""

    value: float
    esd: float = math.nan


@dataclass(frozen=True, slots=True)
class Place:
    """A geometry as people think of it. distance_mm: from the sample to the point of normal incidence. row, column:
    where the beam meets the image as read, in pixels (whole numbers are pixel centres). rot1_deg, rot2_deg: tilt.
    """

    distance_mm: Value
    row: Value
    column: Value
    rot1_deg: Value
    rot2_deg: Value
    wavelength_A: Value


@dataclass(frozen=True, slots=True)
class Refined:
    """What the rings made of a geometry.

    points, rings: what it rests on. rms_px: how far the points lie from their rings, in pixels. place: with esds.
    """

    geometry: Geometry
    place: Place
    points: int
    rings: int
    rms_px: float


def place_of(geometry: Geometry, shape: tuple[int, int], covariance: Floats | None = None) -> Place:
    """The geometry of images of this shape as a Place. covariance: (6, 6) in ORDER; without it no esds."""
    detector = azimuthal_integrator(geometry, shape).detector
    rows, columns = np.array([0.0, shape[0] - 1.0, 0.0]), np.array([0.0, 0.0, shape[1] - 1.0])
    up, side, _ = detector.calc_cartesian_positions(rows, columns)
    start = _parameters(geometry)

    def derived(parameters: Floats) -> Floats:
        length, poni1, poni2, rot1, rot2, wavelength = parameters
        beam1 = poni1 + length * math.tan(rot2) / math.cos(rot1)
        beam2 = poni2 - length * math.tan(rot1)
        row = (beam1 - up[0]) / (up[1] - up[0]) * (shape[0] - 1.0)
        column = (beam2 - side[0]) / (side[2] - side[0]) * (shape[1] - 1.0)
        return np.array([1e3 * length, row, column, math.degrees(rot1), math.degrees(rot2), wavelength])

    values, esds = derived(start), np.full(6, math.nan)
    if covariance is not None:
        slopes = np.stack(
            [(derived(start + step) - derived(start - step)) / (2.0 * step.sum()) for step in np.diag(1e-3 * SCALES)]
        )
        esds = np.sqrt(np.maximum(np.einsum("pi,pq,qi->i", slopes, covariance, slopes), 0.0))
        esds[esds == 0.0] = math.nan
    return Place(*(Value(float(value), float(esd)) for value, esd in zip(values, esds, strict=True)))


def refine(
    counts: Floats,
    masked: NDArray[np.bool_],
    geometry: Geometry,
    standard: Standard,
    parts: Sequence[Part],
    stop: threading.Event | None = None,
) -> Refined:
    """Refine these parts of a geometry that has each ring nearer to its place than to its neighbours.

    counts, masked: (rows, columns). Points are taken from the image again with each new geometry, until it stands
    still. Raises UserError where there are too few rings, or where they do not tell all that is to be refined.
    """
    shape = (counts.shape[0], counts.shape[1])
    fitted = _round(counts, masked, geometry, standard, parts, WIDEST_PX)
    for _ in range(MOST_ROUNDS):
        before = fitted
        pixel_rad = min(geometry.pixel1_m, geometry.pixel2_m) / fitted.geometry.distance_m
        window_px = float(np.clip(WIDTHS * fitted.points.width_rad / pixel_rad, NARROWEST_WINDOW_PX, WIDEST_PX))
        fitted = _round(counts, masked, before.geometry, standard, parts, window_px)
        if _moved_px(before, fitted, shape) < SETTLED_PX or (stop is not None and stop.is_set()):
            break
    return Refined(
        geometry=fitted.geometry,
        place=place_of(fitted.geometry, shape, fitted.covariance),
        points=len(fitted.points.rows),
        rings=len(np.unique(fitted.points.ring)),
        rms_px=fitted.rms_px,
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    geometry: Geometry
    points: ControlPoints
    covariance: Floats
    rms_px: float


def _round(
    counts: Floats,
    masked: NDArray[np.bool_],
    geometry: Geometry,
    standard: Standard,
    parts: Sequence[Part],
    window_px: float,
) -> _Fitted:
    """Points taken with this geometry, and the geometry that they ask for."""
    shape = (counts.shape[0], counts.shape[1])
    points = control_points(counts, masked, azimuthal_integrator(geometry, shape), standard, window_px)
    _check_enough(points, standard, parts)
    fitted = _fitted(geometry, shape, points, standard, parts)
    rest = np.abs(_residuals(geometry, shape, points, standard)(_parameters(fitted.geometry)))
    kept = rest < OUTLYING * 1.4826 * max(float(np.median(rest)), float(np.median(points.esd_rad)))
    if kept.all():
        return fitted
    points = points.chosen(kept)
    _check_enough(points, standard, parts)
    return _fitted(fitted.geometry, shape, points, standard, parts)


def _fitted(
    geometry: Geometry, shape: tuple[int, int], points: ControlPoints, standard: Standard, parts: Sequence[Part]
) -> _Fitted:
    """Weighted least squares of 2θ; where points scatter by more than their esds, the scatter is in their weights."""
    free = [name in {each for part in parts for each in PARTS[part]} for name in ORDER]
    start = _parameters(geometry)
    off = _residuals(geometry, shape, points, standard)
    rest = off(start)
    for _ in range(MOST_CALLS):
        scatter = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
        extra = max(0.0, scatter**2 - float(np.median(points.esd_rad**2)))
        weights = 1.0 / np.sqrt(points.esd_rad**2 + extra)

        def weighted(moves: Floats, start: Floats = start, weights: Floats = weights) -> Floats:
            return off(_moved(start, free, moves)) * weights

        found = least_squares(weighted, np.zeros(np.count_nonzero(free)), method="lm")
        start = _moved(start, free, found.x)
        before, rest = rest, off(start)
        if float(np.max(np.abs(rest - before) * weights)) < SETTLED_SIGMAS:
            break
    slopes = [(off(start + step) - off(start - step)) / (2.0 * step.sum()) for step in np.diag(1e-3 * SCALES)]
    covariance = _covariance(np.stack(slopes, axis=1) * weights[:, None], free, rest * weights)
    pixel_rad = min(geometry.pixel1_m, geometry.pixel2_m) / geometry.distance_m
    return _Fitted(_with(geometry, start), points, covariance, float(np.sqrt(np.mean(rest**2))) / pixel_rad)


def _residuals(
    geometry: Geometry, shape: tuple[int, int], points: ControlPoints, standard: Standard
) -> Callable[[Floats], Floats]:
    """pyFAI's own: 2θ of each point less that of its ring (rad), as a function of the parameters in ORDER."""
    from pyFAI.calibrant import Calibrant  # slow to load: pyFAI
    from pyFAI.geometryRefinement import GeometryRefinement  # slow to load: pyFAI

    wavelength_m = geometry.wavelength_A * 1e-10
    refinement = GeometryRefinement(
        data=np.stack([points.rows, points.columns, points.ring], axis=1),
        calibrant=Calibrant(dspacing=[line.d_A for line in standard.lines], wavelength=wavelength_m),
        dist=geometry.distance_m,
        poni1=geometry.poni1_m,
        poni2=geometry.poni2_m,
        rot1=geometry.rot1_rad,
        rot2=geometry.rot2_rad,
        rot3=geometry.rot3_rad,
        detector=azimuthal_integrator(geometry, shape).detector,
        wavelength=wavelength_m,
    )

    def off(parameters: Floats) -> Floats:
        place = [*parameters[:5], geometry.rot3_rad, parameters[5]]
        return np.asarray(refinement.residu1_wavelength(place, points.rows, points.columns, points.ring), np.float64)

    return off


def _moved(start: Floats, free: list[bool], moves: Floats) -> Floats:
    """Parameters in ORDER; moves: of those that are free, in their SCALES."""
    moved = start.copy()
    moved[free] += moves * SCALES[free]
    return moved


def _check_enough(points: ControlPoints, standard: Standard, parts: Sequence[Part]) -> None:
    needed = sum(len(PARTS[part]) for part in parts)
    if len(points.rows) < max(FEWEST_POINTS, 3 * needed):
        raise UserError(
            f"only {len(points.rows)} points on rings of {standard.name} are seen near where this geometry puts them; "
            "check the frame, the calibrant and the mask, or begin with a geometry that is nearer"
        )


def _parameters(geometry: Geometry) -> Floats:
    """In ORDER: metres, radians, Å."""
    return np.array(
        [
            geometry.distance_m,
            geometry.poni1_m,
            geometry.poni2_m,
            geometry.rot1_rad,
            geometry.rot2_rad,
            geometry.wavelength_A,
        ]
    )


def _with(geometry: Geometry, parameters: Floats) -> Geometry:
    length, poni1, poni2, rot1, rot2, wavelength = (float(value) for value in parameters)
    return replace(
        geometry,
        distance_m=length,
        poni1_m=poni1,
        poni2_m=poni2,
        rot1_rad=rot1,
        rot2_rad=rot2,
        wavelength_A=wavelength,
        text="",
        sha256="",
    )


def _covariance(jacobian: Floats, free: list[bool], rest: Floats) -> Floats:
    """(6, 6) in ORDER, 0 where a parameter is fixed. Raises UserError where the points leave a combination open."""
    chosen = jacobian[:, free]
    scale = np.linalg.norm(chosen, axis=0)
    values, vectors = np.linalg.eigh((chosen / scale).T @ (chosen / scale))
    if values[0] < LEAST_TOLD * values[-1]:
        raise UserError(
            "the rings of this frame do not tell all that is to be refined: more of each ring must be on the detector, "
            "or fewer parts must be free; keep the tilt or the wavelength as it is"
        )
    inverse = (vectors / values) @ vectors.T / np.outer(scale, scale)
    chi2 = float(rest @ rest) / max(len(rest) - int(np.count_nonzero(free)), 1)
    covariance = np.zeros((len(ORDER), len(ORDER)))
    covariance[np.ix_(free, free)] = inverse * max(1.0, chi2)
    return covariance


def _moved_px(before: _Fitted, after: _Fitted, shape: tuple[int, int]) -> float:
    """How far the rings moved over the image from one geometry to the other, at most, in pixels."""
    points = after.points
    one, other = (azimuthal_integrator(each.geometry, shape) for each in (before, after))
    moved = np.abs(one.tth(points.rows, points.columns) - other.tth(points.rows, points.columns))
    pixel_rad = min(after.geometry.pixel1_m, after.geometry.pixel2_m) / after.geometry.distance_m
    return float(np.max(moved)) / pixel_rad
