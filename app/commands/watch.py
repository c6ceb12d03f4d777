"""``latticewatch watch``: live."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latticewatch.app import options
from latticewatch.app.options import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.streams.address import is_stream, stream_address

if TYPE_CHECKING:
    from latticewatch.app.session import Opening

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
    given = replace(given, fallback=fallback)
    if folder is None:
        from latticewatch.app.start.asking import ask_for_scan

        chosen = ask_for_scan(headless=headless)
        if chosen is None:
            return 0
        if chosen.run is not None:
            from latticewatch.app.commands.replay import replay

            return replay(scan=chosen.run, night=night)
        folder, given = str(chosen.folder), chosen.given
    opening = _opening(folder, stream, given, out, until_idle, frames, resume)
    title = folder if is_stream(folder) else Path(folder).name
    if headless:
        from latticewatch.app.headless import run_headless

        return run_headless(opening, as_json=json, title=title)
    from latticewatch.app.window.windowed import run_windowed

    return run_windowed(opening, as_json=json, title=title, screenshot=screenshot, dark=night)


def _opening(
    folder: str,
    stream: str | None,
    given: Given,
    out: Path | None,
    until_idle_s: float | None,
    frame_limit: int | None,
    resume: bool,
) -> "Opening":
    if resume and (stream is not None or is_stream(folder)):
        # Its clock and its counter would begin anew: times and names would be those of other frames.
        raise UserError(
            f"{stream or folder}: a run of a stream cannot be gone on with; leave --resume out, give a new --out"
        )
    if is_stream(folder):
        from latticewatch.app.stream_openings import watched_stream

        if stream is not None:
            raise UserError(f"{folder}: a stream, and --stream names another; give a FOLDER with --stream")
        address = stream_address(folder)
        return watched_stream(address, given, out, until_idle_s=until_idle_s, frame_limit=frame_limit, resume=resume)
    if stream is not None:
        from latticewatch.app.stream_openings import watched_with_folder

        both = stream_address(stream), Path(folder)
        return watched_with_folder(*both, given, out, until_idle_s=until_idle_s, frame_limit=frame_limit, resume=resume)
    from latticewatch.app.openings import watched_scan

    return watched_scan(Path(folder), given, out, until_idle_s=until_idle_s, frame_limit=frame_limit, resume=resume)
