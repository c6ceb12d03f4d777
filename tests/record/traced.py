"""Faults injected into system calls by strace: the n-th write to the disk kills the process, or finds no space.

``python -m tests.record.traced FOLDER --kills 300`` kills a recorder at 300 consecutive writes, and goes on with it.
``--full 200`` lets each of the first 200 writes fail with "no space" in turn, once and from then on. With ``--command
SCAN`` the whole command ``latticewatch process SCAN`` is traced in place of a recorder. Prints one JSON object with
the counts.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows

ROWS = 20
SEVERAL = 2
"""Exit status where what was given is unusable: one line was said."""


@dataclass
class Counts:
    """What came of it. lost: reported rows that were not there or not the same. loud: not one line, or a traceback."""

    runs: int = 0
    hit: int = 0
    reported: int = 0
    lost: int = 0
    unopened: int = 0
    crashed: int = 0
    loud: int = 0
    resumed_wrong: int = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        if len(self.wrong) < 20:
            self.wrong.append(what)


def can_trace() -> bool:
    """Whether strace is there and may trace."""
    strace = shutil.which("strace")
    return (
        strace is not None and subprocess.run([strace, "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--full", type=int, default=0)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--command", type=Path, metavar="SCAN")
    parser.add_argument("--child", action="store_true", help="be the recorder that is traced")
    given = parser.parse_args()
    if given.child:
        sys.exit(_record(given.folder))
    given.folder.mkdir(parents=True, exist_ok=True)
    expected = _expected(given.folder, given.command)
    counts = Counts()
    for number in range(given.first, given.kills + 1, given.step):
        _attempt(given.folder / f"kill{number}.h5", f"signal=SIGKILL:when={number}", given.command, expected, counts)
    for number in range(given.first, given.full + 1, given.step):
        for mode, when in (("once", f"{number}"), ("ever", f"{number}+")):
            path = given.folder / f"{mode}{number}.h5"
            _attempt(path, f"error=ENOSPC:when={when}", given.command, expected, counts)
    sys.stdout.write(json.dumps(vars(counts)) + "\n")


def _record(path: Path) -> int:
    """A recorder; each row is told once it is recorded, and what stops it in one line."""
    try:
        with RunWriter(path, runs.header(), runs.two_theta()) as writer:
            for number in range(ROWS):
                row = writer.append(runs.row(number, runs.two_theta()))
                sys.stdout.write(f"{row.index}\n")
                sys.stdout.flush()
    except UserError as error:
        sys.stderr.write(f"latticewatch: {error}\n")
        return SEVERAL
    return 0


def _expected(folder: Path, scan: Path | None) -> Callable[[int], list[Row]]:
    """The first rows of an undisturbed run."""
    if scan is None:
        return lambda count: [runs.row(number, runs.two_theta()) for number in range(count)]
    whole = folder / "undisturbed.h5"
    whole.unlink(missing_ok=True)
    subprocess.run(_words(whole, scan), check=True, capture_output=True)
    with read_run(whole) as run:
        rows = list(run.rows)
    return lambda count: rows[:count]


def _words(path: Path, scan: Path | None) -> list[str]:
    if scan is None:
        return [sys.executable, "-m", "tests.record.traced", str(path), "--child"]
    return [sys.executable, "-m", "latticewatch.app", "process", str(scan), "--json", "--out", str(path)]


def _attempt(
    path: Path, injected: str, scan: Path | None, expected: Callable[[int], list[Row]], counts: Counts
) -> None:
    words = ["strace", "-f", "-qq", "-o", str(path.with_suffix(".strace")), "-e", "trace=pwrite64"]
    words += ["-e", f"inject=pwrite64:{injected}", *_words(path, scan)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    log = path.with_suffix(".strace")
    counts.runs += 1
    counts.hit += "(INJECTED)" in log.read_text() or "killed by SIGKILL" in log.read_text()
    reported = done.stdout.count("\n")
    counts.reported += reported
    _check_end(path.name, done, "SIGKILL" in injected, reported == len(expected(1000)[:ROWS]), counts)
    _check_rows(path, reported, expected, counts, going_on=scan is None and "SIGKILL" in injected)
    for each in path.parent.glob(f"*{path.stem}.*"):
        each.unlink()


def _check_end(name: str, done: "subprocess.CompletedProcess[str]", killed: bool, whole: bool, counts: Counts) -> None:
    if killed and done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return
    if done.returncode not in (0, SEVERAL):
        counts.crashed += 1
        counts.note(f"{name}: exit status {done.returncode}: {done.stderr[-300:]}")
    said = [line for line in done.stderr.splitlines() if line.startswith("latticewatch: ")]
    if "Traceback" in done.stderr or (done.returncode == SEVERAL and len(said) != 1) or not (done.returncode or whole):
        counts.loud += 1
        counts.note(f"{name}: {done.stderr[-300:]}")


def _check_rows(
    path: Path, reported: int, expected: Callable[[int], list[Row]], counts: Counts, going_on: bool
) -> None:
    if not path.exists() and not journal_path(path).exists():
        counts.lost += reported
        return
    try:
        with read_run(path) as run:
            rows = list(run.rows)
    except UserError as error:
        counts.unopened += 1
        counts.lost += reported
        counts.note(f"{path.name}: {error}")
        return
    try:
        assert len(rows) >= reported
        assert_same_rows(rows, expected(len(rows)), clocks=False)
    except AssertionError as error:
        counts.lost += 1
        counts.note(f"{path.name}: {str(error)[:200]}")
        return
    if going_on:
        _check_resumed(path, len(rows), counts)


def _check_resumed(path: Path, start: int, counts: Counts) -> None:
    """The rest of the run, recorded after the kill: it is what an undisturbed one is."""
    with RunWriter.resume(path) as writer:
        for number in range(start, ROWS):
            writer.append(runs.row(number, runs.two_theta()))
    with read_run(path) as run:
        try:
            assert_same_rows(run.rows, [runs.row(number, runs.two_theta()) for number in range(ROWS)], clocks=False)
        except AssertionError as error:
            counts.resumed_wrong += 1
            counts.note(f"{path.name}: gone on with: {str(error)[:200]}")


if __name__ == "__main__":
    main()
