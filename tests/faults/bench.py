"""The whole command under faults: a scan is played into a folder while ``latticewatch watch --headless`` records it.

``python -m tests.faults.bench FOLDER --seeds 20 --frames 700`` plays one scan after another, each with faults of
every kind, and compares every run with an undisturbed one. ``--events off``: without file-system events;
``--queue 64``: with an inotify queue of so many (as root); ``--burst 5000``: so many frames at once. ``--kills 50``:
instead, kill the command at random moments and go on with ``--resume``. Prints one JSON object a run and one with
all of them.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latticewatch.processing.frame import Gap
from latticewatch.processing.record.run_file import read_run
from latticewatch.processing.series import Row
from latticewatch.processing.simulation.scan import write_scan
from tests.faults import mischief
from tests.faults.player import FOR_EVER, LEFT_OPEN, TRANSIENT, Player
from tests.record.equality import assert_same_row

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
IMPATIENT = "\n[source]\nsettle_s = 0.5\ngive_up_s = 1.5\nmissing_wait_s = 0.5\n"
IDLE_S = 10.0
PLAIN = 12
"""Frames without a fault at the beginning: in them the detector's defects are found, which all patterns depend on."""
KINDS = ("cbf", "cbf", "cbf", "tif", "edf")


@dataclass
class Tally:
    """What came of it. differing: patterns that are not those of an undisturbed run, bit for bit; refitted_wrong:
    rows that a second fit of the run's own patterns does not give again. lp_shift_esd: largest difference of a mean
    lattice parameter from the undisturbed run, in esds: the fit did not see the frames that are gaps.
    """

    played: int = 0
    kinds: int = 0
    recorded: int = 0
    gaps: int = 0
    filled: int = 0
    late: int = 0
    lost: int = 0
    silent: int = 0
    duplicated: int = 0
    invented: int = 0
    differing: int = 0
    refitted_wrong: int = 0
    uncounted: int = 0
    lp_shift_esd: float = 0.0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if name in ("kinds", "lp_shift_esd") else mine + value)

    @property
    def fine(self) -> bool:
        """Nothing is lost, silent, duplicated, invented or different."""
        bad = (self.lost, self.silent, self.duplicated, self.invented, self.differing, self.refitted_wrong)
        return not any(bad) and not self.uncounted and self.recorded + self.gaps == self.played


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--frames", type=int, default=700)
    parser.add_argument("--faults", type=float, default=0.5, help="share of the frames that have one")
    parser.add_argument("--every", action="store_true", help="every fault once, in place of a share of the frames")
    parser.add_argument("--events", choices=("on", "off"), default="on")
    parser.add_argument("--queue", type=int)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--kills", type=int, default=0)
    given = parser.parse_args()
    truth = Truth(given.folder / "truth", given.frames)
    total = Tally()
    with queue_of(given.queue):
        for seed in range(given.first, given.first + given.seeds):
            work = given.folder / f"seed{seed}"
            if given.burst:
                tally = burst(truth, work, given.burst)
            elif given.kills:
                tally = killed(truth, work, given.kills, seed)
            else:
                faults = None if given.every else given.faults
                tally = played(truth, work, seed, faults, events=given.events == "on")
            sys.stdout.write(json.dumps({"seed": seed, **vars(tally)}) + "\n")
            sys.stdout.flush()
            total.add(tally)
            if tally.fine:
                shutil.rmtree(work)
    sys.stdout.write(json.dumps({"fine": total.fine, **vars(total)}) + "\n")
    sys.exit(not total.fine)


class Truth:
    """An undisturbed scan, and the run it gives: rows by frame number."""

    def __init__(self, folder: Path, frames: int) -> None:
        self.scan = folder / "scan"
        run = folder / "run.h5"
        if not run.exists():
            shutil.rmtree(folder, ignore_errors=True)
            write_scan("iodide", self.scan, frames=frames, seed=11, detector="pilatus300k")
            command("process", self.scan, "--out", run)
        self.files = sorted(self.scan.glob("*.cbf"))[:frames]
        with read_run(run) as opened:
            self.rows = list(opened.rows)[: len(self.files)]


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    words = [sys.executable, "-m", "latticewatch.app", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=3600, **options)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def watching(folder: Path, out: Path, *more: str) -> Iterator["subprocess.Popen[str]"]:
    """The command, watching; it ends by itself once the folder is idle."""
    words = [sys.executable, "-m", "latticewatch.app", "watch", str(folder), "--headless", "--json"]
    words += ["--until-idle", str(IDLE_S), "--out", str(out), *more]
    with (
        out.with_suffix(".log").open("a") as log,
        out.with_suffix(".jsonl").open("a") as lines,
        subprocess.Popen(words, stdout=lines, stderr=log, text=True) as process,
    ):
        yield process


def prepare(truth: Truth, work: Path, *, events: bool = True) -> Path:
    """An empty scan folder with its settings one above."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "scan").mkdir(parents=True)
    shutil.copy(truth.scan / "geometry.poni", work)
    text = (truth.scan / "experiment.toml").read_text() + IMPATIENT + f"events = {str(events).lower()}\n"
    (work / "experiment.toml").write_text(text)
    return work / "scan"


def played(truth: Truth, work: Path, seed: int, faults: float | None, *, events: bool) -> Tally:
    """One scan with faults, every one once where no share is given, and what the command made of it."""
    begun_s = time.monotonic()
    folder = prepare(truth, work, events=events)
    player = Player(folder, KINDS[seed % len(KINDS)], seed, truth=truth.files, plain=PLAIN)
    with watching(folder, work / "run.h5") as process:
        player.wait_for_watcher = lambda: wait_for_rows(work / "run.jsonl", process)
        player.before_last = lambda: wait_for_quiet(work / "run.jsonl", process)
        if faults is None:
            each = [fault for name in sorted({**TRANSIENT, **FOR_EVER, **LEFT_OPEN}) for fault in (name, "none")]
            player.play_these((["none"] * PLAIN + each)[: len(truth.files)], beside=1.0)
        else:
            player.play(len(truth.files), faults)
        status = process.wait(600)
    tally = checked(truth, player, work / "run.h5")
    if status:
        tally.wrong.append(f"exit status {status}")
        tally.lost += 1
    tally.seconds = round(time.monotonic() - begun_s, 1)
    return tally


def wait_for_rows(told: Path, process: "subprocess.Popen[str]") -> None:
    """Until the command has recorded something."""
    while process.poll() is None and not (told.exists() and told.stat().st_size):
        time.sleep(0.05)


def wait_for_quiet(told: Path, process: "subprocess.Popen[str]", quiet_s: float = 5.0) -> None:
    """Until the command has recorded nothing for so long: every spoiled file is a gap by then."""
    size, since_s = -1, time.monotonic()
    while process.poll() is None and time.monotonic() - since_s < quiet_s:
        if told.stat().st_size != size:
            size, since_s = told.stat().st_size, time.monotonic()
        time.sleep(0.1)


def checked(truth: Truth, player: Player, path: Path) -> Tally:
    """Every frame that was played is there once with its own numbers, or is a gap with its reason."""
    tally = Tally(played=len(player.played), kinds=len(player.kinds - {"none"}))
    with read_run(path) as run:
        rows, traced = list(run.rows), list(run.traced)
    by_name = collections.defaultdict(list)
    for row in rows:
        by_name[row.name].append(row)
    for number, (name, fault) in enumerate(player.played.items(), 1):
        moved = by_name.pop(f"br_0002p_{number:05d}.{player.kind}", [])
        _check_frame(truth, player, number, fault, by_name.pop(name, []) + moved, tally)
    for name in by_name:
        tally.invented += 1
        tally.wrong.append(f"{name}: nobody played it")
    tally.filled = sum(row.filled is not None for row in rows)
    _check_counts(path, traced, tally)
    _check_refitted(path, rows, tally)
    tally.wrong = tally.wrong[:20]
    return tally


def _check_frame(truth: Truth, player: Player, number: int, fault: str, rows: list[Row], tally: Tally) -> None:
    """One frame: what is left of it in the run."""
    name = player.name(number)
    measured = [row for row in rows if row.pattern is not None]
    gaps = [row for row in rows if row.pattern is None]
    numbers = [number] + ([player.again[name]] if name in player.again else [])
    for row in measured:
        known = [each for each in numbers if _same_pattern(row, truth.rows[each - 1])]
        if not known:
            tally.differing += 1
            tally.wrong.append(f"{name}: {fault}: a pattern that nobody measured")
        elif known[0] == number:
            tally.lp_shift_esd = max(tally.lp_shift_esd, _shift_esd(row, truth.rows[number - 1]))
    if any(not isinstance(row.fit, Gap) or not row.fit.reason for row in gaps):
        tally.silent += 1
    # A name that went before it could be read is a gap, and what it was renamed to is the frame.
    if len(measured) + len(gaps) > len(numbers) + (fault == "renamed"):
        tally.duplicated += 1
        tally.wrong.append(f"{name}: {fault}: {len(measured)} rows and {len(gaps)} gaps")
    tally.late += max(0, len(rows) - 1)
    if measured:
        tally.recorded += 1
    elif gaps or (fault in LEFT_OPEN and not (player.folder / name).exists()):
        # Deleted, or renamed, before anybody could look: there is nothing to record, and that is what was played.
        tally.gaps += 1
    else:
        tally.lost += 1
        tally.wrong.append(f"{name}: {fault}: not there")
    if (fault in TRANSIENT or fault == "none") and not measured:
        tally.lost += 1
        tally.wrong.append(f"{name}: {fault}: a gap for ever: {gaps[0].fit if gaps else ''}")
    if fault in FOR_EVER and measured:
        tally.invented += 1
        tally.wrong.append(f"{name}: {fault}: a number from nothing")


def _same_pattern(row: Row, other: Row) -> bool:
    if row.pattern is None or other.pattern is None:
        return False
    pairs = ((row.pattern.intensity, other.pattern.intensity), (row.pattern.sigma, other.pattern.sigma))
    return all(np.array_equal(mine, true, equal_nan=True) for mine, true in pairs)


def _shift_esd(row: Row, other: Row) -> float:
    if isinstance(row.fit, Gap) or isinstance(other.fit, Gap):
        return 0.0
    return abs(row.fit.lp_mean_A - other.fit.lp_mean_A) / other.fit.lp_mean_esd_A


def _check_counts(path: Path, rows: list[Row], tally: Tally) -> None:
    """The summary's counts are those of the rows."""
    command("export", path, "--summary", path.with_suffix(".json"))
    summary = json.loads(path.with_suffix(".json").read_text())
    gaps = sum(isinstance(row.fit, Gap) for row in rows)
    account = summary["account"]
    filled = sum(row.filled is not None for row in rows)
    wanted = {"seen": len(rows), "recorded": len(rows) - gaps, "gaps": gaps, "waiting": 0, "filled": filled}
    if summary["gaps"] != gaps or {key: account[key] for key in wanted} != wanted or account["missing_numbers"] < 0:
        tally.uncounted += 1
        tally.wrong.append(f"summary {account}, rows {wanted}")


def _check_refitted(path: Path, rows: list[Row], tally: Tally) -> None:
    """Its own patterns, fitted and judged again in their order, give the run's numbers."""
    again = path.with_name("again.h5")
    command("process", path, "--out", again)
    with read_run(again) as run:
        for one, other in zip(run.rows, rows, strict=True):
            try:
                assert_same_row(one, other, clocks=False)
            except AssertionError as error:
                tally.refitted_wrong += 1
                tally.wrong.append(f"{other.name}: fitted again: {str(error)[:200]}")


def burst(truth: Truth, work: Path, count: int) -> Tally:
    """So many frames at once: moved into the folder as fast as they go."""
    begun_s = time.monotonic()
    folder = prepare(truth, work)
    (work / "ready").mkdir()
    player = Player(folder, "cbf", 0, truth=truth.files)
    for number in range(1, count + 1):
        source = truth.files[(number - 1) % len(truth.files)]
        (work / "ready" / player.name(number)).hardlink_to(source)
    with watching(folder, work / "run.h5") as process:
        time.sleep(5.0)
        for number in range(1, count + 1):
            (work / "ready" / player.name(number)).rename(folder / player.name(number))
        process.wait(1800)
    tally = Tally(played=count, kinds=1)
    with read_run(work / "run.h5") as run:
        names = [row.name for row in run.traced]
        for place, row in enumerate(run.rows):
            again, number = divmod(place, len(truth.rows))
            # The same files again: the first of them were integrated before the detector's defects were known.
            if not again or number >= PLAIN:
                tally.differing += not _same_pattern(row, truth.rows[number])
    wanted = [player.name(number) for number in range(1, count + 1)]
    tally.recorded = len(set(names))
    tally.lost, tally.duplicated = len(set(wanted) - set(names)), len(names) - len(set(names))
    tally.seconds = round(time.monotonic() - begun_s, 1)
    return tally


def killed(truth: Truth, work: Path, kills: int, seed: int) -> Tally:
    """Kill the command at random moments while frames come, go on each time, and compare the end with a whole run."""
    begun_s, moments = time.monotonic(), random.Random(seed)
    folder, out = prepare(truth, work), work / "run.h5"
    arrivals = iter(truth.files)
    reported: dict[int, str] = {}
    tally = Tally(played=len(truth.files), kinds=1)
    for attempt in range(kills + 1):
        with watching(folder, out, "--resume") as process:
            until_s = time.monotonic() + moments.uniform(4.0, 8.0)
            while (time.monotonic() < until_s or attempt == kills) and process.poll() is None:
                source = next(arrivals, None)
                if source is None and attempt == kills:
                    break
                if source is not None:
                    shutil.copy(source, folder / f".{source.name}")
                    (folder / f".{source.name}").rename(folder / source.name)
                time.sleep(moments.uniform(0.0, 0.5 if attempt < kills else 0.01))
            if attempt < kills:
                process.send_signal(signal.SIGKILL)
            process.wait(600)
        _check_reported(out, reported, tally)
    with read_run(out) as run:
        rows = list(run.rows)
    tally.recorded = len({row.name for row in rows})
    tally.duplicated = len(rows) - tally.recorded
    for row, true in zip(rows, truth.rows, strict=False):
        try:
            assert_same_row(replace_clock(row, true), true, clocks=False)
        except AssertionError as error:
            tally.differing += 1
            tally.wrong.append(f"{row.name}: {str(error)[:200]}")
    tally.lost += len(truth.rows) - len(rows)
    tally.seconds = round(time.monotonic() - begun_s, 1)
    tally.wrong = tally.wrong[:20]
    return tally


def replace_clock(row: Row, true: Row) -> Row:
    """The row with the file time of the original, which a copy has not."""
    from dataclasses import replace

    return replace(row, mtime_s=true.mtime_s)


def _check_reported(out: Path, reported: dict[int, str], tally: Tally) -> None:
    """Every row that was told on stdout is in the run."""
    for line in out.with_suffix(".jsonl").read_text().splitlines():
        with contextlib.suppress(ValueError):  # the last line may be torn
            told = json.loads(line)
            reported[told["frame"]] = told["file"]
    if not reported:
        return
    with read_run(out) as run:
        names = {row.index: row.name for row in run.traced}
    for frame, name in reported.items():
        if names.get(frame) != name:
            tally.lost += 1
            tally.wrong.append(f"frame {frame} was reported and is not there")


@contextlib.contextmanager
def queue_of(length: int | None) -> Iterator[None]:
    """An inotify queue of this length, for the time being."""
    if length is None:
        yield
        return
    before = QUEUE.read_text()
    QUEUE.write_text(str(length))
    try:
        yield
    finally:
        QUEUE.write_text(before)


if __name__ == "__main__":
    assert mischief.__doc__
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
