"""The user's command for a change of state: run beside the loop, without a shell, never waited for in the run."""

import logging
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from latticewatch.processing.series import Row

log = logging.getLogger(__name__)

LAST_WAIT_S = 5.0


@contextmanager
def state_command(command: Sequence[str]) -> Iterator[Callable[[Row], None]]:
    """What is yielded is called with each row: it starts ``command`` when the state changes, with the state and its
    reason as last arguments. A command that cannot be started is said in the log; the run goes on.
    """
    last: list[str] = []
    running: list[subprocess.Popen[bytes]] = []

    def on_row(row: Row) -> None:
        state = str(row.verdict.state)
        if not command or last == [state] or row.filled is not None:
            return
        last[:] = [state]
        # Asking a process that has ended collects it.
        running[:] = [process for process in running if process.poll() is None]
        try:
            running.append(subprocess.Popen([*command, state, row.verdict.why], stdin=subprocess.DEVNULL))
        except OSError as error:
            log.warning("on_state command %s cannot be started: %s", command[0], error.strerror)

    try:
        yield on_row
    finally:
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LAST_WAIT_S)
