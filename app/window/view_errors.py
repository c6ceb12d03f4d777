"""An error in a view must not end a run that is being recorded: Qt would abort the program."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from PyQt6.QtCore import QCoreApplication

log = logging.getLogger(__name__)


@contextmanager
def faults_kept(say: Callable[[str], None]) -> Iterator[list[BaseException]]:
    """Errors in the event loop are logged once each, said to the user and kept; the program goes on.

    A second Ctrl-C, which the signal's handler raises as KeyboardInterrupt, ends the event loop.
    """
    faults: list[BaseException] = []
    seen: set[str] = set()

    def keep(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QCoreApplication.quit()
            return
        what = f"{kind.__name__}: {fault}"
        if what not in seen:
            seen.add(what)
            faults.append(fault)
            log.error("error in a view", exc_info=(kind, fault, trace))
            say(f"a view failed ({what}); the run goes on, the log has more")

    before, sys.excepthook = sys.excepthook, keep
    try:
        yield faults
    finally:
        sys.excepthook = before
