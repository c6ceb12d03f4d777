"""The user's command for changes of state and for alarms that are none: run beside the loop, without a shell, never
waited for in the run.
"""

import logging
import math
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from latticewatch.processing.flow.series import Progress, Row
from latticewatch.processing.reaction.live.alarms import (
    Alarm,
    Watch,
    acknowledged,
    after_row,
    at_time,
    silent_after_s,
)
from latticewatch.processing.reaction.live.frame_clock import Clock, ticked
from latticewatch.processing.text import printable

log = logging.getLogger(__name__)

LAST_WAIT_S = 5.0
LOOK_S = 0.2
BY_THEMSELVES = {Alarm.SILENT, Alarm.FOLDER_GONE, Alarm.FITS_FAILING, Alarm.UNKNOWN_LINE}


@contextmanager
def state_command(
    command: Sequence[str], progress: Callable[[], Progress], resumed: int = 0
) -> Iterator[Callable[[Row], None]]:
    """What is yielded is called with each row. ``command`` is started when the state changes and for each alarm of
    ``BY_THEMSELVES``, with the state or the alarm and its reason as last arguments. A command that cannot be started
    is said in the log; the run continues.

    progress: of the source. resumed: so many rows were recorded before this run was resumed: what they say was told.
    """
    if not command:
        yield lambda _: None
        return
    teller = _Teller(command, resumed)
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            try:
                teller.on_silence(time.monotonic(), progress())
            except Exception:  # whatever it is, the run continues without
                log.exception("silence and a folder that is gone are no longer told to the on_state command")
                return

    looking = threading.Thread(target=look, name="silence", daemon=True)
    looking.start()
    try:
        yield teller.on_row
    finally:
        over.set()
        looking.join()
        teller.wait()


class Commands:
    """The user's commands that were started; they are not waited for while the run lasts. name: what they are to the
    user. One that cannot be started is said in the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, command: Sequence[str], what: str, why: str) -> None:
        """Start it, without a shell; ``what`` and ``why`` are its last arguments."""
        # Its output goes to standard error: standard output may hold rows. Asking a process that has ended collects it.
        self._running = [process for process in self._running if process.poll() is None]
        try:
            self._running.append(subprocess.Popen([*command, what, why], stdin=subprocess.DEVNULL, stdout=2))
        except (OSError, ValueError) as error:  # ValueError: a character that no command can have
            why_not = getattr(error, "strerror", None) or str(error)
            log.warning("%s command %s cannot be started: %s", self._name, printable(command[0]), why_not)

    def wait(self) -> None:
        """Let what still runs end, for a while."""
        for process in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LAST_WAIT_S)


class _Teller:
    """Tells the command what is new; called from the loop and from the thread that listens for silence."""

    def __init__(self, command: Sequence[str], resumed: int) -> None:
        self._command = tuple(command)
        self._commands = Commands("on_state")
        self._lock = threading.Lock()
        self._state = ""
        self._watch = Watch()
        self._clock = Clock()
        self._told_before = resumed

    def on_row(self, row: Row) -> None:
        state = str(row.verdict.state)
        with self._lock:
            # The period of the frames, not of the work on them: a backlog is worked off faster than it came.
            self._clock = ticked(self._clock, row.time_s)
            period_s = self._clock.period_s if math.isfinite(row.time_s) else math.nan
            watch, raised = after_row(self._watch, row, time.monotonic(), period_s)
            self._watch = acknowledged(watch)
            changed, self._state = state != self._state, state
            if self._told_before:
                self._told_before -= 1
                return
            if changed:
                self._start(state, row.verdict.why)
            for alarm in raised & BY_THEMSELVES:
                self._start(alarm, getattr(row.fit, "reason", ""))

    def on_silence(self, clock_s: float, progress: Progress) -> None:
        """No row has come until this monotonic time."""
        gone = math.isfinite(progress.gone_since_s)
        with self._lock:
            watch, raised = at_time(self._watch, clock_s, waits=progress.waiting > 0, gone=gone)
            self._watch = acknowledged(watch)
            for alarm in raised:
                quiet = f"No frame for more than {silent_after_s(self._watch.period_s):.3g} s."
                outage = "The folder does not answer." if progress.stuck else "The folder cannot be listed."
                self._start(alarm, outage if gone else quiet)

    def _start(self, what: str, why: str) -> None:
        self._commands.start(self._command, what, why)

    def wait(self) -> None:
        self._commands.wait()
