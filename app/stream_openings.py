"""How ``watch`` opens a session on a live stream."""

import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from latticewatch.app.inputs import gather
from latticewatch.app.openings import fallback_of, free_names
from latticewatch.app.options import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.streams.address import StreamAddress

if TYPE_CHECKING:
    from latticewatch.app.session import Opening, Session

log = logging.getLogger(__name__)


def watched_with_folder(
    address: StreamAddress,
    folder: Path,
    given: Given,
    out: Path | None,
    *,
    until_idle_s: float | None = None,
    frame_limit: int | None = None,
    resume: bool = False,
) -> "Opening":
    """A stream and the folder that is written as well: what the stream loses, the folder fills."""
    if address.kind != "tcp":
        raise UserError(f"{address}: does not number its images as files are; give it alone, or a tcp:// stream")
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder that the detector writes to")
    inputs = gather(folder, given)
    table = inputs.experiment.experiment
    selection = inputs.experiment.source.given(given.recursive, given.include)
    target = out or free_names([folder], resume=resume)[0]
    on_state = inputs.experiment.alarm.on_state or ()

    @contextmanager
    def opened(stop: threading.Event) -> "Iterator[Session | None]":
        from latticewatch.app.session import scan_session
        from latticewatch.app.warming import warm_up
        from latticewatch.processing.sources.live import LiveScan
        from latticewatch.processing.sources.streams.open_stream import open_stream
        from latticewatch.processing.sources.streams.with_folder import StreamWithFolder

        warm_up()
        source = StreamWithFolder(
            open_stream(address, period_s=table.frame_period_s, tells_rest=False),
            LiveScan(folder, selection=selection, period_s=table.frame_period_s),
            until_idle_s=until_idle_s,
            frame_limit=frame_limit,
        )
        parts = (inputs, source, str(folder), target, stop)
        with (
            closing(source),
            scan_session(*parts, resume=resume, on_state=on_state, fallback=fallback_of(given)) as session,
        ):
            yield session

    return opened


def watched_stream(
    address: StreamAddress,
    given: Given,
    out: Path | None,
    *,
    until_idle_s: float | None = None,
    frame_limit: int | None = None,
    resume: bool = False,
) -> "Opening":
    """A stream as it is sent; always recorded. Geometry and experiment are looked for in the present folder."""
    inputs = gather(Path.cwd(), given)
    period_s = inputs.experiment.experiment.frame_period_s
    target = out or free_names([Path(address.stem)], resume=resume)[0]
    log.info("recording in %s", target)
    on_state = inputs.experiment.alarm.on_state or ()

    @contextmanager
    def opened(stop: threading.Event) -> "Iterator[Session | None]":
        from latticewatch.app.session import scan_session
        from latticewatch.app.warming import warm_up
        from latticewatch.processing.sources.streams.open_stream import open_stream

        warm_up()
        source = open_stream(address, period_s=period_s, until_idle_s=until_idle_s, frame_limit=frame_limit)
        parts = (inputs, source, str(address), target, stop)
        with (
            closing(source),
            scan_session(*parts, resume=resume, on_state=on_state, fallback=fallback_of(given)) as session,
        ):
            yield session

    return opened
