"""Which names are new in a folder, at a bounded share of a core however many files it holds.

The listing is the truth. File-system events are not used: they do not see what another host writes on a
network file system, and they are lost when their queue overflows. Between two listings the name that would
come next in the series is asked for, which costs one call and gives a low lag in folders of any size.
"""

import logging
import os
import time
from pathlib import Path

from latticewatch.processing.sources.naming import FrameName, frame_name, is_correction, is_frame, printable, successor

CPU_SHARE = 0.03
LONGEST_PAUSE_S = 5.0
MOST_AHEAD = 64

log = logging.getLogger(__name__)


class FolderListing:
    """New frame names of one folder. ``gone`` while the folder cannot be listed."""

    def __init__(self, folder: Path, poll_s: float) -> None:
        self._folder = folder
        self._poll_s = poll_s
        self._known: set[str] = set()
        self._newest: tuple[FrameName, FrameName] | None = None
        self._due_s = 0.0
        self.listings = 0
        self.gone = False
        self.returns = 0

    def new_frames(self) -> list[FrameName]:
        """Names of frames that were not there before, unordered; links, pipes and folders among them."""
        names = self._listed() if time.monotonic() >= self._due_s else self._next_in_series()
        self._known.update(names)
        frames = [frame_name(name) for name in names if is_frame(name)]
        for name in filter(is_correction, names):
            log.warning("%s is taken for a mask, dark or flat, not for a frame", printable(name))
        if frames:
            self._newest = _newest(frames, self._newest)
        return frames

    def forget(self, name: str) -> None:
        """Take this name for new when it is seen again."""
        self._known.discard(name)

    def _listed(self) -> list[str]:
        begin_s = time.thread_time()
        try:
            names = set(os.listdir(self._folder)) - self._known  # noqa: PTH208 — names, at a third of the cost
        except OSError as error:
            self._left(error)
            self._due_s = time.monotonic() + max(self._poll_s, 0.5)
            return []
        self._came_back()
        self.listings += 1
        pause_s = min((time.thread_time() - begin_s) / CPU_SHARE, LONGEST_PAUSE_S)
        self._due_s = time.monotonic() + max(self._poll_s, pause_s)
        return list(names)

    def _next_in_series(self) -> list[str]:
        names: list[str] = []
        before, last = self._newest or (None, None)
        while before and last and len(names) < MOST_AHEAD:
            name = successor(before, last)
            if name is None or name in self._known or not os.path.lexists(self._folder / name):
                break
            names.append(name)
            before, last = last, frame_name(name)
        return names

    def _left(self, error: OSError) -> None:
        if not self.gone:
            now = time.strftime("%H:%M:%S")
            log.warning("%s: folder gone since %s (%s)", printable(str(self._folder)), now, error.strerror)
        self.gone = True

    def _came_back(self) -> None:
        if self.gone:
            log.warning("%s: folder is back", printable(str(self._folder)))
            self.returns += 1
        self.gone = False


def _newest(frames: list[FrameName], known: tuple[FrameName, FrameName] | None) -> tuple[FrameName, FrameName]:
    """The two highest names of the newest series, from which the next one can be told."""
    highest = sorted([*frames, *(known or ())], key=lambda name: name.key)[-2:]
    return highest[0], highest[-1]
