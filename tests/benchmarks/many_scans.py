"""python -m tests.benchmarks.many_scans [--json FILE]: many scans on a Dask cluster, two workers against one.

Some scans are simulated and linked under many names. The clusters are started and have done one scan before the
clock runs. Every run file is compared, bit for bit, with those of one worker, and these with ``process SCAN``.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latticewatch.processing.simulation.scan import write_scan
from tests.dask_cluster import dask_cluster
from tests.same_runs import differences

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """One way to work: wall time and the time on cores of command and workers; how many run files differ."""

    name: str
    wall_s: float
    cpu_s: float
    frames_per_s: float
    differing: int


def main() -> None:
    """Measure, write the table, and JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=40)
    parser.add_argument("--frames", type=int, default=330)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--pinned", action="store_true", help="each worker has one core to itself")
    parser.add_argument("--folder", type=Path, help="kept afterwards; simulated scans in it are used again")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.folder or Path(scratch)
        tree = scans(root, options.scans, options.frames, options.seeds)
        figures = measured(tree, options.scans * options.frames, options.repeats, options.pinned)
        alone = differing_alone(tree, options.seeds)
    results = {
        "figures": [asdict(each) for each in figures],
        "ratio": median(figures, "1 worker") / median(figures, "2 workers"),
        "pinned": options.pinned,
        "alone": options.seeds,
        "differing_alone": alone,
    }
    write(results, options.json)


def scans(root: Path, count: int, frames: int, seeds: int) -> Path:
    """A tree of so many scans; those of one seed share their files. One more to begin with."""
    kept = [root / f"simulated_{frames}_{seed}" for seed in range(seeds)]
    for seed, folder in enumerate(kept):
        if not folder.exists():
            write_scan("iodide", folder, frames=frames, seed=seed, detector="pilatus300k")
    tree = Path(tempfile.mkdtemp(prefix="tree_", dir=root))
    for number in range(count):
        link(kept[number % seeds], tree / "scans" / f"scan_{number:03d}")
    link(kept[0], tree / "first" / "scan")
    return tree


def link(scan: Path, to: Path) -> None:
    """The same files under another name."""
    to.mkdir(parents=True)
    for path in scan.iterdir():
        os.link(path, to / path.name)


def measured(tree: Path, frames: int, repeats: int, pinned: bool) -> list[Figure]:
    """Each way in turn, ``repeats`` times; the last with a worker killed when half the scans are begun."""
    figures: list[Figure] = []
    reference: list[Path] = []
    for repeat in range(repeats):
        for workers in (1, 2):
            out = tree / f"runs_{workers}_{repeat}"
            wall_s, cpu_s = on_cluster(tree, out, workers, pinned)
            runs = sorted(out.rglob("*.h5"))
            reference = reference or runs
            name = f"{workers} worker{'s' if workers > 1 else ''}"
            figures.append(Figure(name, wall_s, cpu_s, frames / wall_s, differing(runs, reference)))
    out = tree / "runs_killed"
    wall_s, cpu_s = on_cluster(tree, out, 2, pinned, lambda: kill_one(out, len(reference) // 2))
    runs = sorted(out.rglob("*.h5"))
    figures.append(Figure("2 workers, one killed", wall_s, cpu_s, frames / wall_s, differing(runs, reference)))
    return figures


def differing_alone(tree: Path, seeds: int) -> int:
    """How many of the first scans give another run file when each is processed by itself, without a cluster."""
    (tree / "alone").mkdir()
    for scan in sorted((tree / "scans").iterdir())[:seeds]:
        arguments = [
            sys.executable,
            "-m",
            "latticewatch.app",
            "process",
            scan,
            "--out",
            tree / "alone" / f"{scan.name}.h5",
        ]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return differing(sorted((tree / "runs_1_0").rglob("*.h5")), sorted((tree / "alone").iterdir()))


def on_cluster(
    tree: Path, out: Path, workers: int, pinned: bool, meanwhile: Callable[[], None] | None = None
) -> tuple[float, float]:
    """Seconds of the wall clock and on cores that the scans took."""
    with dask_cluster(workers, pinned=pinned) as address:
        command(tree / "first", tree / "warm" / out.name, address)
        thread = threading.Thread(target=meanwhile) if meanwhile else None
        before_s, start = cores_s(), time.perf_counter()
        if thread:
            thread.start()
        command(tree / "scans", out, address)
        wall_s = time.perf_counter() - start
        cpu_s = cores_s() - before_s
        if thread:
            thread.join()
    return wall_s, cpu_s


def command(tree: Path, out: Path, address: str) -> None:
    """The real command; it must end well."""
    arguments = [sys.executable, "-m", "latticewatch.app", "process", "--tree", tree, "--out", out]
    subprocess.run(
        [*arguments, "--scheduler", address], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill_one(out: Path, begun: int) -> None:
    """SIGKILL to a worker that records, once so many scans are begun."""
    while True:
        locks = sorted(out.rglob("*.h5.lock"))
        if locks and len(list(out.rglob("*.h5"))) >= begun:
            try:
                os.kill(int(locks[-1].read_text().split()[0]), signal.SIGKILL)
            except (OSError, ValueError, IndexError):
                continue
            return
        time.sleep(0.002)


def cores_s() -> float:
    """Seconds on cores of all that descends from this process, and of what it has waited for."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        used[pid] = sum(int(each) for each in fields[11:15])
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(used.get(pid, 0) for pid in ours) / TICKS


def differing(runs: Sequence[Path], reference: Sequence[Path]) -> int:
    """How many run files are missing or differ from those of the same name."""
    by_name = {path.name: path for path in runs}
    return sum(path.name not in by_name or bool(differences(path, by_name[path.name])) for path in reference)


def median(figures: Sequence[Figure], name: str) -> float:
    """Of the wall times."""
    return statistics.median(each.wall_s for each in figures if each.name == name)


def write(results: dict[str, Any], path: Path | None) -> None:
    """The table on stdout, everything as JSON in ``path``."""
    lines = [f"{'':24s}{'wall s':>9s}{'cores s':>9s}{'frames/s':>10s}{'differing':>11s}"]
    lines += [
        f"{each['name']:24s}{each['wall_s']:9.1f}{each['cpu_s']:9.1f}{each['frames_per_s']:10.0f}{each['differing']:11d}"
        for each in results["figures"]
    ]
    lines.append(
        f"2 workers are {results['ratio']:.2f} times as fast as 1{', one core each' if results['pinned'] else ''}"
    )
    lines.append(f"of {results['alone']} scans processed alone {results['differing_alone']} differ")
    sys.stdout.write("\n".join(lines) + "\n")
    if path:
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
