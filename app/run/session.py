"""Sessions: one run put together from its parts, the same parts whatever the source of frames."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.run.found_defects import keep_defects
from latticewatch.app.run.images_again import ImagesAgain, Picture
from latticewatch.app.run.inputs import Inputs, integrator_of
from latticewatch.app.run.resuming import going_on
from latticewatch.app.run.run_log import changes_told, log_kept
from latticewatch.app.run.state_command import state_command
from latticewatch.processing.config.resolve import Setup, resolve
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.header_values import kept_names
from latticewatch.processing.flow.series import Row, Series
from latticewatch.processing.flow.stages import Integrator, Recorder, Source
from latticewatch.processing.pipeline import loop
from latticewatch.processing.pipeline.loop import Pipeline
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.record.run_file.fallback import Elsewhere
from latticewatch.processing.record.run_file.header import InputFile, RunHeader, software_versions
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import Note
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.sources.first_image import peek_first_image

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A run ready to go: its set-up, its parts, and the file it is recorded in (None: nowhere).

    writer: takes the operator's notes; None where nothing is recorded. inputs: files it is made with.
    on_state: the user's command for changes of state; empty: none. listeners: told of every row.
    notes: those of the run file that is shown again. seen_in: that run file; None where a run is made. look: reads
    an image again; None where images are not at hand.
    """

    setup: Setup
    pipeline: Pipeline
    out: Path | None
    writer: RunWriter | None = None
    inputs: tuple[InputFile, ...] = ()
    on_state: tuple[str, ...] = ()
    listeners: tuple[Callable[[Row], None], ...] = ()
    notes: tuple[Note, ...] = ()
    seen_in: Path | None = None
    look: Callable[[str], Picture] | None = None


Opening = Callable[[threading.Event], AbstractContextManager[Session | None]]
"""Opens a session, waiting for its first image; None when stopped before there was one."""


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A recorder that keeps nothing: replay without ``--out``."""

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        """The rows as they are: ``recorded_s`` stays unknown."""
        return list(rows)


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
                loop.run(session.pipeline, stop, *listeners, *session.listeners, tell)
        return session


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
    fallback: Path | None = None,
    at_hand: bool = False,
) -> Iterator[Session | None]:
    """A session that integrates the images of ``source``, recorded in ``out`` and closed at the end.

    resume: go on with ``out`` where it stopped, if it is there. on_state: command for changes of state. fallback:
    folder in which the recording goes on where that of ``out`` takes no more; None: it stops, loudly. at_hand:
    the source waits for nothing.
    Raises UserError as its parts do.
    """
    peeked = peek_first_image(source, scan, stop)
    if peeked is None:
        yield None
        return
    integrator = integrator_of(inputs, peeked.shape)
    wavelength_A, accuracy = inputs.geometry.wavelength_A, inputs.accuracy
    setup = resolve(inputs.experiment, inputs.folder, wavelength_A, integrator.two_theta, accuracy)
    header = RunHeader(
        setup=setup,
        experiment_toml=inputs.experiment_text,
        inputs=inputs.files,
        software=software_versions(),
        title=setup.title or Path(scan).name,
        started_s=time.time(),
        header_names=kept_names(peeked.header, inputs.experiment.source.header),
    )
    with ExitStack() as stack:
        writer = None
        frames: Source = peeked
        recorder: Recorder = Unrecorded()
        if out and resume and (out.exists() or journal_path(out).exists()):
            frames, recorder = going_on(stack, out, header, peeked, integrator, fallback)
            writer, setup = recorder.writer, replace(setup, accuracy=recorder.accuracy)
        elif out:
            recorder = writer = stack.enter_context(RunWriter(out, header, integrator.two_theta))
            if fallback:
                writer.may_go_on(Elsewhere(fallback, header, integrator.two_theta))
        parts = (setup, frames, integrator, integrator.two_theta, recorder)
        pipeline = pipeline_of(*parts, header.header_names, at_hand=at_hand)
        defects = keep_defects(integrator, writer)
        kept = stack.enter_context(log_kept(writer))
        if writer:
            stack.callback(keep_account, writer, pipeline)
        listeners = (defects, changes_told(), kept)
        place = Path(scan)
        look = ImagesAgain(place, inputs, peeked.shape, lambda: integrator.defects).look if place.exists() else None
        yield Session(setup, pipeline, out, writer, inputs.files, on_state, listeners, look=look)


def keep_account(writer: RunWriter, pipeline: Pipeline) -> None:
    """At the end of a run: what still waits, and what was left out."""
    counts = pipeline.series.snapshot().progress
    with suppress(UserError):  # a disk that takes no more was said by what met it first
        writer.set_account(counts.waiting, counts.ignored)


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
    """What a run passes through."""
    return Pipeline(
        source=source,
        integrator=integrator,
        refinement=TrackedRefinement(setup.components, setup.wavelength_A, two_theta),
        judge=Judge(setup),
        composition=setup.composition,
        recorder=recorder,
        series=Series(two_theta, tuple(component.name for component in setup.components)),
        header_names=header_names,
        at_hand=at_hand,
    )
