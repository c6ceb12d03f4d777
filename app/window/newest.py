"""Questions to the disk and to the fit, answered in a thread: only the newest question's answer counts."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from latticewatch.processing.errors import UserError
from latticewatch.processing.text import one_line

log = logging.getLogger(__name__)

Work = Callable[[threading.Event], Any]
"""What is asked: given an event that is set when the answer is no longer wanted. May raise UserError."""


@dataclass(slots=True)
class _Question:
    """then: is given the answer; error: one line, where there is none. Both are called by ``poll``."""

    work: Work
    then: Callable[[Any], object]
    error: Callable[[str], object]
    stop: threading.Event
    call: Callable[[], object] | None = None


class Newest:
    """Asks one question at a time. A newer one ends the wait for those before it; ``poll`` hands the answer over."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._asked: _Question | None = None
        self._next: _Question | None = None

    def ask(self, work: Work, then: Callable[[Any], object], error: Callable[[str], object]) -> None:
        if self._asked is not None:
            self._asked.stop.set()
        self._next = _Question(work, then, error, threading.Event())
        self.poll()

    def busy(self) -> bool:
        return self._asked is not None or self._next is not None

    def poll(self) -> None:
        """Hand over what was answered, ask what is next. To be called from the window's thread, again and again."""
        if self._thread is not None and self._thread.is_alive():
            return
        done, self._asked = self._asked, None
        if self._next is not None:
            self._asked, self._next = self._next, None
            self._thread = threading.Thread(target=self._answer, args=(self._asked,), name=self._name)
            self._thread.start()
        if done is not None and done.call is not None and not done.stop.is_set():
            done.call()

    def end(self) -> None:
        """Wait for the question that is being answered; its answer is not wanted."""
        self._next = None
        if self._asked is not None:
            self._asked.stop.set()
        if self._thread is not None:
            self._thread.join()
        self._asked = None

    def _answer(self, question: _Question) -> None:
        try:
            answer = question.work(question.stop)
        except UserError as error:
            text = str(error)
        except Exception as error:  # whatever is wrong with one scan: it is said, and the window stays
            log.exception("the %s failed", self._name)
            text = one_line(f"internal error ({type(error).__name__}: {error}); the log has details")
        else:
            question.call = lambda: question.then(answer)
            return
        question.call = lambda: question.error(text)
