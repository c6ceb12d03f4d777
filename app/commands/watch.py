"""``latticewatch watch``: live."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from latticewatch.app.commands import options
from latticewatch.app.run.given import Given
from latticewatch.app.start.recent import remember
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import refuse_inputs
from latticewatch.processing.sources.streams.address import StreamAddress, is_stream, stream_address

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
    float | None, typer.Option("--until-idle", metavar="SECONDS", min=0.1, help="Stop after this time without a frame.")
]
Frames = Annotated[int | None, typer.Option("--frames", metavar="N", min=1, help="Stop after N frames.")]
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
    *,
    given: Given,
) -> int:
    """Watch a folder while the detector writes it; everything seen is recorded.

    Example: latticewatch watch /data/visitor/br_i_004 --geometry lab6.poni --out br_i_004.h5

    Live streams: latticewatch watch tcp://detector:31001 (DECTRIS), latticewatch watch pva://13SIM1:Pva1:Image (EPICS)
    """
    from latticewatch.app.run.decisions import decide  # slow to load: numba, h5py
    from latticewatch.app.run.request import Request  # slow to load: numba, h5py

    if folder is None:
        from latticewatch.app.start.dialog import ask_for_scan  # slow to load: Qt

        request = ask_for_scan(headless=headless)
        if request is None:
            return 0
    else:
        scan, address = _frames(folder, stream)
        request = Request(scan, given, address, live=True)
    if request.live:
        request = replace(
            request, out=out or request.out, fallback=fallback, resume=resume or (request.resume and out is None)
        )
        request = replace(request, until_idle_s=until_idle, frame_limit=frames)
    plan = decide(request)
    if screenshot is not None and plan.inputs is not None:
        inputs = plan.inputs
        refuse_inputs(screenshot, (inputs.mask, inputs.dark, inputs.flat, inputs.background))
    if headless:
        from latticewatch.app.run.headless import run_headless  # slow to load: readers of all formats

        return run_headless(plan, as_json=json)
    from latticewatch.app.window.application import run_windowed  # slow to load: Qt

    if plan.out is not None and request.scan is not None:
        remember(request.scan, request.given, plan.out)
    choosers = {("Next scan …", "Ctrl+N"): _next_scan, ("Runs of the night …", "Ctrl+R"): _night_runs}
    return run_windowed(
        plan, as_json=json, screenshot=screenshot, dark=night, choosers=choosers, ask_change=_ask_change
    )


def _next_scan(plan: Any) -> Any:
    """The plan of the scan that the user goes on to after this one; None: of none."""
    from latticewatch.app.start.next_scan import next_scan  # slow to load: the window is on the screen before it

    return next_scan(plan)


def _ask_change(parent: Any, changes: Any, again: Any, **chosen: Any) -> Any:
    """The settings that the user wants of a running scan from now on; None: they stay."""
    from latticewatch.app.start.change_dialog import ask_change  # slow to load: the window is on the screen before it

    return ask_change(parent, changes, again, **chosen)


def _night_runs(plan: Any) -> Any:
    """The plan of the run that the user continues instead of this one; None: of none."""
    from latticewatch.app.start.next_scan import night_runs  # slow to load: the window is on the screen before it

    return night_runs(plan)


def _frames(folder: str, stream: str | None) -> tuple[Path | None, StreamAddress | None]:
    """The folder and the stream that are named. Raises UserError."""
    if not is_stream(folder):
        return Path(folder), stream_address(stream) if stream is not None else None
    if stream is not None:
        raise UserError(f"{folder}: a stream, and --stream names another; give a FOLDER with --stream")
    return None, stream_address(folder)
