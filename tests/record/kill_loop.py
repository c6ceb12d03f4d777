"""Kill the writer of a run, again and again, and see what is left.

``python -m tests.record.kill_loop FOLDER --kills 50 --writes 300`` kills 50 writers at random moments and 300 at
consecutive writes to the disk, half of them in the middle of the write. Prints one JSON object with the counts.
"""

import argparse
import contextlib
import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows

ROWS = 900
PAUSE_S = 0.002


@dataclass
class Counts:
    """What came of the kills.

    lost: reported rows that were not there or not the same afterwards. unopened: runs that ``read_run`` refused.
    unopened_by_h5py: files that a plain ``h5py.File`` refused before ``read_run`` had mended them.
    """

    kills: int = 0
    reported: int = 0
    lost: int = 0
    unopened: int = 0
    unopened_by_h5py: int = 0
    resumed_wrong: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--writes", type=int, default=0)
    parser.add_argument("--first", type=int, default=1, help="the first write to kill at")
    parser.add_argument("--step", type=int, default=1, help="kill at every n-th write only")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    counts = Counts()
    moments = random.Random(given.seed)
    for number in range(given.kills):
        _attempt(given.folder / f"random{number}.h5", counts, _at_moment(moments.uniform(0.0, 1.0)))
    for number in range(given.first, given.writes + 1, given.step):
        _attempt(given.folder / f"write{number}.h5", counts, _at_write(number))
    sys.stdout.write(json.dumps(vars(counts)) + "\n")


def _attempt(path: Path, counts: Counts, kill: Callable[[Path, int], int]) -> None:
    reading, writing = os.pipe()
    child = kill(path, writing)
    os.close(writing)
    reported = _read_all(reading)
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL) and os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"the writer ended by itself with {status}")
    counts.kills += 1
    counts.reported += reported
    _check(path, reported, counts)


def _check(path: Path, reported: int, counts: Counts) -> None:
    if not path.exists() and not journal_path(path).exists() and reported == 0:
        return
    try:
        with h5py.File(path, "r") as file:
            len(file["entry/trace/frame"])
    except (OSError, KeyError):
        counts.unopened_by_h5py += 1
    try:
        with read_run(path) as run:
            rows = list(run.rows)
    except Exception as error:
        sys.stderr.write(f"{path}: {error!r}\n")
        counts.unopened += 1
        counts.lost += reported
        return
    try:
        assert len(rows) >= reported
        assert_same_rows(rows, [runs.row(number, runs.two_theta()) for number in range(len(rows))], clocks=False)
        assert all(row.recorded_s > 0 for row in rows[:reported])
    except AssertionError:
        counts.lost += reported
    _resume(path, len(rows), counts)


def _resume(path: Path, start: int, counts: Counts) -> None:
    """Go on with the run to its end: it must be what an undisturbed one is."""
    with RunWriter.resume(path) as writer:
        for number in range(start, start + 5):
            writer.append(runs.row(number, runs.two_theta()))
    with read_run(path) as run:
        expected = [runs.row(number, runs.two_theta()) for number in range(start + 5)]
        try:
            assert_same_rows(run.rows, expected, clocks=False)
        except AssertionError:
            counts.resumed_wrong += 1
    path.unlink()


def _at_moment(share: float) -> Callable[[Path, int], int]:
    """Kill from outside, anywhere in the life of the writer."""

    def kill(path: Path, writing: int) -> int:
        child = os.fork()
        if child == 0:
            _write(path, writing, ROWS)
        time.sleep(0.02 + share * ROWS * PAUSE_S)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        return child

    return kill


def _at_write(number: int) -> Callable[[Path, int], int]:
    """Kill within the n-th write to the disk: before it, or half-way through it."""

    def kill(path: Path, writing: int) -> int:
        child = os.fork()
        if child == 0:
            _die_at(number)
            _write(path, writing, 20)
        return child

    return kill


def _die_at(number: int) -> None:
    real = os.pwrite
    seen = 0

    def pwrite(handle: int, content: Any, offset: int) -> int:
        nonlocal seen
        seen += 1
        if seen == number:
            if number % 2:
                real(handle, memoryview(content)[: len(content) // 2], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(handle, content, offset)

    os.pwrite = pwrite


def _write(path: Path, writing: int, rows: int) -> None:
    """In the child: record, and report each row once the recorder has."""
    try:
        with RunWriter(path, runs.header(), runs.two_theta()) as writer:
            for number in range(rows):
                row = writer.append(runs.row(number, runs.two_theta()))
                os.write(writing, f"{row.index}\n".encode())
                time.sleep(PAUSE_S if rows == ROWS else 0.0)
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
        os._exit(1)


def _read_all(reading: int) -> int:
    content = b""
    while select.select([reading], [], [], 60.0)[0] and (block := os.read(reading, 1 << 16)):
        content += block
    return content.count(b"\n")


if __name__ == "__main__":
    main()
