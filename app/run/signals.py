"""Signals that end a run in order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopped_by_signals(*events: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM set these: the run ends in order, all recorded. A second one breaks in, whatever else has set
    the events before.
    """
    received: list[int] = []

    def on_signal(number: int, _: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        for event in events:
            event.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
