"""python -m tests.benchmarks.integration [--detector pilatus2m] [--repeats N] [--json FILE] [--short]

From CBF file to unsplit pattern and sigma: ours beside fabio + pyFAI, alternating in one run. Milliseconds a
frame, medians over the repeats; the files are in the page cache. Simulated frames of the iodide scan.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.simulation.detector import DETECTORS, detector_named
from latticewatch.processing.simulation.scan import write_scan
from tests.benchmarks.integration.methods import (
    Method,
    checksum_only,
    eiger_methods,
    largest_difference,
    methods,
    read_only,
)


@dataclass(frozen=True)
class Timing:
    """Milliseconds a frame. spread: from the lower to the upper quartile of the wall time."""

    method: str
    wall_ms: float
    spread_ms: float
    cpu_ms: float


def main() -> None:
    """Write frames, time every method in turn, write the table and, when asked, JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", nargs="*", default=["pilatus2m"], choices=list(DETECTORS))
    parser.add_argument("--eiger", action="store_true", help="an EIGER 4M stack (bitshuffle, LZ4) as well")
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--short", action="store_true", help="16 frames of 300K once: whether it runs, not how fast")
    options = parser.parse_args()
    if options.short:
        options.detector, options.frames, options.repeats = ["pilatus300k"], 16, 1
    results = [measured(name, options.frames, options.repeats) for name in options.detector]
    if options.eiger:
        results.append(measured_eiger(options.frames // 4, options.repeats))
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "results": results}, indent=1))


def measured(detector: str, frames: int, repeats: int) -> dict[str, object]:
    """All timings of one detector, written out as they stand."""
    shape = detector_named(detector).shape
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scan("iodide", folder, frames=frames, detector=detector, first=8 if frames < 300 else 0)
        files = sorted(folder.glob("*.cbf"))
        geometry = read_geometry(folder / "geometry.poni")
        intensity, sigma = largest_difference(geometry, shape, files[:16])
        ways = [
            *methods(geometry, shape),
            Method("(reading alone)", read_only),
            Method("(MD5 and reading)", checksum_only),
        ]
        timings = timed(ways, files, repeats)
    report(detector, len(files), timings)
    sys.stdout.write(f"largest relative difference from pyFAI: intensity {intensity:.1e}, sigma {sigma:.1e}\n")
    return {
        "detector": detector,
        "frames": len(files),
        "timings": [asdict(timing) for timing in timings],
        "largest_relative_difference": {"intensity": intensity, "sigma": sigma},
    }


def measured_eiger(frames: int, repeats: int) -> dict[str, object]:
    """An EIGER 4M: two stacks with half the frames each, faint, with gaps as its files code them."""
    geometry = Geometry(0.2, 0.08, 0.08, 0.01, 0.02, 0.0, 0.64066, 75e-6, 75e-6, detector="eiger4m")
    shape = (2167, 2070)
    two_theta = azimuthal_integrator(geometry, shape).center_array(shape, unit="2th_deg")
    level = 3 + 30 * np.exp(-two_theta / 4) + 40 * np.exp(-0.5 * ((two_theta - 15) / 0.2) ** 2)
    gaps = module_gaps(geometry, shape)
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name) / f"scan_{number}.h5" for number in range(2)]
        for path in files:
            with h5py.File(path, "w") as file:
                data = file.create_group("entry/data").create_dataset(
                    "data", (frames // 2, *shape), "u4", chunks=(1, *shape), **hdf5plugin.Bitshuffle()
                )
                for place in range(frames // 2):
                    data[place] = np.where(gaps, 2**32 - 1, rng.poisson(level))
        per_file = timed(eiger_methods(geometry, shape), files, repeats)
    scale = 2 / frames
    timings = [Timing(one.method, one.wall_ms * scale, one.spread_ms * scale, one.cpu_ms * scale) for one in per_file]
    report("eiger4m", frames, timings)
    return {"detector": "eiger4m", "frames": frames, "timings": [asdict(timing) for timing in timings]}


def timed(ways: Sequence[Method], files: Sequence[Path], repeats: int) -> list[Timing]:
    """Every method once for warming, then all of them in turn, ``repeats`` times."""
    for way in ways:
        way.work(files[:16])
    walls: list[list[float]] = [[] for _ in ways]
    cpus: list[list[float]] = [[] for _ in ways]
    for _ in range(repeats):
        for place, way in enumerate(ways):
            wall, cpu = time.perf_counter(), time.process_time()
            way.work(files)
            cpus[place].append((time.process_time() - cpu) / len(files) * 1e3)
            walls[place].append((time.perf_counter() - wall) / len(files) * 1e3)
    return [
        Timing(way.name, statistics.median(wall), _spread(wall), statistics.median(cpu))
        for way, wall, cpu in zip(ways, walls, cpus, strict=True)
    ]


def _spread(values: Sequence[float]) -> float:
    if len(values) < 4:
        return max(values) - min(values)
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


def report(detector: str, frames: int, timings: Sequence[Timing]) -> None:
    """The table on stdout; ratios are to pyFAI's default."""
    usual = timings[0]
    lines = [
        f"{detector}, {frames} frames, milliseconds a frame",
        f"{'':<44}{'wall':>8}{'spread':>8}{'cpu':>8}{'x wall':>8}{'x cpu':>8}",
    ]
    for one in timings:
        ratios = f"{usual.wall_ms / one.wall_ms:>8.1f}{usual.cpu_ms / one.cpu_ms:>8.1f}"
        lines.append(f"{one.method:<44}{one.wall_ms:>8.2f}{one.spread_ms:>8.2f}{one.cpu_ms:>8.2f}{ratios}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


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
