"""What recording costs: ``python -m tests.benchmarks.recording [ROWS]`` prints one JSON object per number of bins.

Times are CPU time of this process in milliseconds per row, and what mending and opening take for the whole run.
"""

import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.rebuild import heal
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs

CYCLE = 200


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    logging.disable(logging.CRITICAL)
    for bins in (530, 1000, 3000):
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(json.dumps(_measured(Path(folder) / "run.h5", count, bins)) + "\n")


def _measured(path: Path, count: int, bins: int) -> dict[str, float]:
    cycle = runs.rows(CYCLE, bins)
    writer = RunWriter(path, runs.header(), runs.two_theta(bins))

    def append(start: int, stop: int) -> None:
        for number in range(start, stop):
            row = cycle[number % CYCLE]
            writer.append(replace(row, index=number, name=f"scan_{number:06d}p.cbf", time_s=0.1 * number))

    tenth = count // 10
    first = _cpu_ms(lambda: append(0, tenth)) / tenth
    append(tenth, count - tenth)
    last = _cpu_ms(lambda: append(count - tenth, count)) / tenth
    writer.flush()
    mending = _cpu_ms(lambda: heal(path, keep_journal=True))
    close = _cpu_ms(writer.close)
    opening = _cpu_ms(lambda: read_run(path).close())
    return {
        "bins": bins,
        "rows": count,
        "append_ms_first_tenth": round(first, 4),
        "append_ms_last_tenth": round(last, 4),
        "close_ms": round(close, 1),
        "open_ms": round(opening, 1),
        "mend_ms": round(mending, 1),
        "bytes_per_row": round(path.stat().st_size / count, 1),
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return 1e3 * (time.process_time() - begun)


if __name__ == "__main__":
    main()
