"""The thread in which a run happens while the window repaints."""

import logging
import threading
from collections.abc import Callable

from latticewatch.app.run.session import Session
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row

log = logging.getLogger(__name__)

Task = Callable[[threading.Event, Callable[[Session], None], Callable[[Row], None]], object]
"""Runs a session to its end: given the stop event, tells of the opened session and of each recorded row."""


class Worker:
    """Runs a session in one thread; the window only looks. There is no signal per frame.

    session: None until the first image is there. error: what ended the run, None while all is well. interrupted: set
    where a signal has stopped it, and not the user's command.
    """

    def __init__(self, task: Task, on_row: Callable[[Session, Row], None] | None = None) -> None:
        self.stop, self.interrupted = threading.Event(), threading.Event()
        self.session: Session | None = None
        self.error: BaseException | None = None
        self._task = task
        self._on_row = on_row
        self._thread = threading.Thread(target=self._run, name="run")

    def start(self) -> None:
        self._thread.start()

    @property
    def finished(self) -> bool:
        """True once the run has ended and its file is closed."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def end(self) -> None:
        """Ask the run to end and wait until everything is recorded."""
        self.stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._task(self.stop, self._opened, self._row)
        except UserError as error:
            self.error = error
        except BaseException as error:
            log.exception("the run ended by an internal error")
            self.error = error

    def _opened(self, session: Session) -> None:
        self.session = session

    def _row(self, row: Row) -> None:
        if self._on_row and self.session:
            self._on_row(self.session, row)
