"""A realistic scan played through the program's own loop, its frames next to their truth."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.run.session import Unrecorded, pipeline_of
from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress, Row
from latticewatch.processing.pipeline import loop
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from latticewatch.processing.record.export.summary import summarise
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.refinement.foreign.sightings import ForeignLines
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth, frame_truth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.realism.sheets import experiment_text
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from latticewatch.processing.simulation.scan import write_scan
from tests.realistic_patterns import Bins, pilatus_bins, real_pattern

NO_IMAGE = Image(np.zeros((1, 1), np.int32))


@dataclass(frozen=True)
class Played:
    """One scan and what the program made of it: truths and rows frame by frame, the summary as its file has it."""

    scan: RealScan
    truths: list[FrameTruth]
    rows: Sequence[Row]
    kinetics: Kinetics
    summary: dict[str, Any]


@dataclass(frozen=True)
class Patterns:
    """Source and integrator in one: the patterns are there already."""

    scan: RealScan
    patterns: list[Pattern | None]

    def frames(self, stop: threading.Event) -> Iterator[Frame]:  # noqa: ARG002 - the protocol has it
        """Every frame of the scan."""
        for number, pattern in enumerate(self.patterns):
            content = NoResult("unreadable: simulated") if pattern is None else NO_IMAGE
            time_s = number * self.scan.period_s
            yield Frame(number, f"frame_{number:05d}.cbf", time_s, 1e9 + time_s, content)

    def progress(self) -> Progress:
        """All are found."""
        return Progress(found=len(self.patterns))

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """The patterns of these frames."""
        return [self.patterns[frame.index] or NoResult("unreadable: simulated") for frame in frames]


def play(scan: RealScan, bins: Bins | None = None) -> Played:
    """The scan's patterns through refinement, verdict and kinetics, with the set-up its experiment.toml resolves to."""
    bins = bins or pilatus_bins()
    truths = [frame_truth(scan, number) for number in range(scan.frames)]
    patterns = Patterns(scan, [real_pattern(scan, truth, bins) for truth in truths])
    text = experiment_text(scan, "geometry.poni")
    setup = resolve(parse_experiment(text, "experiment.toml"), Path(), WAVELENGTH_A, bins.two_theta)
    pipeline = pipeline_of(setup, patterns, patterns, bins.two_theta, Unrecorded(), at_hand=True)
    loop.run(pipeline, threading.Event())
    header = RunHeader(setup, text, (), {}, setup.title, 0.0)
    rows = pipeline.series.snapshot().rows()
    return _summarised(scan, truths, header, rows, rows, bins.two_theta)


def play_images(scan: RealScan) -> Played:
    """The scan written as images and taken by ``process``, as a user has it."""
    truths = [frame_truth(scan, number) for number in range(scan.frames)]
    with tempfile.TemporaryDirectory() as scratch:
        folder, out = Path(scratch) / "scan", Path(scratch) / "run.h5"
        write_scan("realism", folder, seed=scan.seed, detector="pilatus300k")
        command = [sys.executable, "-m", "latticewatch.app", "process", str(folder), "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        with read_run(out) as run:
            return _summarised(scan, truths, run.header, list(run.traced), run.rows, run.two_theta)


def _summarised(
    scan: RealScan,
    truths: list[FrameTruth],
    header: RunHeader,
    rows: Sequence[Row],
    whole: Sequence[Row],
    two_theta: NDArray[np.float64],
) -> Played:
    kinetics = describe(header.setup, rows)
    foreign = ForeignLines(header.setup, two_theta).over(rows, whole)
    return Played(scan, truths, rows, kinetics, summarise(header, rows, kinetics, foreign=foreign))
