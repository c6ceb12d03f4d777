"""Live: from a file that is closed to its lattice parameter on the disk, and where the time goes."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np

from latticewatch.app.run.decisions import decide
from latticewatch.app.run.open_session import open_session
from latticewatch.app.run.request import Request
from latticewatch.processing.files.frame_names import FrameName
from latticewatch.processing.pipeline import loop
from latticewatch.processing.sources.folder.listing import FolderListing
from tests.benchmarks.speed.inputs import Scan
from tests.benchmarks.speed.staged import Notes, staged
from tests.benchmarks.speed.table import Figure, Section, figure_of

RATE_HZ = 10.0
TRACKED = 30  # frames until broken pixels are known and the fit tracks: counted apart
STEPS = (
    ("seen in the folder", "closed", "seen"),
    ("read, MD5 verified", "seen", "read"),
    ("handed to the loop", "read", "drawn"),
    ("decoded and integrated", "drawn", "integrated"),
    ("fitted", "integrated", "fitted"),
    ("judged", "fitted", "judged"),
    ("recorded: on the disk", "judged", "recorded"),
    ("closed to recorded", "closed", "recorded"),
)


def live_section(scan: Scan, title: str, folder: Path) -> Section:
    """Watch a folder into which the scan's frames come at 10 a second, written by another process."""
    (folder / "live").mkdir(parents=True)
    for name in ("geometry.poni", "experiment.toml"):
        shutil.copy(scan.folder / name, folder / "live" / name)
    clocks = _watched(scan, folder / "live", folder / "run.h5")
    section = Section(title)
    frames = [index for index in range(TRACKED, scan.frames) if all(index in clocks[name] for name in _names())]
    frames = frames or [index for index in range(scan.frames) if all(index in clocks[name] for name in _names())]
    for name, begin, end in STEPS:
        section.figures.append(figure_of(name, [1e3 * (clocks[end][k] - clocks[begin][k]) for k in frames]))
    lags = np.array([1e3 * (clocks["recorded"][k] - clocks["closed"][k]) for k in frames])
    median, late = float(np.median(lags)), float(np.quantile(lags, 0.99))
    section.figures.append(Figure("closed to recorded, 99 % within", late))
    section.figures.append(Figure("closed to recorded, the most", float(lags.max())))
    section.at_most("closed to recorded, median (CBF prove themselves: no settle time)", median, 30, " ms")
    section.at_most("99 % against the median", late / median, 3, " x")
    section.facts = {"frames": len(frames), "frames a second": RATE_HZ}
    return section


def _names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, *pair in STEPS for name in pair))


def _watched(scan: Scan, folder: Path, out: Path) -> Mapping[str, Mapping[int, float]]:
    """Clock of each step by frame."""
    notes, seen, stop = Notes(), dict[str, float](), threading.Event()
    index_of = {path.name: number for number, path in enumerate(scan.files)}
    # The first image opens the session: what compiles or loads does so before the clock starts.
    with patch.object(FolderListing, "new_frames", _noting(FolderListing.new_frames, seen)):
        plan = decide(Request(folder, live=True, out=out, frame_limit=scan.frames))
        command = [sys.executable, "-m", "tests.benchmarks.speed.writer", str(scan.folder), str(folder), str(RATE_HZ)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            with open_session(plan, stop) as session:
                assert session is not None
                loop.run(staged(session.pipeline, notes), stop)
            assert writer.stdout is not None
            closed = {name: float(clock) for name, clock in (line.split() for line in writer.stdout)}
    clocks: dict[str, dict[int, float]] = {name: dict(values) for name, values in notes.ends.items()}
    clocks["closed"] = {index_of[name]: clock for name, clock in closed.items()}
    clocks["seen"] = {index_of[name]: max(clock, closed[name]) for name, clock in seen.items() if name in index_of}
    return clocks


def _noting(inner: Callable[..., list[FrameName]], seen: dict[str, float]) -> Callable[..., list[FrameName]]:
    def new_frames(*arguments: object) -> list[FrameName]:
        names = inner(*arguments)
        for name in names:
            seen.setdefault(name.name, time.time())
        return names

    return new_frames
