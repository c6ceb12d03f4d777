"""Sessions: one run put together from its parts, the same parts whatever the source of frames."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.inputs import Inputs
from latticewatch.app.on_state import state_command
from latticewatch.processing import loop
from latticewatch.processing.errors import UserError
from latticewatch.processing.frame import Frame, Gap, Image
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.masks import read_correction, read_mask
from latticewatch.processing.loop import Integrator, Pipeline, Recorder, Source
from latticewatch.processing.pattern import Pattern
from latticewatch.processing.reaction.judge import Judge
from latticewatch.processing.record.header import RunHeader, software_versions
from latticewatch.processing.record.rebuild import journal_path
from latticewatch.processing.record.run_file import Run, RunWriter, read_run
from latticewatch.processing.record.run_source import frame_of
from latticewatch.processing.refinement.tracked import TrackedRefinement
from latticewatch.processing.series import Row, Series
from latticewatch.processing.setup import Setup, resolve
from latticewatch.processing.sources.begun import begin
from latticewatch.processing.sources.resumed import Resumed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A run ready to go: its set-up, its parts, and the file it is recorded in (None: nowhere).

    on_state: the user's command for changes of state; empty: none.
    """

    setup: Setup
    pipeline: Pipeline
    out: Path | None
    on_state: tuple[str, ...] = ()


Opening = Callable[[threading.Event], AbstractContextManager[Session | None]]
"""Opens a session, waiting for its first image; None when stopped before there was one."""


@dataclass(frozen=True, slots=True)
class AsRecorded:
    """The integrator of a run file's frames: they are patterns, or the gaps they were."""

    def integrate(self, frame: Frame) -> Pattern | Gap:
        """What the frame holds."""
        return Gap("unreadable: an image in a run file") if isinstance(frame.content, Image) else frame.content


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A recorder that keeps nothing: replay without ``--out``."""

    def append(self, row: Row) -> Row:
        """The row as it is: ``recorded_s`` stays unknown."""
        return row


def run_session(
    opening: Opening,
    stop: threading.Event,
    on_open: Callable[[Session], None],
    *listeners: Callable[[Row], None],
) -> Session | None:
    """Open a session and run it to its end, in the calling thread; None when stopped before it began."""
    with opening(stop) as session:
        if session is not None:
            on_open(session)
            with state_command(session.on_state) as tell:
                loop.run(session.pipeline, stop, *listeners, tell)
        return session


@dataclass(frozen=True, slots=True)
class Resuming:
    """The recorder of a run that goes on: what is in the file already is not written again."""

    writer: RunWriter
    recorded_s: Mapping[str, float]

    def append(self, row: Row) -> Row:
        """The row with its ``recorded_s``, of then or of now."""
        before = self.recorded_s.get(row.name)
        return self.writer.append(row) if before is None else replace(row, recorded_s=before)


@contextmanager
def scan_session(
    inputs: Inputs,
    source: Source,
    scan: str,
    out: Path | None,
    stop: threading.Event,
    *,
    resume: bool = False,
    on_state: tuple[str, ...] = (),
) -> Iterator[Session | None]:
    """A session that integrates the images of ``source``, recorded in ``out`` and closed at the end.

    resume: go on with ``out`` where it stopped, if it is there. on_state: command for changes of state.
    Raises UserError as its parts do.
    """
    begun = begin(source, scan, stop)
    if begun is None:
        yield None
        return
    integrator = _integrator(inputs, begun.shape)
    setup = resolve(inputs.experiment, inputs.folder, inputs.geometry.wavelength_A, integrator.two_theta)
    header = RunHeader(
        setup=setup,
        experiment_toml=inputs.experiment_text,
        inputs=inputs.files,
        software=software_versions(),
        title=setup.title or Path(scan).name,
        started_s=time.time(),
    )
    with ExitStack() as stack:
        if out and resume and (out.exists() or journal_path(out).exists()):
            parts = _resumed(stack, out, header, begun, integrator)
        else:
            recorder: Recorder = (
                stack.enter_context(RunWriter(out, header, integrator.two_theta)) if out else Unrecorded()
            )
            parts = begun, recorder
        yield Session(setup, _pipeline(setup, parts[0], integrator, integrator.two_theta, parts[1]), out, on_state)


def _resumed(
    stack: ExitStack, out: Path, header: RunHeader, source: Source, integrator: ImageIntegrator
) -> tuple[Source, Recorder]:
    """The source and the recorder that go on with ``out``. Raises UserError where it was made with other inputs."""
    with read_run(out) as run:
        rows = list(run.rows)
        made_with = {(each.role, each.sha256) for each in run.header.inputs}
        if made_with != {(each.role, each.sha256) for each in header.inputs} or not np.array_equal(
            run.two_theta, integrator.two_theta
        ):
            raise UserError(f"{out}: was made with another geometry or experiment; give a new --out to start over")
    writer = stack.enter_context(RunWriter.resume(out))
    recorded = [frame_of(row) for row in rows]
    log.info("%s: going on after %d frames", out, len(rows))
    return (
        Resumed(recorded, source, integrator.integrate),
        Resuming(writer, {row.name: row.recorded_s for row in rows}),
    )


@contextmanager
def run_file_session(run: Run, source: Source, out: Path | None, stop: threading.Event) -> Iterator[Session]:
    """A session on the patterns of a run file, fitted and judged again; recorded in ``out`` where that is given."""
    del stop
    with ExitStack() as stack:
        stack.enter_context(run)
        header = replace(run.header, software=software_versions(), started_s=time.time())
        recorder: Recorder = stack.enter_context(RunWriter(out, header, run.two_theta)) if out else Unrecorded()
        yield Session(run.setup, _pipeline(run.setup, source, AsRecorded(), run.two_theta, recorder), out)


def _integrator(inputs: Inputs, shape: tuple[int, int]) -> ImageIntegrator:
    table = inputs.experiment.geometry
    return ImageIntegrator(
        inputs.geometry,
        shape=shape,
        mask=read_mask(inputs.mask, shape) if inputs.mask else None,
        dark=read_correction(inputs.dark, "dark", shape) if inputs.dark else None,
        flat=read_correction(inputs.flat, "flat", shape) if inputs.flat else None,
        polarization=table.polarization,
        bins=table.bins,
        normalise_by=table.normalise_by,
    )


def _pipeline(
    setup: Setup, source: Source, integrator: Integrator, two_theta: NDArray[np.float64], recorder: Recorder
) -> Pipeline:
    return Pipeline(
        source=source,
        integrator=integrator,
        refinement=TrackedRefinement(setup.components, setup.wavelength_A, two_theta),
        judge=Judge(setup),
        composition=setup.composition,
        recorder=recorder,
        series=Series(two_theta, tuple(component.name for component in setup.components)),
    )
