"""From the command to the window on the screen and to the first frame in it, and ``latticewatch --help``.

    python -m tests.benchmarks.window.start_up [--json] [--runs 5] [--detector pilatus300k]

Every figure is of a process of its own, from before it is begun. A first run fills the caches of the compiler and of
the integration plan and is not counted. CPU: of all threads until then, which a busy machine spoils less. On a screen
where there is one (xvfb-run), else offscreen.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WATCHED = Path(__file__).with_name("watched_start.py")
LATTICEWATCH = [sys.executable, "-m", "latticewatch.app"]


def started(scan: Path, out: Path) -> dict[str, float]:
    """Seconds from the command until each thing was seen, and the CPU seconds spent until then."""
    command = [sys.executable, str(WATCHED), str(time.time()), "watch", str(scan), "--frames", "1", "--out", str(out)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(said.splitlines()[0])


def helped() -> dict[str, float]:
    """Seconds of ``latticewatch --help``."""
    began = time.perf_counter()
    subprocess.run([*LATTICEWATCH, "--help"], stdout=subprocess.DEVNULL, check=True)
    return {"help": time.perf_counter() - began}


def measure(runs: int, detector: str) -> dict[str, dict[str, float]]:
    """Least, median and most of each figure, in seconds."""
    from latticewatch.processing.simulation.scan import write_scan

    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "scan"
        write_scan("iodide", scan, frames=1, detector=detector)
        for number in range(runs + 1):
            found = {**started(scan, Path(folder) / f"{number}.h5"), **helped()}
            for name, seconds in found.items() if number else ():
                figures.setdefault(name, []).append(seconds)
    return {
        name: {"least": min(each), "median": statistics.median(each), "most": max(each)}
        for name, each in figures.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--detector", default="pilatus300k")
    given = parser.parse_args()
    figures = measure(given.runs, given.detector)
    if given.json:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
        return
    for name, each in figures.items():
        spread = ", ".join(f"{which} {seconds:.2f} s" for which, seconds in each.items())
        sys.stdout.write(f"{name:24s} {spread}\n")


if __name__ == "__main__":
    main()
