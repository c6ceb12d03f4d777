"""A run without a window: the loop in the main thread, each row told as soon as it is recorded."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from latticewatch.app.run.outcome_line import outcome_line
from latticewatch.processing.flow.series import Row
from latticewatch.processing.text import printable

if TYPE_CHECKING:
    from latticewatch.app.run.session import Opening, Session
    from latticewatch.processing.config.resolve import Setup

DONE, INTERRUPTED = 0, 130


def run_headless(opening: "Opening", *, as_json: bool, title: str) -> int:
    """Run a session to its end in this thread; Ctrl-C stops it in order. The exit status of the contract."""
    from latticewatch.app.run.session import run_session

    stop = threading.Event()
    opened: list[Session] = []
    with stopped_by_signals(stop), progress_bar(title, shown=not as_json and sys.stderr.isatty()) as advance:

        def on_row(row: Row) -> None:
            advance(opened[0])
            if as_json:
                tell(opened[0], row)

        run_session(opening, stop, opened.append, on_row)
    if opened and not as_json:
        sys.stdout.write(outcome_line(opened[0]) + "\n")
    return INTERRUPTED if stop.is_set() else DONE


def tell(session: "Session", row: Row) -> None:
    """The row as one JSON object on stdout, at once."""
    sys.stdout.write(json_line(row, session.setup) + "\n")
    sys.stdout.flush()


def json_line(row: Row, setup: "Setup", scan: str = "") -> str:
    """The row as JSON; with the name of its ``scan`` first where there are several."""
    from latticewatch.processing.record.export.trace import trace_record

    names = tuple(component.name for component in setup.components)
    record = trace_record(row, names, setup.composition is not None, setup.accuracy)
    return json.dumps({"scan": scan, **record} if scan else record, allow_nan=False)


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set ``stop``: the run ends in order, all recorded. A second one breaks in."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress_bar(title: str, *, shown: bool) -> Iterator["Callable[[Session], None]"]:
    """A bar on stderr with rate and time left; what it yields is called after each row."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(printable(title), total=None, rate="")

        def advance(session: "Session") -> None:
            snapshot = session.pipeline.series.snapshot()
            speed = progress.tasks[task].speed
            rate = f"{speed:.0f} frames/s" if speed else ""
            progress.update(task, completed=snapshot.count, total=snapshot.progress.found, rate=rate)

        yield advance
