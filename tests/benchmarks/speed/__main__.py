"""python -m tests.benchmarks.speed [--short] [--json FILE] [--only NAME ...]

From files to patterns and to recorded lattice parameters, live latency, whole commands, start-up, memory and growth;
ours beside the yardsticks, in turn, in one run. Frames are simulated and lie in the page cache. Takes some minutes;
``--short``: small and once, to see that everything runs: its figures mean nothing.
"""

import argparse
import gc
import json
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.speed import commands, growth, live, patterns, pipeline
from tests.benchmarks.speed.inputs import Scan, eiger, pilatus
from tests.benchmarks.speed.table import Section


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured. short: whether it runs, not how fast."""

    short: bool
    repeats: int
    small: int
    middle: int
    eiger4m: int
    eiger16m: int
    live: int
    rows: int


FULL = Extent(False, 5, 64, 128, 32, 8, 330, 20_000)
SHORT = Extent(True, 1, 24, 24, 2, 0, 12, 200)
Part = Callable[["Bench"], Iterator[Section]]


class Bench:
    """The scans, made when they are first asked for."""

    def __init__(self, folder: Path, extent: Extent) -> None:
        self.folder, self.extent = folder, extent
        self._scans: dict[str, Scan] = {}

    def scan(self, name: str) -> Scan:
        """300K, 2M, 4M or 16M."""
        if name not in self._scans:
            self._scans[name] = self._made(name)
        return self._scans[name]

    def _made(self, name: str) -> Scan:
        extent, folder = self.extent, self.folder / name
        if name in ("300K", "2M"):
            return pilatus(folder, f"pilatus{name.lower()}", extent.small if name == "300K" else extent.middle)
        return eiger(folder, f"Eiger{name}", extent.eiger4m if name == "4M" else extent.eiger16m)

    def largest_pilatus(self) -> tuple[str, Scan]:
        """The PILATUS that most parts are about."""
        name = "300K" if self.extent.short else "2M"
        return name, self.scan(name)

    def room(self, name: str) -> Path:
        """An empty folder for what is written."""
        folder = self.folder / name
        folder.mkdir()
        return folder


def main() -> None:
    """Measure, write the table as it comes and, when asked, JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sections: list[Section] = []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), SHORT if options.short else FULL)
        for part in options.only:
            begin = time.perf_counter()
            for section in PARTS[part](bench):
                sections.append(section)
                sys.stdout.write(section.as_text() + "\n")
                sys.stdout.flush()
            sys.stderr.write(f"{part}: {time.perf_counter() - begin:.0f} s\n")
            gc.collect()
    if options.json:
        results = {"machine": machine(), "sections": [section.as_json() for section in sections]}
        options.json.write_text(json.dumps(results, indent=1))


def _cbf(bench: Bench) -> Iterator[Section]:
    repeats, short = bench.extent.repeats, bench.extent.short
    if not short:
        yield patterns.pilatus_section(bench.scan("2M"), "File to pattern: PILATUS 2M CBF", repeats, judged=True)
    yield patterns.pilatus_section(bench.scan("300K"), "File to pattern: PILATUS 300K CBF", repeats, judged=False)


def _hdf5(bench: Bench) -> Iterator[Section]:
    repeats, short = bench.extent.repeats, bench.extent.short
    yield patterns.eiger_section(bench.scan("4M"), "File to pattern: Eiger 4M bslz4", repeats, judged=not short)
    if not short:
        yield patterns.eiger_section(bench.scan("16M"), "File to pattern: Eiger 16M bslz4", 1, judged=False)


def _loop(bench: Bench) -> Iterator[Section]:
    name, scan = bench.largest_pilatus()
    title = f"File to recorded Lp and esd: PILATUS {name}, two components, backlog"
    yield pipeline.end_to_end(scan, title, min(3, bench.extent.repeats), patterns.yardstick_ms(scan))


def _live(bench: Bench) -> Iterator[Section]:
    name = "300K" if bench.extent.short else "2M"
    scan = pilatus(bench.folder / "arriving", f"pilatus{name.lower()}", bench.extent.live)
    yield live.live_section(scan, f"Live at {live.RATE_HZ:.0f} frames a second: PILATUS {name}", bench.room("live"))


def _commands(bench: Bench) -> Iterator[Section]:
    short = bench.extent.short
    name = "300K" if short else "2M"
    scan = pilatus(bench.folder / "ninety", f"pilatus{name.lower()}", 8 if short else 90)
    title = f"Whole commands: PILATUS {name}, {scan.frames} frames, plan cached"
    yield commands.against_pyfai(scan, title, bench.room("commands"), 1 if short else 3)
    scans = [(f"PILATUS {name}", scan)]
    scans += [] if short else [("Eiger 4M", bench.scan("4M")), ("Eiger 16M", bench.scan("16M"))]
    yield commands.start_and_memory(scans, bench.room("starting"), 1 if short else 3)


def _growth(bench: Bench) -> Iterator[Section]:
    names = ["300K"] if bench.extent.short else ["300K", "2M", "4M", "16M"]
    scans = [(name, bench.scan(name), growth.one_frame(bench.scan(name))) for name in names]
    yield growth.growth_section(scans, bench.extent.repeats)
    yield growth.fit_growth(bench.largest_pilatus()[1])


def _length(bench: Bench) -> Iterator[Section]:
    scan = pilatus(bench.folder / "long", "pilatus300k", 20 if bench.extent.short else 60, first=270)
    yield growth.length_section(scan, bench.extent.rows, bench.room("length"))


PARTS: dict[str, Part] = {
    "cbf": _cbf,
    "hdf5": _hdf5,
    "loop": _loop,
    "live": _live,
    "commands": _commands,
    "growth": _growth,
    "length": _length,
}


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        **{name: version(name) for name in ("numpy", "numba", "pyFAI", "fabio")},
    }


if __name__ == "__main__":
    main()
