"""Runs that were recorded of late, and how far each came: those that were watched here, and those beside this one."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.run.decisions import is_run
from latticewatch.app.start.recent import Recalled, scans
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.record.run_file.lock import is_held
from latticewatch.processing.record.run_file.names import is_taken
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
    newest = sorted(_paths(current, watched), key=_changed_s, reverse=True)
    recent = [path for path in newest if time.time() - _changed_s(path) < within_s]
    folders = {each.out: each.folder for each in watched if each.out is not None}
    return [known_run(path, folders.get(path)) for path in recent[:MOST]]


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


def _paths(current: Path | None, watched: Iterable[Recalled]) -> list[Path]:
    """Every run file once: of the scans that were watched, and beside this one."""
    paths = [each.out for each in watched if each.out is not None and is_taken(each.out)]
    if current is not None:
        try:
            beside = sorted(current.absolute().parent.glob("*.h5"))
        except OSError:
            beside = []
        paths += [path for path in (current.absolute(), *beside) if is_run(path)]
    return list(dict.fromkeys(paths))


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
