"""A hundred thousand frames live in one run: what memory grows by, frame by frame.

``python -m tests.benchmarks.long_run [FRAMES] [BINS]`` sends made-up patterns through the loop as a live source does
(read ahead, fitted, judged, recorded, kept in the series) and prints one JSON object: resident memory and the bytes of
the series at each tenth, and what a frame costs beyond its row.
"""

import gc
import json
import logging
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.pipeline import loop
from latticewatch.processing.pipeline.loop import Pipeline
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.record import runs

PAGE = os.sysconf("SC_PAGE_SIZE")
STEPS = 10
LARGE_IMAGE = (100, 1000)


class MadeUp:
    """Frames with an image each; every hundredth cannot be read."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._drawn = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        for index in range(self._count):
            if stop.is_set():
                return
            self._drawn = index + 1
            gap = NoResult("unreadable: cut short") if index % 100 == 99 else None
            content = gap or Image(np.zeros(LARGE_IMAGE, np.int32))
            yield Frame(index, f"scan_{index:06d}.cbf", 0.1 * index, 1.7e9 + 0.1 * index, content)

    def progress(self) -> Progress:
        return Progress(self._drawn, 0)


class Patterns:
    """The integrator: a pattern of two lattices that slowly become one, with noise."""

    def __init__(self, bins: int, count: int) -> None:
        self.two_theta = np.linspace(5.0, 25.5, bins)
        self._noise = np.random.default_rng(1)
        self._count = count

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        return [
            frame.content if isinstance(frame.content, NoResult) else self._pattern(frame.index) for frame in frames
        ]

    def _pattern(self, index: int) -> Pattern:
        left = np.exp(-3.0 * index / self._count)
        counts = 40.0 + sum(_lines(self.two_theta, 6.031 + shift * left) for shift in (-0.189, 0.174))
        noisy = self._noise.normal(counts, np.sqrt(counts / 30.0))
        return Pattern(self.two_theta, noisy.astype(np.float32), np.sqrt(counts / 30.0).astype(np.float32))


def _lines(two_theta: np.ndarray, cell_A: float) -> np.ndarray:
    squares = np.array([1, 2, 3, 4, 5, 6, 8, 9, 10])
    places = 2.0 * np.degrees(np.arcsin(runs.setup().wavelength_A * np.sqrt(squares) / (2.0 * cell_A)))
    return (60.0 * np.exp(-0.5 * ((two_theta[:, None] - places) / 0.16) ** 2)).sum(axis=1)


def measure(folder: Path, count: int, bins: int) -> dict[str, object]:
    """Send so many frames through; what was held at each tenth."""
    setup, integrator = runs.setup(), Patterns(bins, count)
    series = Series(integrator.two_theta, runs.NAMES)
    refinement = TrackedRefinement(setup.components, setup.wavelength_A, integrator.two_theta)
    held: list[tuple[int, int, int]] = []
    bytes_of_rows = 0

    def note(row: Row) -> None:
        nonlocal bytes_of_rows
        bytes_of_rows += size_of(row)
        if (row.index + 1) % (count // STEPS) == 0:
            gc.collect()
            held.append((row.index + 1, resident(), bytes_of_rows))

    begun_s = time.process_time()
    with RunWriter(folder / "run.h5", runs.header(), integrator.two_theta) as writer:
        parts = (MadeUp(count), integrator, refinement, Judge(setup), setup.composition, writer, series)
        loop.run(Pipeline(*parts), threading.Event(), note)
    half, last = held[STEPS // 2 - 1], held[-1]
    frames = last[0] - half[0]
    return {
        "frames": count,
        "bins": bins,
        "gaps": series.snapshot().gaps,
        "resident_mb": [round(each[1] / 1e6, 1) for each in held],
        "series_mb": [round(each[2] / 1e6, 1) for each in held],
        "bytes_per_frame": round((last[1] - half[1]) / frames),
        "bytes_per_row_itself": round((last[2] - half[2]) / frames),
        "beyond_the_rows": round(((last[1] - half[1]) - (last[2] - half[2])) / frames),
        "cpu_ms_per_frame": round(1e3 * (time.process_time() - begun_s) / count, 3),
        "most_resident_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
    }


def size_of(row: Row) -> int:
    """Bytes of a row: its arrays and the objects that hold it together."""
    objects: list[object] = [row, row.name, row.verdict, row.verdict.why, row.fit, row.pattern, row.header]
    objects += [row.time_s, row.mtime_s, row.intensity, row.fraction, row.fraction_esd, row.index]
    verdict = row.verdict
    objects += [verdict.since_s, verdict.progress, verdict.mixing_s]
    if verdict.forecast is not None:
        objects += [verdict.forecast, 0.0, 0.0, 0.0]
    if isinstance(row.fit, Fit):
        objects += [row.fit.lattices, *row.fit.lattices, *([0.0] * (4 + 4 * len(row.fit.lattices)))]
        objects.append(row.fit.parameters)
    if row.pattern is not None:
        objects += [row.pattern.intensity, row.pattern.sigma]
    return sum(sys.getsizeof(each) for each in objects) + 8 * (3 + 2 * len(runs.NAMES)) + 8


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    bins = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(measure(Path(folder), count, bins), indent=2) + "\n")


if __name__ == "__main__":
    main()
