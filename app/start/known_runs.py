"""Runs that were recorded of late, and how far each came: those that were watched here, and those beside this one."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from latticewatch.app.run.decisions import is_run
from latticewatch.app.start.recent import scans
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.record.run_file.lock import is_held
from latticewatch.processing.record.run_file.reader import read_run

A_NIGHT_S = 24.0 * 3600.0
MOST = 60


@dataclass(frozen=True, slots=True)
class KnownRun:
    """One run file. state: in words. ended_s: clock when its last row was recorded, NaN: not known.

    folder: the scan's, None where it is not known: then the run cannot be continued from here. is_whole: it can be
    shown.
    """

    path: Path
    title: str
    state: str
    frames: int = 0
    gaps: int = 0
    ended_s: float = math.nan
    folder: Path | None = None
    is_whole: bool = True


def known_runs(current: Path | None, *, within_s: float = A_NIGHT_S) -> list[KnownRun]:
    """The runs of the last hours, the newest first. current: the run file of the window. Reads each: not for the
    window's thread.
    """
    watched = scans()
    folders = {each.out: each.folder for each in watched if each.out is not None}
    changed_s = {path: _changed_s(path) for path in (*folders, *_beside(current))}
    since_s = time.time() - within_s
    newest = sorted((path for path in changed_s if changed_s[path] > since_s), key=changed_s.__getitem__, reverse=True)
    runs = (path for path in newest if path in folders or is_run(path))
    return [known_run(path, folders.get(path)) for path in islice(runs, MOST)]


def known_run(path: Path, folder: Path | None = None) -> KnownRun:
    """What this run file holds; one that cannot be read says so."""
    try:
        held = is_held(path)
        with read_run(path) as run:
            rows = run.traced
            last_s = rows[-1].recorded_s if rows else math.nan
            gaps = sum(isinstance(row.fit, NoResult) for row in rows)
            state = state_words(rows, is_recording=held)
            return KnownRun(path, run.header.title or path.stem, state, len(rows), gaps, last_s, folder)
    except (UserError, OSError) as error:
        return KnownRun(path, path.stem, f"cannot be read: {error}", folder=folder, is_whole=False)


def state_words(rows: Sequence[Row], *, is_recording: bool) -> str:
    """``recording: reacting``, ``complete``, ``ended while reacting``."""
    state = rows[-1].verdict.state if rows else State.WAITING
    word = state.value.replace("_", " ")
    if is_recording:
        return f"recording: {word}"
    return word if state is State.COMPLETE else f"ended while {word}"


def _beside(current: Path | None) -> list[Path]:
    """The HDF5 files beside this run file, and itself."""
    if current is None:
        return []
    try:
        return [current.absolute(), *sorted(current.absolute().parent.glob("*.h5"))]
    except OSError:
        return [current.absolute()]


def _changed_s(path: Path) -> float:
    """The clock when this file was last written; 0: it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
