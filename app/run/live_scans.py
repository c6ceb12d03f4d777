"""How ``watch`` opens a session: on a folder that is being written, on a stream, or on both. Always recorded.

Inputs are checked at once; everything is compiled before the first frame is asked for.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from latticewatch.app.run.inputs import Inputs, gather
from latticewatch.app.run.recorded_scans import run_name
from latticewatch.app.run.request import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.streams.address import StreamAddress

if TYPE_CHECKING:
    from latticewatch.app.run.session import Opening, Session
    from latticewatch.processing.flow.stages import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watching:
    """What a run is watched with, where it is recorded, and when it ends.

    out: None: named after what is watched. fallback: folder in which the recording goes on when that of ``out`` takes
    no more; None: the user's data folder. until_idle_s, frame_limit: None: it ends when it is stopped.
    """

    given: Given
    out: Path | None = None
    fallback: Path | None = None
    resume: bool = False
    until_idle_s: float | None = None
    frame_limit: int | None = None


def watched_scan(folder: Path, how: Watching) -> "Opening":
    """A folder that is being written."""
    inputs = _inputs_of(folder, how)
    experiment = inputs.experiment

    def source() -> "AbstractContextManager[Source]":
        from latticewatch.processing.sources.live import LiveScan

        return nullcontext(
            LiveScan(
                folder,
                selection=experiment.source.given(how.given.recursive, how.given.include),
                period_s=experiment.experiment.frame_period_s,
                until_idle_s=how.until_idle_s,
                frame_limit=how.frame_limit,
            )
        )

    return _opening(inputs, how, str(folder), folder, source)


def watched_stream(address: StreamAddress, how: Watching) -> "Opening":
    """A stream as it is sent. Geometry and experiment are looked for in the present folder."""
    inputs = gather(Path.cwd(), how.given)
    period_s = inputs.experiment.experiment.frame_period_s

    def source() -> "AbstractContextManager[Source]":
        from latticewatch.processing.sources.streams.source import StreamSource

        return closing(
            StreamSource(address, period_s=period_s, until_idle_s=how.until_idle_s, frame_limit=how.frame_limit)
        )

    return _opening(inputs, how, str(address), Path(address.stem), source)


def watched_with_folder(address: StreamAddress, folder: Path, how: Watching) -> "Opening":
    """A stream and the folder that is written as well: what the stream loses, the folder fills."""
    if address.kind != "tcp":
        raise UserError(f"{address}: does not number its images as files are; give it alone, or a tcp:// stream")
    inputs = _inputs_of(folder, how)
    experiment = inputs.experiment
    period_s = experiment.experiment.frame_period_s

    def source() -> "AbstractContextManager[Source]":
        from latticewatch.processing.sources.live import LiveScan
        from latticewatch.processing.sources.streams.source import StreamSource
        from latticewatch.processing.sources.streams.with_folder import StreamWithFolder

        selection = experiment.source.given(how.given.recursive, how.given.include)
        return closing(
            StreamWithFolder(
                StreamSource(address, period_s=period_s, tells_rest=False),
                LiveScan(folder, selection=selection, period_s=period_s),
                until_idle_s=how.until_idle_s,
                frame_limit=how.frame_limit,
            )
        )

    return _opening(inputs, how, str(folder), folder, source)


def _inputs_of(folder: Path, how: Watching) -> Inputs:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder that the detector writes to")
    return gather(folder, how.given)


def _opening(
    inputs: Inputs,
    how: Watching,
    scan: str,
    named_after: Path,
    source: "Callable[[], AbstractContextManager[Source]]",
) -> "Opening":
    target = how.out or run_name(named_after, resume=how.resume)
    log.info("recording in %s", target)
    on_state = inputs.experiment.alarm.on_state or ()
    fallback = how.fallback or user_data_path("latticewatch", appauthor=False) / "runs"

    @contextmanager
    def opened(stop: threading.Event) -> "Iterator[Session | None]":
        from latticewatch.app.run.session import scan_session
        from latticewatch.app.run.warming import warm_up

        warm_up()
        with (
            source() as frames,
            scan_session(
                inputs, frames, scan, target, stop, resume=how.resume, on_state=on_state, fallback=fallback
            ) as session,
        ):
            yield session

    return opened
