"""A watched folder that holds very many files already: lag, CPU and memory while frames arrive at 10 a second.

Run: python -m tests.benchmarks.watching [FILES]
"""

import json
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from latticewatch.processing.sources.folder.watched import WatchedFolder
from tests.sources import frame_files

RATE_HZ, ARRIVING = 10.0, 200


def measure(folder: Path, files: int) -> dict[str, float]:
    """Figures of one run; the CPU time includes writing and reading the frames that arrive."""
    content = frame_files.cbf(frame_files.counts(1), stamp=frame_files.stamp(1.0))
    for number in range(1, files + 1):
        (folder / f"scan_{number:06d}.cbf").write_bytes(content)
    begin_s, lags, figures = time.monotonic(), [], {}
    source = WatchedFolder(folder, frame_limit=files + ARRIVING)
    for frame in source.frames(threading.Event()):
        if frame.index == files - 1:
            figures["backlog_s"] = time.monotonic() - begin_s
            threading.Thread(target=_write, args=(folder, files, content)).start()
            clock_s, cpu_s = time.monotonic(), time.process_time()
        if frame.index >= files:
            lags.append(time.time() - frame.mtime_s)
    return figures | {
        "files": files,
        "lag_median_s": statistics.median(lags),
        "lag_most_s": max(lags),
        "cpu_percent": 100.0 * (time.process_time() - cpu_s) / (time.monotonic() - clock_s),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000.0,
    }


def _write(folder: Path, files: int, content: bytes) -> None:
    for number in range(files + 1, files + ARRIVING + 1):
        hidden = folder / f".scan_{number:06d}.cbf"
        hidden.write_bytes(content)
        hidden.rename(folder / f"scan_{number:06d}.cbf")
        time.sleep(1.0 / RATE_HZ)


def main() -> None:
    """Measure and print one JSON object."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), files)
    sys.stdout.write(json.dumps({key: round(value, 3) for key, value in figures.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
