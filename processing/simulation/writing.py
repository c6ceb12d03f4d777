"""Writing the frames of a simulated scan, as a beamline writes them."""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.simulation.detector import PIXEL_M, POLARIZATION, Detector, beam_centre_px
from latticewatch.processing.simulation.recipes import WAVELENGTH_A

FIRST_STAMP = datetime(2019, 6, 14, 10, 0, 0)  # local time without a zone, as detectors write it
NOMINAL_FLUX = 1e11
# Frames computed at a time, and so at most waiting to be written.
AHEAD = 2
PONI, EXPERIMENT, TRUTH = "geometry.poni", "experiment.toml", "truth.csv"


@dataclass(frozen=True, slots=True)
class Drawn:
    """One frame: its file's name and content, and its line of truth.csv."""

    name: str
    content: bytes
    row: str


@dataclass(frozen=True, slots=True)
class Script:
    """All that is written of one scan.

    sheets: text of the files beside the frames by name; truth.csv is one, with its header. frame: draws frame
    ``number``, the same whichever are drawn before it; may be called from several threads.
    """

    frames: int
    period_s: float
    sheets: Mapping[str, str]
    frame: Callable[[int], Drawn]


def begin(folder: Path, sheets: Mapping[str, str], *, continued: bool) -> None:
    """Make the folder and write the sheets. Raises UserError where it holds a scan that is not to be continued."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = [path.name for path in sorted(folder.iterdir()) if path.suffix == ".cbf" or path.name in sheets]
    if taken and not continued:
        raise UserError(f"{folder}: holds {taken[0]} already; give a new folder")
    for name, text in sheets.items():
        if name not in taken:
            (folder / name).write_text(text, encoding="utf-8")


def write_frames(
    folder: Path,
    script: Script,
    numbers: range,
    pace_s: float | None,
    stop: threading.Event,
    on_frame: Callable[[Path], None] | None,
) -> int:
    """Write these frames, at this pace in seconds or as fast as it goes; the number written before ``stop``."""
    written, begun = 0, time.monotonic()
    with closing(_ahead(script.frame, numbers)) as frames, (folder / TRUTH).open("a", encoding="utf-8") as truth:
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


def header_lines(detector: Detector, time_s: float, exposure_s: float, period_s: float, flux: float) -> list[str]:
    """A PILATUS header. flux: relative to nominal."""
    column, row = beam_centre_px(detector)
    stamp = FIRST_STAMP + timedelta(seconds=time_s)
    return [
        f"Detector: {detector.label}, S/N 00-0000 simulated",
        stamp.isoformat(timespec="milliseconds"),
        f"Pixel_size {PIXEL_M * 1e6:.0f}e-6 m x {PIXEL_M * 1e6:.0f}e-6 m",
        "Silicon sensor, thickness 0.000450 m",
        f"Exposure_time {exposure_s:.7f} s",
        f"Exposure_period {period_s:.7f} s",
        "Tau = 0 s",
        "Count_cutoff 1048574 counts",
        "Threshold_setting: 9675 eV",
        "Gain_setting: low gain (vrf = -0.300)",
        "Excluded_pixels: none",
        "Flat_field: (nil)",
        f"Wavelength {WAVELENGTH_A:.5f} A",
        f"Detector_distance {detector.distance_m:.5f} m",
        f"Beam_xy ({column:.2f}, {row:.2f}) pixels",
        f"Flux {round(NOMINAL_FLUX * flux)}",
        f"Polarization {POLARIZATION:.3f}",
        "Omega 0.0000 deg.",
        "Temperature 295.0",
    ]


def _ahead(drawn: Callable[[int], Drawn], numbers: range) -> Generator[Drawn, None, None]:
    """The frames in order, the next ones being computed meanwhile; closing it drops what is not begun."""
    pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="simulate")
    waiting: list[Future[Drawn]] = []
    try:
        for number in numbers:
            waiting.append(pool.submit(drawn, number))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
