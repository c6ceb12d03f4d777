"""A shift of a day in fast motion: a scan with random faults, and what memory and handles of the watch do meanwhile.

``python -m tests.faults.soak FOLDER`` plays 24 h of one frame every 30 s, sixty times as fast (24 minutes), into a
folder that ``latticewatch watch`` records; ``--hours 1 --speed 600`` is for trying it, ``--window`` watches with the
window, drawn offscreen. Prints one JSON object: what came of the frames, as the bench does, and of the process how
memory grew per frame from the first third to the end, and its most and fewest handles and threads in that time. A run
keeps its rows in memory, some kB a frame; anything beyond that, and any handle more, is a leak.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from latticewatch.app.exit_status import INTERRUPTED
from tests.faults import mischief
from tests.faults.bench import PLAIN, SETTLING, prepare, wait_for_quiet, wait_for_rows, watching
from tests.faults.player import Player
from tests.faults.tally import Tally, checked
from tests.faults.truth import Truth

FRAME_PERIOD_S = 30.0
"""Of the shift, not of the clock."""
SAMPLE_S, QUIET_S, NEVER_S = 5.0, 20.0, 3600.0
"""The watch is ended by a signal once it has been quiet for so long, not by its own idle time: to copy the folder of a
day anew, which is one of the faults, takes long."""
SETTLED_SHARE = 1.0 / 3.0
"""By then everything is compiled and loaded, and whatever is kept for the newest frames is full."""
VALUE_BYTES, ROW_BYTES, ALLOCATED = 8, 1000, 2.0
"""A frame may cost its pattern and its row (docs/run-file.md), twice over for what the allocator adds."""
MORE_HANDLES = 4
"""A frame that is read, a listing, a file that is synchronised: at the moment of one sample, not of another."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The process at one moment. frames: played by then."""

    frames: int
    rss_bytes: int
    handles: int
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--faults", type=float, default=0.3, help="share of the frames that have one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--window", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    frames, period_s = round(given.hours * 3600.0 / FRAME_PERIOD_S), FRAME_PERIOD_S / given.speed
    truth = Truth(given.folder / "truth", frames, period_s)
    tally, samples = soaked(truth, given.folder / "shift", given.seed, given.faults, period_s, window=given.window)
    (given.folder / "samples.json").write_text(json.dumps([[getattr(s, n) for n in s.__slots__] for s in samples]))
    grown = growth(samples)
    bins = len(truth.rows[-1].pattern.intensity) if truth.rows[-1].pattern is not None else 0
    fine = tally.fine and is_flat(grown, bins)
    sys.stdout.write(json.dumps({"fine": fine, "hours": given.hours, **grown, **vars(tally)}) + "\n")
    sys.exit(not fine)


def soaked(
    truth: Truth, work: Path, seed: int, faults: float, period_s: float, *, window: bool
) -> tuple[Tally, list[Sample]]:
    """The shift, and what came of it."""
    begun_s = time.monotonic()
    folder = prepare(truth, work, waits=SETTLING)
    player = Player(folder, "cbf", seed, truth=truth.files, plain=PLAIN, period_s=period_s)
    samples: list[Sample] = []
    over = threading.Event()
    with watching(folder, work / "run.h5", window=window, idle_s=NEVER_S) as process:
        player.wait_for_watcher = partial(wait_for_rows, work / "run.jsonl", process)
        player.before_last = partial(wait_for_quiet, work / "run.jsonl", process)
        sampling = threading.Thread(target=_sample, args=(process, player, samples, over))
        sampling.start()
        player.play(len(truth.files), faults)
        over.set()
        sampling.join()
        wait_for_quiet(work / "run.jsonl", process, QUIET_S)
        ended_before = process.poll() is not None
        process.send_signal(signal.SIGINT)
        status = process.wait(600)
    tally = checked(truth, player, work / "run.h5")
    if ended_before or status != INTERRUPTED:
        tally.wrong.append(f"exit status {status}")
        tally.lost += 1
    tally.seconds = round(time.monotonic() - begun_s, 1)
    return tally, samples


def growth(samples: list[Sample]) -> dict[str, float]:
    """What the process took from the first third on: bytes a frame by a straight line, and the range of the rest."""
    settled = samples[round(SETTLED_SHARE * len(samples)) :]
    frames = np.array([each.frames for each in settled], np.float64)
    slope = np.polyfit(frames, [each.rss_bytes for each in settled], 1)[0]
    handles, threads = [each.handles for each in settled], [each.threads for each in settled]
    return {
        "samples": len(settled),
        "bytes_a_frame": round(float(slope)),
        "rss_first_mb": round(settled[0].rss_bytes / 1e6, 1),
        "rss_last_mb": round(settled[-1].rss_bytes / 1e6, 1),
        "handles_fewest": min(handles),
        "handles_most": max(handles),
        "threads_fewest": min(threads),
        "threads_most": max(threads),
    }


def is_flat(grown: dict[str, float], bins: int) -> bool:
    handles = grown["handles_most"] - grown["handles_fewest"]
    threads = grown["threads_most"] - grown["threads_fewest"]
    allowed_bytes = ALLOCATED * (VALUE_BYTES * bins + ROW_BYTES)
    return grown["bytes_a_frame"] <= allowed_bytes and max(handles, threads) <= MORE_HANDLES


def _sample(process: "subprocess.Popen[str]", player: Player, samples: list[Sample], over: threading.Event) -> None:
    place = Path("/proc") / str(process.pid)
    while process.poll() is None and not over.wait(SAMPLE_S):
        if len(player.played) <= PLAIN:
            continue  # it is only starting
        try:
            status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
            handles = len(list((place / "fd").iterdir()))
            rss_bytes = 1024 * int(status["VmRSS"].split()[0])
        except (OSError, LookupError, ValueError):
            continue  # it ends just now
        samples.append(Sample(len(player.played), rss_bytes, handles, int(status["Threads"])))


if __name__ == "__main__":
    assert mischief.__doc__
    main()
