"""A time of the test's own, which passes only where somebody sleeps: what the machine does beside it delays nothing."""

import os
import threading
import time
from pathlib import Path

REAL_S = 1e7
"""A file whose stamp is nearer than this to the machine's clock was written now; faults set others."""


class OwnTime:
    """A clock for threads that take turns: one works, the others sleep, and who wakes first goes on.

    The clock stands while somebody works. A thread takes part from ``join`` to ``leave``.
    """

    def __init__(self) -> None:
        self.now_s = 1.5e9
        self._wakes: dict[int, float] = {}
        self._turn = threading.get_ident()
        self._changed = threading.Condition()

    def join(self) -> None:
        """Take part; the first to do so has the turn."""
        with self._changed:
            self._wakes[threading.get_ident()] = self.now_s
            self._changed.notify_all()

    def wait_for(self, others: int) -> None:
        """Until so many take part."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._wakes) >= others)

    def begin(self) -> None:
        """Take part as one who sleeps already."""
        self.join()
        self._wait_for_turn()

    def sleep(self, seconds: float) -> None:
        with self._changed:
            self._wakes[threading.get_ident()] = self.now_s + max(seconds, 1e-4)
            self._hand_over()
        self._wait_for_turn()

    def leave(self) -> None:
        with self._changed:
            del self._wakes[threading.get_ident()]
            if self._wakes:
                self._hand_over()

    def _hand_over(self) -> None:
        self._turn, wake_s = min(self._wakes.items(), key=lambda each: each[1])
        self.now_s = max(self.now_s, wake_s)
        self._changed.notify_all()

    def _wait_for_turn(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._turn == threading.get_ident())


class OwnStop(threading.Event):
    """The stop signal of a watch that waits in its own time."""

    def __init__(self, own: OwnTime) -> None:
        super().__init__()
        self._own = own

    def wait(self, timeout: float | None = None) -> bool:
        self._own.sleep(timeout or 0.01)
        return self.is_set()


def stamp_files(folder: Path, now_s: float) -> None:
    """Files that were written just now get the own time."""
    real_s = time.time()
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if abs(entry.stat(follow_symlinks=False).st_mtime - real_s) < REAL_S:
            os.utime(entry, (now_s, now_s), follow_symlinks=False)
