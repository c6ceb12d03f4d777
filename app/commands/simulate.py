"""``latticewatch simulate``: a scan with known truth."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app.exit_status import INTERRUPTED
from latticewatch.app.run.signals import stopped_by_signals

Recipe = Annotated[str, typer.Argument(metavar="RECIPE", help="iodide, chloride, standard, layered, ..., realism.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the scan is written; made where missing.")]
Live = Annotated[bool, typer.Option("--live", help="At real pace.")]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="N", min=1e-3, help="Multiple of the real pace. Default: as fast as possible."),
]
Frames = Annotated[int | None, typer.Option("--frames", metavar="N", min=1, help="Default: the recipe's.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="The same seed gives the same bytes; with realism each is another scan.")
]
Detector = Annotated[str, typer.Option("--detector", metavar="NAME", help="pilatus2m or pilatus300k.")]


def simulate(
    recipe: Recipe,
    folder: Folder,
    live: Live = False,
    speed: Speed = None,
    frames: Frames = None,
    seed: Seed = 0,
    detector: Detector = "pilatus300k",
) -> int:
    """Write a scan with known truth: frames, geometry.poni, experiment.toml, truth.csv.

    Example: latticewatch simulate iodide demo/scan --live
    """
    from latticewatch.processing.simulation.scan import write_scan  # slow to load: pyFAI

    stop = threading.Event()
    with stopped_by_signals(stop):
        pace = 1.0 if live and speed is None else speed
        write_scan(recipe, folder, frames=frames, seed=seed, detector=detector, speed=pace, stop=stop)
    if stop.is_set():
        return INTERRUPTED
    typer.echo(f"{folder}: written; next: latticewatch process {folder}")
    return 0
