"""What goes between the command and those that work for it: plain data, so that it can travel."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from latticewatch.app.run.given import Given


class EventKind(StrEnum):
    """What an event tells. The last five end an attempt; LOST: worth another one; UNFIT: not on this worker."""

    BEGAN = "began"
    ROW = "row"
    SAID = "said"
    AGAIN = "again"
    DONE = "done"
    STOPPED = "stopped"
    UNUSABLE = "unusable"
    LOST = "lost"
    UNFIT = "unfit"


ENDS = (EventKind.DONE, EventKind.STOPPED, EventKind.UNUSABLE, EventKind.LOST, EventKind.UNFIT)


@dataclass(frozen=True, slots=True)
class Task:
    """One scan and where it is recorded; all paths are absolute.

    name: what it is called in all that is said. attempt: counted from 1. told: send every row as JSON.
    software: versions that the worker must have too.
    """

    name: str
    scan: Path
    given: Given
    out: Path
    told: bool = False
    attempt: int = 1
    software: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """What a worker tells of a task.

    text: a row as JSON, what was said, or what it came to. frame: number of the row. done, found: frames so far and in
    all. level: of what was said, as logging has it. worker: who tells it. out: the run file.
    """

    kind: EventKind
    name: str
    attempt: int
    text: str = ""
    frame: int = -1
    done: int = 0
    found: int = 0
    gaps: int = 0
    level: int = 0
    worker: str = ""
    out: str = ""
