"""One scan from beginning to end, on whichever worker; it tells what happens and never raises."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from latticewatch.app.batch.run_status import RunStatus, content_of, run_status_of
from latticewatch.app.batch.task import Event, EventKind, Task
from latticewatch.app.run.decisions import decide
from latticewatch.app.run.json_rows import json_line
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.outcome_line import counted, outcome_line
from latticewatch.app.run.request import Request
from latticewatch.app.run.session import Session
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.header import PACKAGES, software_versions
from latticewatch.processing.record.run_file.lock import try_acquire
from latticewatch.processing.record.run_file.names import free_name, is_taken

TELL_EVERY_S = 0.2

Tell = Callable[[Event], None]
log = logging.getLogger(__name__)


def versions() -> tuple[tuple[str, str], ...]:
    """What must be the same on every worker for the same numbers."""
    found = software_versions()
    return tuple((name, found[name]) for name in PACKAGES)


def incompatibility(software: tuple[tuple[str, str], ...], folders: tuple[str, ...]) -> str:
    """Why this worker cannot take the task; empty where it can."""
    here = dict(versions())
    other = [f"{name} {here.get(name, 'missing')} instead of {wanted}" for name, wanted in software
             if here.get(name) != wanted]  # fmt: skip
    if other:
        return f"has {', '.join(other)}: install the same there"
    unseen = [folder for folder in folders if not Path(folder).exists()]
    return f"does not see {unseen[0]}: mount it there" if unseen else ""


def work(task: Task, tell: Tell, stop: threading.Event, worker: str) -> Event:
    """Process the scan of this task, or what is left of it; the event that ends it."""
    began = Event(EventKind.BEGAN, task.name, task.attempt, worker=worker)
    tell(began)
    why = incompatibility(task.software, (str(task.scan), str(task.out.parent)))
    if why:
        return replace(began, kind=EventKind.UNFIT, text=why)
    try:
        return _run(task, tell, stop, began)
    except UserError as error:
        return replace(began, kind=EventKind.UNUSABLE, text=str(error))
    except OSError as error:
        return replace(began, kind=EventKind.LOST, text=f"{error.strerror or error} ({error.filename or task.scan})")
    except Exception as error:
        log.error("%s: unexpected error", task.name, exc_info=True)
        return replace(began, kind=EventKind.LOST, text=f"internal error ({type(error).__name__}: {error})")


def _run(task: Task, tell: Tell, stop: threading.Event, began: Event) -> Event:
    if _busy(task.out):
        return replace(began, kind=EventKind.LOST, text=f"{task.out} is being written by another process")
    if not is_taken(task.out):
        return _recorded(task, task.out, False, tell, stop, replace(began, out=str(task.out)))
    content = content_of(task.scan, task.given)
    out = task.out
    status, count = run_status_of(out, content)
    if status == RunStatus.UNFINISHED and not content.resumable:
        out, status, count = free_name(out), RunStatus.ABSENT, 0
    ended = replace(began, done=count, found=content.frames, out=str(out))
    if status == RunStatus.DONE:
        return replace(ended, kind=EventKind.DONE, text=f"done before ({counted(count, 'frame')}); recorded in {out}")
    if status == RunStatus.OTHER:
        raise UserError(f"{out}: was taken by another run meanwhile; start again: a free name is chosen")
    return _recorded(task, out, status == RunStatus.UNFINISHED, tell, stop, ended)


def _recorded(task: Task, out: Path, resume: bool, tell: Tell, stop: threading.Event, ended: Event) -> Event:
    opened: list[Session] = []
    due_s = [0.0]

    def on_row(row: Row) -> None:
        now = time.monotonic()
        if not task.told and now < due_s[0]:
            return
        due_s[0] = now + TELL_EVERY_S
        text = json_line(row, opened[0].setup, task.name) if task.told else ""
        tell(replace(_counted(ended, opened[0]), kind=EventKind.ROW, text=text, frame=row.index))

    run_session(decide(Request(task.scan, task.given, out=out, resume=resume)), stop, opened.append, on_row)
    if not opened:
        return replace(ended, kind=EventKind.STOPPED, text="stopped before its first frame")
    ended = replace(_counted(ended, opened[0]), kind=EventKind.DONE, text=outcome_line(opened[0]))
    return replace(ended, kind=EventKind.STOPPED) if stop.is_set() and ended.done < ended.found else ended


def _counted(event: Event, session: Session) -> Event:
    snapshot = session.pipeline.series.snapshot()
    found = max(event.found, snapshot.progress.found)
    return replace(event, done=snapshot.count, found=found, gaps=snapshot.gaps)


def _busy(out: Path) -> bool:
    """Whether another process writes this run."""
    if not out.exists():
        return False
    with suppress(OSError):
        lock = try_acquire(out)
        if lock is None:
            return True
        lock.release()
    return False


@contextmanager
def logs_told(task: Task, tell: Tell) -> Iterator[None]:
    """While it lasts, what our code logs is told as part of the task."""
    ours, handler = logging.getLogger("latticewatch"), _Telling(task, tell)
    level = ours.level
    ours.setLevel(logging.INFO)
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(level)


class _Telling(logging.Handler):
    def __init__(self, task: Task, tell: Tell) -> None:
        super().__init__(logging.INFO)
        self._task = task
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it; a traceback travels as text. Changes of state are for those who watch a single scan, and what it
        came to says where it is recorded."""
        if record.name.endswith(("run_log", "openings")) and record.levelno <= logging.INFO:
            return
        text = self.format(record)
        self._tell(Event(EventKind.SAID, self._task.name, self._task.attempt, text, level=record.levelno))
