"""The whole command under faults: a scan is played into a folder while ``latticewatch watch --headless`` records it.

``python -m tests.faults.bench FOLDER --seeds 20 --frames 700`` plays one scan after another, each with faults of
every kind, and compares every run with an undisturbed one. ``--period 0.7``: at this pace, with the program's own times
of waiting, and looks how long good frames were not shown. ``--events off``: without file-system events;
``--queue 64``: with an inotify queue of so many (as root); ``--burst 5000``: so many frames at once. ``--kills 50``:
instead, kill the command at random moments and continue with ``--resume``. Prints one JSON object a run and one with
all of them.
"""

import argparse
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
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.record.run_file.reader import read_run
from tests.faults import mischief
from tests.faults.player import FOR_EVER, LEFT_OPEN, TRANSIENT, Player
from tests.faults.tally import Tally, checked, same_pattern
from tests.faults.truth import Truth
from tests.record.equality import assert_same_row

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
IMPATIENT = "\n[source]\nsettle_s = 0.5\ngive_up_s = 1.5\nmissing_wait_s = 0.5\n"
SETTLING = "\n[source]\nsettle_s = 0.5\n"
IDLE_S = 10.0
PERIODS = 3.0
"""So soon after it was written a good frame is to be shown."""
LOOKED_FOR_S = 0.5
PLAIN = 12
"""Frames without a fault at the beginning: in them the detector's defects are found, which all patterns depend on."""
KINDS = ("cbf", "cbf", "cbf", "tif", "edf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--frames", type=int, default=700)
    parser.add_argument("--faults", type=float, default=0.5, help="share of the frames that have one")
    parser.add_argument("--every", action="store_true", help="every fault once, in place of a share of the frames")
    parser.add_argument("--period", type=float, default=0.0, help="seconds from frame to frame")
    parser.add_argument("--events", choices=("on", "off"), default="on")
    parser.add_argument("--queue", type=int)
    parser.add_argument("--burst", type=int, default=0)
    parser.add_argument("--kills", type=int, default=0)
    given = parser.parse_args()
    truth = Truth(given.folder / "truth", given.frames, given.period)
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
                tally = played(truth, work, seed, faults, events=given.events == "on", period_s=given.period)
            sys.stdout.write(json.dumps({"seed": seed, **vars(tally)}) + "\n")
            sys.stdout.flush()
            total.add(tally)
            if tally.fine:
                shutil.rmtree(work)
    sys.stdout.write(json.dumps({"fine": total.fine, **vars(total)}) + "\n")
    sys.exit(not total.fine)


@contextlib.contextmanager
def watching(
    folder: Path, out: Path, *more: str, window: bool = False, idle_s: float = IDLE_S
) -> Iterator["subprocess.Popen[str]"]:
    """The command, watching; it ends by itself once the folder is idle."""
    words = [sys.executable, "-m", "latticewatch.app", "watch", str(folder), "--json"]
    words += [] if window else ["--headless"]
    words += ["--until-idle", str(idle_s), "--out", str(out), *more]
    with (
        out.with_suffix(".log").open("a") as log,
        out.with_suffix(".jsonl").open("a") as lines,
        subprocess.Popen(words, stdout=lines, stderr=log, text=True) as process,
    ):
        yield process


def prepare(truth: Truth, work: Path, *, events: bool = True, waits: str = IMPATIENT) -> Path:
    """An empty scan folder with its settings one above."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "scan").mkdir(parents=True)
    shutil.copy(truth.scan / "geometry.poni", work)
    text = (truth.scan / "experiment.toml").read_text() + waits + f"events = {str(events).lower()}\n"
    (work / "experiment.toml").write_text(text)
    return work / "scan"


def played(truth: Truth, work: Path, seed: int, faults: float | None, *, events: bool, period_s: float = 0.0) -> Tally:
    """One scan with faults, every one once where no share is given, and what the command made of it."""
    begun_s = time.monotonic()
    folder = prepare(truth, work, events=events, waits=SETTLING if period_s else IMPATIENT)
    player = Player(folder, KINDS[seed % len(KINDS)], seed, truth=truth.files, plain=PLAIN, period_s=period_s)
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
    if period_s:
        check_lag(player, work / "run.h5", tally)
    if status:
        tally.wrong.append(f"exit status {status}")
        tally.lost += 1
    tally.seconds = round(time.monotonic() - begun_s, 1)
    return tally


def check_lag(player: Player, path: Path, tally: Tally) -> None:
    """How long frames without a fault were there before they were recorded, once the watch is up.

    Without the time for which the folder was away, and the half second after which it is looked for again.
    """
    with read_run(path) as run:
        recorded_s = {row.name: row.recorded_s for row in run.traced}
    names = list(player.written_s)[PLAIN:]
    lags = {
        name: recorded_s[name] - player.written_s[name] - away_s(player, player.written_s[name], recorded_s[name])
        for name in names
        if name in recorded_s
    }
    tally.lag_periods = round(max(lags.values()) / player.period_s, 2)
    tally.late_shown = sum(lag > PERIODS * player.period_s for lag in lags.values())
    tally.wrong += [f"{name}: shown after {lag:.2f} s" for name, lag in lags.items() if lag > PERIODS * player.period_s]


def away_s(player: Player, begun_s: float, ended_s: float) -> float:
    """For how long of this time the folder was not there, with what passes until it is looked for again."""
    overlaps = (min(ended_s, end_s + LOOKED_FOR_S) - max(begun_s, away_s) for away_s, end_s in player.away)
    return sum(max(0.0, overlap) for overlap in overlaps)


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
                tally.differing += not same_pattern(row, truth.rows[number])
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
            assert_same_row(replace(row, mtime_s=true.mtime_s), true, clocks=False)
        except AssertionError as error:
            tally.differing += 1
            tally.wrong.append(f"{row.name}: {str(error)[:200]}")
    tally.lost += len(truth.rows) - len(rows)
    tally.seconds = round(time.monotonic() - begun_s, 1)
    tally.wrong = tally.wrong[:20]
    return tally


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
