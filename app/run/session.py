"""A session: one run ready to go, the same parts whatever its frames come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.images_again import Picture
from latticewatch.app.run.segments import Segment
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.series import Row, Series
from latticewatch.processing.flow.stages import Integrator, Recorder, Source
from latticewatch.processing.pipeline.loop import Pipeline
from latticewatch.processing.pipeline.replay import Replay
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.record.run_file.header import Decision, InputFile
from latticewatch.processing.record.run_file.notes import Note
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.refinement.peaks.fits import TrackedPeaks
from latticewatch.processing.refinement.sector_cells import SectorCells


@dataclass(frozen=True, slots=True)
class Session:
    """A run ready to go: its set-up, its parts, and the file it is recorded in (None: nowhere).

    writer: takes the operator's notes; None where nothing is recorded. inputs: files it is made with. decided: what
    it was put together from. listeners: told of every row. notes: those of the run file that is shown again.
    seen_in: that run file; None where a run is made. look: reads an image again; None where images are not at hand.
    segments: the settings so far, in their order; at least one where images or a run file are shown. changes: how they
    are changed while the scan runs; None where they cannot.
    """

    setup: Setup
    pipeline: Pipeline | Replay
    out: Path | None
    writer: RunWriter | None = None
    inputs: tuple[InputFile, ...] = ()
    decided: tuple[Decision, ...] = ()
    listeners: tuple[Callable[[Row], None], ...] = ()
    notes: tuple[Note, ...] = ()
    seen_in: Path | None = None
    look: Callable[[str], Picture] | None = None
    segments: Sequence[Segment] = ()
    changes: ScanChanges | None = None

    @property
    def resumed(self) -> int:
        """How many rows were recorded before this run was resumed."""
        return len(self.pipeline.recorded) if isinstance(self.pipeline, Pipeline) else 0


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A recorder that keeps nothing: replay without ``--out``."""

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        """The rows as they are: ``recorded_s`` stays unknown."""
        return list(rows)


def pipeline_of(
    setup: Setup,
    source: Source,
    integrator: Integrator,
    two_theta: NDArray[np.float64],
    recorder: Recorder,
    header_names: tuple[str, ...] = (),
    *,
    at_hand: bool = False,
) -> Pipeline:
    return Pipeline(
        source=source,
        integrator=integrator,
        refinement=refinement_of(setup, two_theta),
        judge=Judge(setup),
        composition=setup.composition,
        recorder=recorder,
        series=Series(two_theta, tuple(component.name for component in setup.components), setup.quantities),
        header_names=header_names,
        at_hand=at_hand,
        peaks=TrackedPeaks(setup.peaks, two_theta),
        sectors=SectorCells(setup, refinement_of),
    )
