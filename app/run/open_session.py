"""From the plan of a run to its last row: frames, integrator, run file and loop, in this order."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from latticewatch.app.run.changing import ScanChanges, Settings
from latticewatch.app.run.decisions import Inputs, RunPlan
from latticewatch.app.run.fingerprint import all_files
from latticewatch.app.run.given import Given
from latticewatch.app.run.images_again import ImagesAgain
from latticewatch.app.run.integrating import corrections_of, integrator_of, left_out_of, setup_of
from latticewatch.app.run.request import Request
from latticewatch.app.run.resuming import resumed
from latticewatch.app.run.run_file_sessions import refitted, shown_again
from latticewatch.app.run.run_log import changes_told, defects_told, foreign_told, log_kept
from latticewatch.app.run.segments import ForeignIn, Segment
from latticewatch.app.run.session import Session, Unrecorded, pipeline_of
from latticewatch.app.run.state_command import state_command
from latticewatch.app.run.warming import is_cold, warm_up
from latticewatch.processing.config.experiment import Experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.header_values import kept_names
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.pipeline import loop, replay
from latticewatch.processing.pipeline.loop import Pipeline
from latticewatch.processing.pipeline.replay import Replay
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.header import RunHeader, software_versions
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.sources.first_image import peek_first_image
from latticewatch.processing.sources.live import LiveScan
from latticewatch.processing.sources.pacing import Paced
from latticewatch.processing.sources.recorded_scan import RecordedSource, open_scan
from latticewatch.processing.sources.run_rows import RunFileSource
from latticewatch.processing.sources.streams.source import StreamSource
from latticewatch.processing.sources.streams.with_folder import StreamWithFolder

log = logging.getLogger(__name__)


def run_session(
    plan: RunPlan, stop: threading.Event, on_open: Callable[[Session], None], *listeners: Callable[[Row], None]
) -> Session | None:
    """Open a session and run it to its end, in the calling thread; None when stopped before its first image."""
    with open_session(plan, stop) as session:
        if session is not None:
            on_open(session)
            series = session.pipeline.series
            with state_command(plan.on_state, lambda: series.snapshot().progress, session.resumed) as tell:
                told = tuple(map(_unfailing, (*listeners, *session.listeners, tell)))
                if isinstance(session.pipeline, Replay):
                    replay.run(session.pipeline, stop, *told)
                else:
                    loop.run(session.pipeline, stop, *told)
        return session


def _unfailing(tell: Callable[[Row], None]) -> Callable[[Row], None]:
    """The same listener; one that fails is said in the log and told nothing more, and the recording continues. A
    UserError, of a listener that writes to the run file, ends the run."""
    has_failed = False

    def told(row: Row) -> None:
        nonlocal has_failed
        if has_failed:
            return
        try:
            tell(row)
        except UserError:
            raise
        except Exception:
            has_failed = True
            log.exception("what follows the rows of the run has failed, and is told no more of them")

    return told


@contextmanager
def open_session(plan: RunPlan, stop: threading.Event) -> Iterator[Session | None]:
    """The session of this plan, closed at the end; None when stopped before its first image.

    Raises UserError where the images do not fit the inputs, or the run file cannot be written.
    """
    with ExitStack() as stack:
        if plan.inputs is not None:
            yield _of_images(plan, plan.inputs, stack, stop)
        elif plan.run is not None:
            yield stack.enter_context(_of_run_file(plan, plan.run))


def _of_run_file(plan: RunPlan, run: Run) -> AbstractContextManager[Session]:
    """A replay shows what was recorded; processing, and whatever is recorded anew, fits and judges again."""
    transport = plan.request.transport
    if transport is not None and plan.out is None:
        return shown_again(run, transport)
    frames = RunFileSource(run)
    return refitted(run, Paced(frames, transport) if transport else frames, plan.out, plan.decided)


def _of_images(plan: RunPlan, inputs: Inputs, stack: ExitStack, stop: threading.Event) -> Session | None:
    """A session that integrates images; what it opens is closed with ``stack``."""
    request, files = plan.request, inputs.files
    if request.live or is_cold():
        warm_up()
    if request.live:
        source: Source = stack.enter_context(_live_source(request, inputs.experiment))
    else:
        recorded = recorded_source(request.scan or Path(), inputs.experiment, request.given)
        files = all_files(inputs, recorded, request.given) if plan.out else files
        source = Paced(recorded, request.transport) if request.transport else recorded
    peeked = peek_first_image(source, plan.scan, stop)
    if peeked is None:
        return None
    integrator = integrator_of(inputs, peeked.image)
    setup = setup_of(inputs, integrator)
    began = Settings(inputs, setup, corrections_of(inputs, peeked.image))
    changes = ScanChanges(Path(plan.scan), request.given, began, peeked.image, integrator)
    header = RunHeader(
        setup=setup,
        experiment_toml=inputs.experiment_text,
        inputs=files,
        software=software_versions(),
        title=setup.title or Path(plan.scan).name,
        started_s=time.time(),
        header_names=kept_names(peeked.header, inputs.experiment.source.header),
        decided=plan.decided,
    )
    writer = None
    frames: Source = peeked
    rows: Sequence[Row] = ()
    if plan.out and plan.resumes:
        run, frames, writer = resumed(stack, plan.out, header, peeked, changes, plan.fallback)
        rows, setup = run.rows, replace(setup, accuracy=run.setup.accuracy)
    elif plan.out:
        writer = stack.enter_context(RunWriter(plan.out, header, integrator.two_theta))
        if plan.fallback:
            writer.use_fallback(Fallback(plan.fallback, header, integrator.two_theta))
    at_hand = not request.live and request.transport is None
    parts = (setup, frames, integrator, integrator.two_theta, writer or Unrecorded(), header.header_names)
    pipeline = replace(pipeline_of(*parts, at_hand=at_hand), recorded=rows, changes=changes)
    changes.begin(writer, Segment(0, setup, pipeline.refinement, files, plan.decided))
    kept = stack.enter_context(log_kept(writer))
    if writer:
        stack.callback(_keep_account, writer, pipeline)
    unknown = foreign_told(ForeignIn(changes.segments, integrator.two_theta).of, len(rows))
    listeners = (defects_told(lambda: changes.integrator, writer), changes_told(len(rows)), unknown, kept)
    place = Path(plan.scan)
    has_images = place.exists() and isinstance(integrator, ImageIntegrator)
    look = ImagesAgain(place, inputs.geometry, lambda: left_out_of(changes.integrator)).look if has_images else None
    session = Session(setup, pipeline, plan.out, writer, files, plan.decided, listeners, look=look)
    return replace(session, segments=changes.segments, changes=changes if request.live and writer else None)


def _live_source(request: Request, experiment: Experiment) -> AbstractContextManager[Source]:
    """A folder that is being written, a stream as it is sent, or both: what the stream loses the folder fills."""
    idle_s, limit = request.until_idle_s, request.frame_limit
    period_s = experiment.experiment.frame_period_s
    selection = experiment.source.given(request.given.recursive, request.given.include, request.given.dataset)
    if request.stream is None and request.scan is not None:
        folder = request.scan
        return nullcontext(
            LiveScan(folder, selection=selection, period_s=period_s, until_idle_s=idle_s, frame_limit=limit)
        )
    if request.stream is None:
        raise ValueError("a live run of nothing")
    if request.scan is None:
        return closing(StreamSource(request.stream, period_s=period_s, until_idle_s=idle_s, frame_limit=limit))
    stream = StreamSource(request.stream, period_s=period_s, tells_rest=False)
    written = LiveScan(request.scan, selection=selection, period_s=period_s)
    return closing(StreamWithFolder(stream, written, until_idle_s=idle_s, frame_limit=limit))


def recorded_source(scan: Path, experiment: Experiment, given: Given) -> RecordedSource:
    """The frames of a recorded scan. Raises UserError."""
    selection = experiment.source.given(given.recursive, given.include, given.dataset)
    return open_scan(scan, period_s=experiment.experiment.frame_period_s, selection=selection)


def _keep_account(writer: RunWriter, pipeline: Pipeline) -> None:
    """At the end of a run: what still waits, and what was left out."""
    counts = pipeline.series.snapshot().progress
    with suppress(UserError):  # a disk that takes no more was said by what met it first
        writer.set_account(counts.waiting, counts.ignored)
