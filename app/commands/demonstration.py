"""The main job end to end: a second process writes a scan, this one watches it and leaves the results."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from latticewatch.app.commands.exports import export_run
from latticewatch.app.output import write_line
from latticewatch.app.run.decisions import decide
from latticewatch.app.run.request import Request
from latticewatch.app.window.application import run_windowed
from latticewatch.processing.errors import UserError

RECIPE = "iodide"
PATIENCE_S = 60.0


def run_demonstration(folder: Path | None, speed: float, frames: int) -> int:
    """Write, watch, export; prints where the results are and what the verdict was."""
    names = chain(["latticewatch-demo"], (f"latticewatch-demo-{number}" for number in count(2)))
    folder = folder or next(path for path in map(Path, names) if not path.exists())
    scan, run = folder / "scan", folder / "run.h5"
    with _written_by_another_process(scan, speed, frames):
        plan = decide(Request(scan, live=True, out=run, until_idle_s=PATIENCE_S, frame_limit=frames))
        status = run_windowed(plan, as_json=False, screenshot=folder / "screenshot.png")
    if run.exists():
        export_run(run, trace=folder / "trace.csv", summary=folder / "summary.json")
        write_line(f"results: {', '.join(sorted(str(path) for path in folder.iterdir() if path.is_file()))}")
    return status


@contextmanager
def _written_by_another_process(scan: Path, speed: float, frames: int) -> Iterator[None]:
    command = [sys.executable, "-m", "latticewatch.app", "simulate", RECIPE, str(scan)]
    writer = subprocess.Popen([*command, "--speed", str(speed), "--frames", str(frames)])
    try:
        toml = scan / "experiment.toml"
        deadline = time.monotonic() + PATIENCE_S
        while not toml.exists():
            if writer.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"{scan}: the simulated scan did not start; see the line above")
            time.sleep(0.05)
        yield
    finally:
        writer.terminate()
        writer.wait()
