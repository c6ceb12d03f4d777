"""An undisturbed scan and its run, and the command line as a process."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.simulation.recipes import recipe_named
from latticewatch.processing.simulation.scan import write_scan


class Truth:
    """An undisturbed scan, and the run it gives: rows by frame number. period_s: 0 for the recipe's."""

    def __init__(self, folder: Path, frames: int, period_s: float = 0.0) -> None:
        self.scan = folder / "scan"
        run = folder / "run.h5"
        if not run.exists():
            shutil.rmtree(folder, ignore_errors=True)
            recipe = recipe_named("iodide")
            recipe = replace(recipe, frame_period_s=period_s) if period_s else recipe
            write_scan(recipe, self.scan, frames=frames, seed=11, detector="pilatus300k")
            command("process", self.scan, "--out", run)
        self.files = sorted(self.scan.glob("*.cbf"))[:frames]
        with read_run(run) as opened:
            self.rows = list(opened.rows)[: len(self.files)]


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    words = [sys.executable, "-m", "latticewatch.app", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=3600, **options)  # type: ignore[call-overload,no-any-return]
