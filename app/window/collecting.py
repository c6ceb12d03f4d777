"""Python's garbage and Qt: it is collected in the window's thread alone, between events, and never for long.

A worker that collects a Qt object crashes Qt; so does a collection while a view is being built.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from PyQt6.QtCore import QCoreApplication, QEvent, QTimer

COLLECT_MS = 250


@contextmanager
def collected_in_this_thread() -> Iterator[None]:
    """Garbage is collected here, from the event loop, a little at a time."""
    enabled = gc.isenabled()
    gc.disable()
    timer = QTimer()
    timer.timeout.connect(collect_due)
    timer.start(COLLECT_MS)
    try:
        yield
    finally:
        timer.stop()
        gc.unfreeze()
        if enabled:
            gc.enable()


def collect_due() -> None:
    """Collect the generations that Python would by now.

    What has survived all three is in use for long (the rows of the run) and is not looked at again: a collection's
    cost would grow with the run. ``look_again`` after something large went, such as all views of a page.
    """
    for generation in range(3):
        if gc.get_count()[generation] > gc.get_threshold()[generation]:
            gc.collect(generation)
            if generation == 2:
                gc.freeze()


def look_again() -> None:
    """The next collection of the oldest looks at everything once more."""
    gc.unfreeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is collected while a window is built and drawn without an event loop; everything is afterwards."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        if enabled:
            gc.enable()
