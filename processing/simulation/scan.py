"""A scan with known truth, written as a beamline writes it."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.processing.simulation.detector import (
    PIXEL_M,
    POLARIZATION,
    Detector,
    beam_centre_px,
    detector_named,
    pixels_of,
    poni_text,
)
from latticewatch.processing.simulation.image import Exposure, exposure, image
from latticewatch.processing.simulation.patterns import exposed, frame_generator
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, Recipe, recipe_named
from latticewatch.processing.simulation.sheets import experiment_text, truth_header, truth_row
from latticewatch.processing.simulation.truth import Truth

FIRST_STAMP = datetime(2019, 6, 14, 10, 0, 0)  # local time without a zone, as detectors write it
NOMINAL_FLUX = 1e11
# Frames computed at a time, and so at most waiting to be written.
AHEAD = 2
PONI, EXPERIMENT, TRUTH = "geometry.poni", "experiment.toml", "truth.csv"


@dataclass(frozen=True, slots=True)
class _Drawn:
    name: str
    content: bytes
    row: str


def write_scan(
    recipe: Recipe | str,
    folder: Path,
    *,
    frames: int | None = None,
    seed: int = 0,
    detector: str = "pilatus2m",
    speed: float | None = None,
    first: int = 0,
    stop: threading.Event | None = None,
    on_frame: Callable[[Path], None] | None = None,
) -> int:
    """Write a recipe's frames with geometry.poni, experiment.toml and truth.csv; the number of frames written.

    frames: how many, the recipe's where left out. speed: times the real pace, as fast as it goes where left out.
    first: number of the first frame; from 1 on, a scan begun before is continued. stop: ends the scan early.
    on_frame: told of every file once it has its final name. The same seed writes the same bytes.
    Raises UserError for an unknown recipe or detector, a folder that holds a scan, and a disk that refuses.
    """
    recipe = recipe_named(recipe) if isinstance(recipe, str) else recipe
    place = detector_named(detector)
    numbers = range(first, first + (max(recipe.frames - first, 0) if frames is None else frames))
    try:
        _begin(folder, recipe, place, continued=first > 0)
        prepared = exposure(recipe, pixels_of(place, seed))

        def drawn(number: int) -> _Drawn:
            return _drawn(recipe, place, prepared, seed, number)

        pace = None if speed is None else recipe.frame_period_s / speed
        with closing(_ahead(drawn, numbers)) as coming:
            return _write_all(folder, coming, pace, stop or threading.Event(), on_frame)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); give a folder on a disk with room") from None


def frame_name(recipe: Recipe, number: int) -> str:
    """File name of frame ``number`` (0-based), numbered from 1 as at SNBL."""
    return f"{recipe.name}_0001p_{number + 1:05d}.cbf"


def _begin(folder: Path, recipe: Recipe, detector: Detector, *, continued: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sheets = {PONI: poni_text(detector), EXPERIMENT: experiment_text(recipe, PONI), TRUTH: truth_header(recipe)}
    taken = [path.name for path in sorted(folder.iterdir()) if path.suffix == ".cbf" or path.name in sheets]
    if taken and not continued:
        raise UserError(f"{folder}: holds {taken[0]} already; give a new folder")
    for name, text in sheets.items():
        if name not in taken:
            (folder / name).write_text(text, encoding="utf-8")


def _write_all(
    folder: Path,
    frames: Iterator[_Drawn],
    pace_s: float | None,
    stop: threading.Event,
    on_frame: Callable[[Path], None] | None,
) -> int:
    written, begun = 0, time.monotonic()
    with (folder / TRUTH).open("a", encoding="utf-8") as truth:
        for frame in frames:
            # Every frame is due from the start, so that delays do not add up.
            if stop.wait(0.0 if pace_s is None else max(0.0, begun + written * pace_s - time.monotonic())):
                break
            path = folder / frame.name
            hidden = folder / f".{frame.name}.tmp"
            hidden.write_bytes(frame.content)
            truth.write(frame.row)
            truth.flush()
            hidden.replace(path)
            written += 1
            if on_frame:
                on_frame(path)
    return written


def _ahead(drawn: Callable[[int], _Drawn], numbers: range) -> Generator[_Drawn, None, None]:
    """The frames in order, the next ones being computed meanwhile; closing it drops what is not begun."""
    pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="simulate")
    waiting: list[Future[_Drawn]] = []
    try:
        for number in numbers:
            waiting.append(pool.submit(drawn, number))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _drawn(recipe: Recipe, detector: Detector, prepared: Exposure, seed: int, number: int) -> _Drawn:
    rng = frame_generator(seed, number)
    truth = exposed(recipe, number, rng)
    name = frame_name(recipe, number)
    content = cbf_bytes(image(truth, prepared, rng), name.removesuffix(".cbf"), _header(recipe, detector, truth))
    return _Drawn(name, content, truth_row(number, name, truth))


def _header(recipe: Recipe, detector: Detector, truth: Truth) -> list[str]:
    column, row = beam_centre_px(detector)
    stamp = FIRST_STAMP + timedelta(seconds=truth.time_s)
    return [
        f"Detector: {detector.label}, S/N 00-0000 simulated",
        stamp.isoformat(timespec="milliseconds"),
        f"Pixel_size {PIXEL_M * 1e6:.0f}e-6 m x {PIXEL_M * 1e6:.0f}e-6 m",
        "Silicon sensor, thickness 0.000450 m",
        f"Exposure_time {recipe.exposure_s:.7f} s",
        f"Exposure_period {recipe.frame_period_s:.7f} s",
        "Tau = 0 s",
        "Count_cutoff 1048574 counts",
        "Threshold_setting: 9675 eV",
        "Gain_setting: low gain (vrf = -0.300)",
        "Excluded_pixels: none",
        "Flat_field: (nil)",
        f"Wavelength {WAVELENGTH_A:.5f} A",
        f"Detector_distance {detector.distance_m:.5f} m",
        f"Beam_xy ({column:.2f}, {row:.2f}) pixels",
        f"Flux {round(NOMINAL_FLUX * truth.flux)}",
        f"Polarization {POLARIZATION:.3f}",
        "Omega 0.0000 deg.",
        "Temperature 295.0",
    ]
