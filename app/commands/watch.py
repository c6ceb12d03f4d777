"""``latticewatch watch``: live."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latticewatch.app.commands import options
from latticewatch.app.run.request import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.streams.address import is_stream, stream_address

if TYPE_CHECKING:
    from latticewatch.app.run.live_scans import Watching
    from latticewatch.app.run.session import Opening

Folder = Annotated[
    str | None,
    typer.Argument(
        metavar="FOLDER",
        help="The folder that the detector writes to, or a stream: tcp://HOST:PORT, pva://PV. Left out: a dialog.",
    ),
]
Night = Annotated[bool, typer.Option("--night", help="Dark colours.")]
Headless = Annotated[bool, typer.Option("--headless", help="No window; runs until Ctrl-C.")]
UntilIdle = Annotated[
    float | None, typer.Option("--until-idle", metavar="SECONDS", min=0.1, help="End when no frame came for so long.")
]
Frames = Annotated[int | None, typer.Option("--frames", metavar="N", min=1, help="End after so many frames.")]
Screenshot = Annotated[
    Path | None, typer.Option("--screenshot", metavar="FILE.png", help="Picture of the window, at the end.")
]
Stream = Annotated[
    str | None,
    typer.Option("--stream", metavar="ADDRESS", help="Show frames from this stream at once; FOLDER fills its gaps."),
]


@options.with_inputs
def watch(
    folder: Folder = None,
    out: options.OutFile = None,
    fallback: options.Fallback = None,
    stream: Stream = None,
    resume: options.Resume = False,
    json: options.Json = False,
    headless: Headless = False,
    until_idle: UntilIdle = None,
    frames: Frames = None,
    screenshot: Screenshot = None,
    night: Night = False,
    verbose: options.Verbose = False,
    *,
    given: Given,
) -> int:
    """Watch a folder while the detector writes it; everything seen is recorded.

    Example: latticewatch watch /data/visitor/br_i_004 --geometry lab6.poni --out br_i_004.h5

    Live streams: latticewatch watch tcp://detector:31001 (DECTRIS), latticewatch watch pva://13SIM1:Pva1:Image (EPICS)
    """
    del verbose
    from latticewatch.app.run.live_scans import Watching

    if folder is None:
        from latticewatch.app.start.asking import ask_for_scan

        chosen = ask_for_scan(headless=headless)
        if chosen is None:
            return 0
        if chosen.run is not None:
            from latticewatch.app.commands.replay import replay

            return replay(scan=chosen.run, night=night)
        folder, given = str(chosen.folder), chosen.given
    how = Watching(given, out, fallback, resume, until_idle, frames)
    opening = _opening(folder, stream, how)
    title = folder if is_stream(folder) else Path(folder).resolve().name
    if headless:
        from latticewatch.app.run.headless import run_headless

        return run_headless(opening, as_json=json, title=title)
    from latticewatch.app.window.application import run_windowed

    return run_windowed(opening, as_json=json, title=title, screenshot=screenshot, dark=night)


def _opening(folder: str, stream: str | None, how: "Watching") -> "Opening":
    from latticewatch.app.run.live_scans import watched_scan, watched_stream, watched_with_folder

    if how.resume and (stream is not None or is_stream(folder)):
        # Its clock and its counter would begin anew: times and names would be those of other frames.
        raise UserError(
            f"{stream or folder}: a run of a stream cannot be gone on with; leave --resume out, give a new --out"
        )
    if is_stream(folder):
        if stream is not None:
            raise UserError(f"{folder}: a stream, and --stream names another; give a FOLDER with --stream")
        return watched_stream(stream_address(folder), how)
    if stream is not None:
        return watched_with_folder(stream_address(stream), Path(folder), how)
    return watched_scan(Path(folder), how)
