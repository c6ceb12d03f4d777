"""``latticewatch watch``: live."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app import options
from latticewatch.app.options import Given

Folder = Annotated[
    Path | None, typer.Argument(metavar="FOLDER", help="The folder that the detector writes to. Left out: a dialog.")
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


def watch(
    folder: Folder = None,
    geometry: options.GeometryFile = None,
    experiment: options.ExperimentFile = None,
    mask: options.MaskFile = None,
    dark: options.DarkFile = None,
    flat: options.FlatFile = None,
    orientation: options.Orientation = None,
    out: options.OutFile = None,
    resume: options.Resume = False,
    json: options.Json = False,
    headless: Headless = False,
    until_idle: UntilIdle = None,
    frames: Frames = None,
    screenshot: Screenshot = None,
    night: Night = False,
    verbose: options.Verbose = False,
) -> int:
    """Watch a folder while the detector writes it; everything seen is recorded.

    Example: latticewatch watch /data/visitor/br_i_004 --geometry lab6.poni --out br_i_004.h5
    """
    del verbose
    from latticewatch.app.openings import watched_scan

    given = Given(geometry, experiment, mask, dark, flat, orientation)
    if folder is None:
        from latticewatch.app.asking import ask_for_scan

        chosen = ask_for_scan(headless=headless)
        if chosen is None:
            return 0
        folder, given = chosen.folder, chosen.given
    opening = watched_scan(folder, given, out, until_idle_s=until_idle, frame_limit=frames, resume=resume)
    if headless:
        from latticewatch.app.headless import run_headless

        return run_headless(opening, as_json=json, title=folder.name)
    from latticewatch.app.windowed import run_windowed

    return run_windowed(opening, as_json=json, title=folder.name, screenshot=screenshot, dark=night)
