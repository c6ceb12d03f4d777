"""A geometry and a frame of a standard: looked at, tried in all orientations, refined, kept. Slow: for a thread."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.checks.geometry_report import lines_of
from latticewatch.app.run.images_again import Picture, picture_of
from latticewatch.app.window.geometry_words import Trial, place_lines
from latticewatch.processing.calibration.check import (
    StandardFrame,
    accuracy_of,
    check_frame,
    left_out,
    read_frame,
    user_mask,
)
from latticewatch.processing.calibration.poni_file import poni_text
from latticewatch.processing.calibration.refined import Part, Place, Refined, place_of, refine
from latticewatch.processing.calibration.ring_search import BrightPixels, bright_pixels, score_of, search
from latticewatch.processing.config.accuracy_file import SUFFIX, accuracy_toml
from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.crystal.standard import Standard, read_standard
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.refinement.single_lines.geometry_check import GeometryCheck
from latticewatch.widgets.pattern_view import Ticks

BETTER_BY = 0.05
ORIENTATIONS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user chose. orientation: None: as the poni says."""

    frame: Path
    calibrant: str
    poni: Path
    mask: Path | None = None
    orientation: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One geometry and what the rings say of it.

    score: how well its rings meet what is bright. check: None where no ring is where it must be, with the reason in
    ``why``. refined: None of the geometry as it was given.
    """

    geometry: Geometry
    place: Place
    score: float
    picture: Picture
    ticks: tuple[Ticks, ...]
    check: GeometryCheck | None
    why: str = ""
    refined: Refined | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A frame with its standard, and the geometry as it was given. masked: (rows, columns), without a count.

    trials: of the four orientations.
    """

    asked: Asked
    frame: StandardFrame
    standard: Standard
    mask: NDArray[np.bool_]
    masked: NDArray[np.bool_]
    bright: BrightPixels
    start: Standing
    trials: tuple[Trial, ...]


def opened(asked: Asked, stop: threading.Event) -> Opened:
    """Read what was chosen and look at it. Raises UserError for what cannot be used."""
    geometry = read_geometry(asked.poni, asked.orientation)
    standard = read_standard(asked.calibrant, geometry.wavelength_A)
    frame = read_frame(asked.frame)
    mask = user_mask(frame, asked.mask, geometry)
    masked = left_out(frame, mask, geometry)
    bright = bright_pixels(frame.counts.astype(np.float64), masked)
    if not len(bright.rows):
        raise UserError(
            f"{asked.frame}: nothing in it is brighter than its neighbourhood; give a frame of the standard"
        )
    start = _standing(frame, standard, mask, masked, bright, geometry)
    trials = _trials(frame, standard, bright, geometry, stop)
    return Opened(asked, frame, standard, mask, masked, bright, start, trials)


def refined(of: Opened, geometry: Geometry, parts: Sequence[Part], stop: threading.Event) -> Standing:
    """This geometry with these parts refined. Raises UserError where the rings do not tell them."""
    shape, standard = of.frame.shape, of.standard
    if not parts:
        raise UserError("nothing is free: choose distance, centre or tilt")
    near = search(
        of.bright, geometry, standard, shape, centre="centre" in parts, distance="distance" in parts, stop=stop
    )
    before = score_of(of.bright, geometry, standard, shape)
    start = near.geometry if near.score > before + BETTER_BY else geometry
    if max(before, near.score) < of.bright.least_score:
        raise UserError(
            f"no rings of {standard.name} are found within 6 mm of the beam centre and 5 % of the distance; check the "
            "calibrant, the wavelength and the mask"
        )
    result = refine(of.frame.counts.astype(np.float64), of.masked, start, standard, parts, stop)
    standing = _standing(of.frame, standard, of.mask, of.masked, of.bright, result.geometry)
    return replace(standing, place=result.place, refined=result)


def save(of: Opened, standing: Standing, poni: Path) -> Path:
    """Write the geometry, its accuracy and the report; the path of the poni. Raises UserError, also for one that is
    there already.

    poni: a name that is free. Nothing is written over.
    """
    standard, frame = of.standard, of.frame
    # pyFAI turns a plain grid of pixels only where it knows its shape.
    geometry = replace(standing.geometry, shape=standing.geometry.shape or frame.shape)
    if poni.suffix.lower() != ".poni":
        raise UserError(f"{poni}: is no name of a geometry; end it in .poni")
    if standing.check is None:
        raise UserError("this geometry has no ring where it must be; refine it before it is kept")
    beside = [poni, poni.with_suffix(SUFFIX), poni.with_suffix(".txt")]
    there = next((path for path in beside if path.exists()), None)
    if there is not None:
        raise UserError(f"{there}: is there already, and is kept; choose another name")
    comments = [f"refined by {standard.name} in {frame.name}, from {of.asked.poni.name}"]
    content = poni_text(geometry, [comment.encode("ascii", "replace").decode() for comment in comments]).encode()
    write_whole(poni, content)
    written = read_geometry(poni)
    accuracy = accuracy_of(standing.check, standard, frame, poni.name, written.sha256, written.orientation)
    write_whole(beside[1], accuracy_toml(accuracy).encode())
    write_whole(beside[2], "\n".join([*report_of(of, standing), ""]).encode())
    return poni


def free_name(poni: Path) -> Path:
    """``NAME_refined.poni`` beside this one, or the next one whose files are not there yet."""
    name = poni.stem.removesuffix("_refined")
    for number in range(1, 1000):
        candidate = poni.with_name(f"{name}_refined{'' if number == 1 else f'_{number}'}.poni")
        if not any(candidate.with_suffix(suffix).exists() for suffix in (".poni", SUFFIX, ".txt")):
            return candidate
    raise UserError(f"{poni}: a thousand refined ones lie beside it; choose another name")


def report_of(of: Opened, standing: Standing) -> list[str]:
    """The report, line by line."""
    told = [
        f"geometry {of.asked.poni.name} by {of.standard.name} in {of.frame.name}, orientation "
        f"{standing.geometry.orientation}",
        "",
        *place_lines(of.start.place, standing.place),
    ]
    if standing.refined is not None:
        told.append(
            f"{standing.refined.points} points on {standing.refined.rings} rings, {standing.refined.rms_px:.3f} pixels "
            "off in the root mean square"
        )
    for title, each in (("before", of.start), ("after", standing)):
        lines = [each.why] if each.check is None else lines_of(each.check, of.standard.name)
        told += ["", f"{title}:", *lines]
    return told


def _standing(
    frame: StandardFrame,
    standard: Standard,
    mask: NDArray[np.bool_],
    masked: NDArray[np.bool_],
    bright: BrightPixels,
    geometry: Geometry,
) -> Standing:
    check, why = None, ""
    score = score_of(bright, geometry, standard, frame.shape)
    try:
        check = check_frame(frame, geometry, mask, standard) if score >= bright.least_score else None
    except UserError as error:
        why = str(error)
    if check is None:
        why = why or f"the rings of {standard.name} are not where this geometry puts them"
    angles = np.asarray(azimuthal_integrator(geometry, frame.shape).center_array(frame.shape, unit="2th_deg"))
    lines = [(two_theta_deg(line.d_A, geometry.wavelength_A), line.hkl) for line in standard.lines]
    on_it = sorted((angle, hkl) for angle, hkl in lines if angles.min() < angle < angles.max())
    ticks = Ticks(standard.name, np.array([angle for angle, _ in on_it]), tuple(hkl for _, hkl in on_it))
    return Standing(
        geometry=geometry,
        place=place_of(geometry, frame.shape),
        score=score,
        picture=picture_of(frame.counts, angles, masked),
        ticks=(ticks,),
        check=check,
        why=why,
    )


def _trials(
    frame: StandardFrame, standard: Standard, bright: BrightPixels, geometry: Geometry, stop: threading.Event
) -> tuple[Trial, ...]:
    """All four orientations; where none has its rings at their places, how far each one's centre would have to go."""
    turned = [replace(geometry, orientation=orientation) for orientation in ORIENTATIONS]
    scores = [score_of(bright, each, standard, frame.shape) for each in turned]
    least = bright.least_score
    if max(scores) >= least:
        return tuple(Trial(each.orientation, score, score >= least) for each, score in zip(turned, scores, strict=True))
    trials = []
    for each, score in zip(turned, scores, strict=True):
        near = search(bright, each, standard, frame.shape, stop=stop)
        up, side = near.geometry.poni1_m - each.poni1_m, near.geometry.poni2_m - each.poni2_m
        found = near.score >= least and not stop.is_set()
        trials.append(Trial(each.orientation, score, False, 1e3 * float(np.hypot(up, side)) if found else None))
    return tuple(trials)
