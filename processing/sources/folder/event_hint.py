"""File-system events as a hint to look now. The listing stays the truth: without events only the lag is longer."""

import logging
import threading
import time
from pathlib import Path

from watchdog.events import FileClosedEvent, FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from latticewatch.processing.text import printable

# Our own reading opens and closes files too: what is not asked for here costs nothing.
WANTED: list[type[FileSystemEvent]] = [FileClosedEvent, FileCreatedEvent, FileMovedEvent]
STOP_SEEN_S = 0.1

log = logging.getLogger(__name__)


class Hint(FileSystemEventHandler):
    """Wakes who waits when something happened in a folder. Nothing of an event is kept, so nothing can pile up.

    Events that are lost, late, of a queue that ran over, or that never come (network file systems, no watches
    left) change nothing but how soon ``wait`` returns.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._woken = threading.Event()
        self._observer: BaseObserver | None = None
        self._followed: tuple[str, ObservedWatch | None] = ("", None)

    def start(self) -> None:
        """Watch the folder as it is now, instead of what was watched before; without events where that fails."""
        self.stop()
        observer = Observer()
        try:
            observer.schedule(self, str(self._folder), event_filter=WANTED)
            observer.start()
        except (OSError, RuntimeError) as error:
            log.info("no file-system events (%s): the folder is listed all the same", error)
            observer.stop()
        else:
            self._observer = observer

    def follow(self, below: str) -> None:
        """Watch this one sub-folder too: the one that frames come into, not a whole tree."""
        if self._observer is None or below == self._followed[0]:
            return
        watch = self._followed[1]
        try:
            if watch is not None:
                self._observer.unschedule(watch)
            watch = self._observer.schedule(self, str(self._folder / below), event_filter=WANTED) if below else None
        except (OSError, RuntimeError, KeyError) as error:
            log.info("no file-system events of %s (%s)", printable(below), error)
            watch = None
        self._followed = (below, watch)

    def stop(self) -> None:
        """Watch no more; its threads have ended on return. Safe to call twice."""
        observer, self._observer = self._observer, None
        self._followed = ("", None)
        if observer is not None:
            observer.stop()
            observer.join()

    def dispatch(self, event: FileSystemEvent) -> None:
        del event
        self._woken.set()

    def wait(self, seconds: float, stop: threading.Event) -> bool:
        """Wait this time, or until something happened or ``stop`` is set; whether something happened."""
        until_s = time.monotonic() + seconds
        while not stop.is_set() and (left_s := until_s - time.monotonic()) > 0.0:
            if self._woken.wait(min(left_s, STOP_SEEN_S)):
                break
        woken = self._woken.is_set()
        self._woken.clear()
        return woken
