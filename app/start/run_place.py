"""Where a scan's run is recorded, and which earlier run of it is there to be continued."""

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from latticewatch.app.run.decisions import own_runs, run_name
from latticewatch.app.run.settings_changed import made_with
from latticewatch.app.start.recent import recalled
from latticewatch.app.window.preferences import preferences_path, read_preferences
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.header import InputFile
from latticewatch.processing.record.run_file.lock import is_held
from latticewatch.processing.record.run_file.names import free_name, is_taken, numbered
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.text import printable


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run file of this scan. frames: rows in it. ended_s: when the last was recorded, NaN: not known.

    why_not: why it cannot be continued; empty: it can.
    """

    path: Path
    frames: int = 0
    ended_s: float = math.nan
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RunPlace:
    """new: the file of a new run, its whole path. earlier: the run that was last watched of this scan, wherever it is
    recorded; where that is not there, the newest of the scan's name.
    """

    new: Path
    earlier: EarlierRun | None = None


def run_folder(scan: Path | None) -> Path:
    """The folder that the user prefers, else beside the scan's; of these the first in which something may be written,
    else the user's own folder of runs, which is made where it is not there. scan: None: a stream without a folder.
    """
    preferred = read_preferences(preferences_path()).runs
    places = [] if preferred is None else [preferred]
    if scan is not None:
        places.append((scan if scan.is_dir() else scan.parent).resolve().parent)
    for place in places:
        if os.access(place, os.W_OK | os.X_OK):
            return place
    with suppress(OSError):  # a run file that cannot be made is said when it is to be made
        own_runs().mkdir(parents=True, exist_ok=True)
    return own_runs()


def run_place(scan: Path, files: Sequence[InputFile], names: Sequence[str]) -> RunPlace:
    """Where the run of this scan goes by default. files: the inputs chosen now. names: files of the scan's frames.

    Reads the earlier run, which may take a while.
    """
    base = run_name(scan, run_folder(scan))
    there = list(takewhile(is_taken, numbered(base)))
    before = recalled(scan)
    if before is not None and before.out is not None and is_taken(before.out):
        there.append(before.out)
    return RunPlace(free_name(base), _earlier(there[-1], files, names) if there else None)


def _earlier(path: Path, files: Sequence[InputFile], names: Sequence[str]) -> EarlierRun:
    try:
        if is_held(path):
            return EarlierRun(path, why_not="it is being recorded by another process")
        with read_run(path) as run:
            rows = run.traced
            last_s = rows[-1].recorded_s if rows else math.nan
            why_not = ""
            if names and rows and rows[0].name.partition("::")[0] not in map(printable, names):
                why_not = "its frames are not in this folder"
            elif made_with(run.header.inputs) != made_with(files):
                why_not = "it was made with another geometry or set-up"
            return EarlierRun(path, len(rows), last_s, why_not)
    except (UserError, OSError) as error:
        return EarlierRun(path, why_not=f"it cannot be read: {error}")
