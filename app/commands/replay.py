"""``latticewatch replay``: the same window on a recorded scan."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app.commands import options
from latticewatch.app.commands.watch import Headless, Night, Screenshot
from latticewatch.app.run.given import Given

Scan = Annotated[Path, typer.Argument(metavar="SCAN", help="A folder of frames, an HDF5 stack or a run file.")]
Speed = Annotated[str, typer.Option("--speed", metavar="N|max", help="Multiple of the real pace, or max.")]


@options.with_inputs
def replay(
    scan: Scan,
    speed: Speed = "1",
    out: options.OutFile = None,
    json: options.Json = False,
    headless: Headless = False,
    screenshot: Screenshot = None,
    night: Night = False,
    *,
    given: Given,
) -> int:
    """Replay a recorded scan through the live path: play, pause, step, scrub.

    Example: latticewatch replay br_i_003.h5 --speed 20
    """
    from latticewatch.app.run.decisions import decide  # slow to load: numba, h5py
    from latticewatch.app.run.request import Request  # slow to load: numba, h5py
    from latticewatch.processing.sources.pacing import Transport  # slow to load: numba

    plan = decide(Request(scan, given, transport=Transport(speed=_factor(speed)), out=out))
    if headless:
        from latticewatch.app.run.headless import run_headless  # slow to load: readers of all formats

        return run_headless(plan, as_json=json)
    from latticewatch.app.window.application import run_windowed  # slow to load: Qt

    return run_windowed(plan, as_json=json, screenshot=screenshot, dark=night)


def _factor(speed: str) -> float:
    try:
        factor = float("inf") if speed == "max" else float(speed)
    except ValueError:
        factor = 0.0
    if not factor > 0.0:
        raise typer.BadParameter(f"'{speed}' is no speed; give a number such as 20, or max", param_hint="--speed")
    return factor
