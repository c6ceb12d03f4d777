"""Whole commands: their time, CPU and memory, by the system's account of the finished process."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.speed.inputs import Scan
from tests.benchmarks.speed.table import Figure, Section, figure_of

BIN = Path(sys.executable).parent
OURS = "latticewatch process (integrates, fits, judges, records)"
CSR = "pyFAI-integrate, bbox csr"
BARE = "pyFAI-integrate, no method in its JSON (full split, histogram)"
MEMORY_MB = 700.0
# In a small process of its own: a child's account of memory begins with what its parent has.
MEASURED = """
import json, os, subprocess, sys, time
begin, first_s = time.perf_counter(), float("nan")
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
for number, _ in enumerate(process.stdout):
    first_s = first_s if number else time.perf_counter() - begin
_, status, usage = os.wait4(process.pid, 0)
if status:
    sys.exit(f"{sys.argv[1:3]} ended with {os.waitstatus_to_exitcode(status)}")
taken = {"wall_s": time.perf_counter() - begin, "cpu_s": usage.ru_utime + usage.ru_stime}
print(json.dumps(taken | {"memory_mb": usage.ru_maxrss / 1e3, "first_s": first_s}))
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds, and megabytes of memory at the most. first_s: until the first line on stdout."""

    wall_s: float
    cpu_s: float
    memory_mb: float
    first_s: float = float("nan")


def taken_by(command: Sequence[str], folder: Path) -> Taken:
    """Run a command to its end; it must succeed."""
    # Modules are compiled once, as they are wherever Python may write.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-S", "-c", MEASURED, *command], cwd=folder, env=environment, capture_output=True, check=True
    )
    taken: dict[str, float] = json.loads(run.stdout)
    return Taken(**taken)


def process(scan: Scan, folder: Path) -> Taken:
    """``latticewatch process`` of this scan."""
    out = folder / "out.h5"
    for path in folder.glob("out.h5*"):
        path.unlink()
    return taken_by([str(BIN / "latticewatch"), "process", str(scan.path), "--json", "--out", str(out)], folder)


def against_pyfai(scan: Scan, title: str, folder: Path, repeats: int) -> Section:
    """``process``, plan cached, and ``pyFAI-integrate`` of the same files, in turn."""
    section, results = Section(title, usual=CSR), dict[str, list[Taken]]()
    process(scan, folder)
    for _ in range(repeats):
        results.setdefault(OURS, []).append(process(scan, folder))
        results.setdefault(CSR, []).append(_pyfai(scan, folder, ["bbox", "csr", "cython"]))
    results[BARE] = [_pyfai(scan, folder, None)]  # slow: once
    for name in (CSR, BARE, OURS):
        walls, cpus = ([getattr(one, part) for one in results[name]] for part in ("wall_s", "cpu_s"))
        section.figures.append(figure_of(name, walls, cpus, "s"))
    section.at_least("against pyFAI-integrate, bbox csr", section.ratio(OURS), 8)
    section.at_least("against pyFAI-integrate, no method", section.ratio(OURS, BARE), 8)
    memory = statistics.median(one.memory_mb for one in results[OURS])
    section.facts = {"frames": scan.frames, "memory of process, MB": round(memory)}
    return section


def _pyfai(scan: Scan, folder: Path, method: Sequence[str] | None) -> Taken:
    shutil.rmtree(folder / "pyfai", ignore_errors=True)
    (folder / "pyfai").mkdir()
    (folder / "pyfai.json").write_text(json.dumps(_pyfai_settings(scan, method)))
    options = ["--no-gui", "-j", "pyfai.json", "-o", "pyfai"]
    return taken_by([str(BIN / "pyFAI-integrate"), *options, *map(str, scan.files)], folder)


def _pyfai_settings(scan: Scan, method: Sequence[str] | None) -> dict[str, object]:
    from pyFAI.io.integration_config import WorkerConfig
    from pyFAI.io.ponifile import PoniFile

    settings = WorkerConfig(application="pyfai-integrate", poni=PoniFile(str(scan.folder / "geometry.poni")))
    settings.nbpt_rad, settings.unit, settings.polarization_factor = 1500, "2th_deg", 0.99
    settings.error_model = "poisson"
    values: dict[str, object] = json.loads(json.dumps(settings.as_dict(), default=str))
    return {**values, "method": method}


def start_and_memory(scans: Sequence[tuple[str, Scan]], folder: Path, repeats: int) -> Section:
    """Start-up, and what ``process`` takes of memory. The plans are cached by a run before."""
    section = Section("Start-up and memory of the command")
    helped = [taken_by([str(BIN / "latticewatch"), "--help"], folder) for _ in range(repeats + 1)][1:]
    section.figures.append(figure_of("latticewatch --help", *_times(helped), "s"))
    section.at_most("latticewatch --help", statistics.median(one.wall_s for one in helped), 0.3, " s")
    for name, scan in scans:
        process(scan, folder)
        runs = [process(scan, folder) for _ in range(repeats)]
        section.figures.append(figure_of(f"process, {scan.frames} frames of {name}", *_times(runs), "s"))
        section.figures.append(figure_of(f"... until its first row, {name}", [one.first_s for one in runs], (), "s"))
        memory = statistics.median(one.memory_mb for one in runs)
        section.figures.append(Figure(f"... memory, {name}", memory, unit="MB"))
        if name == "PILATUS 2M":
            section.at_most("memory of process at 2M", memory, MEMORY_MB, " MB")
    return section


def _times(runs: Sequence[Taken]) -> tuple[list[float], list[float]]:
    return [one.wall_s for one in runs], [one.cpu_s for one in runs]
