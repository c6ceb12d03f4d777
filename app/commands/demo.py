"""``latticewatch demo``: the main job on a simulated scan, written by a second process while it is watched."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None, typer.Argument(metavar="[FOLDER]", help="Where results go. Default: a new latticewatch-demo folder.")
]
Speed = Annotated[float, typer.Option("--speed", metavar="N", min=1.0, help="Multiple of the real pace.")]
Frames = Annotated[int, typer.Option("--frames", metavar="N", min=1, help="How many frames are written.")]


def demo(folder: Folder = None, speed: Speed = 20.0, frames: Frames = 330) -> int:
    """Watch a simulated iodide exchange from its first frame to its verdict, and keep the results.

    Example: latticewatch demo --speed 50
    """
    from latticewatch.app.commands.demonstration import run_demonstration  # slow to load: Qt

    return run_demonstration(folder, speed, frames)
