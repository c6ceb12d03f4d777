"""A run without a window: the loop in the main thread, each row told as soon as it is recorded."""

import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from latticewatch.app.exit_status import DONE, INTERRUPTED, NO_NUMBERS
from latticewatch.app.output import write_line
from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.json_rows import tell
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.outcome_line import outcome_line
from latticewatch.app.run.session import Session
from latticewatch.app.run.signals import stopped_by_signals
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.text import printable


def run_headless(plan: RunPlan, *, as_json: bool) -> int:
    """Run a plan to its end in this thread; Ctrl-C stops it in order. The exit status of the contract."""
    stop = threading.Event()
    opened: list[Session] = []
    with stopped_by_signals(stop), progress_bar(plan.title, shown=not as_json and sys.stderr.isatty()) as advance:

        def on_row(row: Row) -> None:
            advance(opened[0])
            if as_json:
                tell(opened[0], row)

        run_session(plan, stop, opened.append, on_row)
    if opened and not as_json:
        write_line(outcome_line(opened[0]))
    if stop.is_set():
        return INTERRUPTED
    recorded = not plan.request.live and plan.request.transport is None
    return _status(opened[0].pipeline.series.snapshot()) if opened and recorded else DONE


def _status(snapshot: Snapshot) -> int:
    """Of a recorded scan: a scan without a single number is an error, and the most frequent reason is said."""
    if not snapshot.count or snapshot.gaps < snapshot.count:
        return DONE
    reasons = [row.fit.reason for row in snapshot.rows(0) if isinstance(row.fit, NoResult)]
    # "4 % of the peaks" and "7 % of the peaks" are one reason.
    kinds = [re.sub(r"\d+", "#", reason) for reason in reasons]
    kind, number = Counter(kinds).most_common(1)[0]
    reason = reasons[kinds.index(kind)]
    told = f"latticewatch: no frame gave a number; {number} of {snapshot.count}: {printable(reason)}"
    write_line(f"{told}; the run file is kept", sys.stderr)
    return NO_NUMBERS


def bars() -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), redirect_stdout=False)


@contextmanager
def progress_bar(title: str, *, shown: bool) -> Iterator[Callable[[Session], None]]:
    """A bar on stderr with rate and time left; what it yields is called after each row."""
    if not shown:
        yield lambda _: None
        return
    with bars() as progress:
        task = progress.add_task(printable(title), total=None, rate="")

        def advance(session: Session) -> None:
            snapshot = session.pipeline.series.snapshot()
            speed = progress.tasks[task].speed
            rate = f"{speed:.0f} frames/s" if speed else ""
            progress.update(task, completed=snapshot.count, total=snapshot.progress.found, rate=rate)

        yield advance
