"""Which names are new in a folder, at a bounded share of a core however many files it holds.

The listing is the truth. File-system events do not see what another host writes on a network file system, and
are lost when their queue overflows: they are a hint to look now, and no more (event_hint.py). Between two listings the
name that would come next in the series is asked for, which costs one call and gives a low lag in folders of any size.
"""

import contextlib
import logging
import math
import os
import stat
import time
from pathlib import Path

from latticewatch.processing.config.frame_selection import ALL, FrameSelection, names_in
from latticewatch.processing.files.frame_names import (
    FrameName,
    frame_name,
    is_correction,
    is_frame,
    is_temporary,
    successor,
)
from latticewatch.processing.text import printable

CPU_SHARE = 0.03
LONGEST_PAUSE_S = 5.0
MOST_AHEAD = 64
MOST_NAMED = 20
MANY = 32

log = logging.getLogger(__name__)


class FolderListing:
    """New frame names of one folder. ``gone`` while the folder cannot be listed, ``away_s`` for how long the last time,
    ``gone_since_s`` since when by the clock (NaN: it can).

    ignored: names that are there to stay and are not taken for frames.
    """

    def __init__(self, folder: Path, poll_s: float, selection: FrameSelection = ALL) -> None:
        self._folder = folder
        self._poll_s = poll_s
        self._selection = selection
        self._known: set[str] = set()
        self._newest: tuple[FrameName, FrameName] | None = None
        self._due_s = self._affordable_s = 0.0
        self.ignored = 0
        self._left_out = False
        self.listings = 0
        self.gone = False
        self.returns = 0
        self.away_s = self._gone_s = 0.0
        self.gone_since_s = math.nan

    def new_frames(self, hinted: bool = False) -> list[FrameName]:
        """Names of frames that were not there before, unordered; links and pipes among them, folders not.

        hinted: something happened, so list as soon as the share of a core allows.
        """
        due_s = self._affordable_s if hinted else self._due_s
        names = self._listed() if time.monotonic() >= due_s else self._next_in_series()
        folders = self._folders({name for name in names if self._selection.is_frame(name)})
        names = [name for name in names if name not in folders]
        self._known.update(names)
        frames = [frame_name(name) for name in names if self._selection.is_frame(name)]
        if len(frames) < len(names):
            self._note_ignored(names)
        if frames:
            self._newest = _newest(frames, self._newest)
        return frames

    def _folders(self, names: set[str]) -> set[str]:
        """Those that are folders now, which are no frames and never wait to be read. One may become a file."""
        with contextlib.suppress(OSError):  # gone just now: the next listing says so
            if len(names) > MANY and not self._selection.recursive:
                with os.scandir(self._folder) as entries:
                    return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)} & names
        return {name for name in names if _is_folder(self._folder / name)}

    def _note_ignored(self, names: list[str]) -> None:
        """Say what is there to stay and is no frame: by its name, or because the pattern leaves it out."""
        others: list[str] = []
        for name in names:
            if is_temporary(name) or self._selection.is_frame(name) or self._selection.is_of_set_up(name):
                continue
            self.ignored += 1
            if is_correction(name):
                log.warning("%s is taken for a mask, dark or flat, not a frame; --include takes it", printable(name))
            elif is_frame(name):
                level = logging.INFO if self._left_out else logging.WARNING
                self._left_out = True
                log.log(level, "%s does not match %s: left out", printable(name), printable(self._selection.include))
            else:
                others.append(printable(name))
        if others:
            more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
            log.info("not taken for frames, by their names: %s%s", ", ".join(sorted(others)[:MOST_NAMED]), more)

    def forget(self, name: str) -> None:
        """Take this name for new when it is seen again."""
        self._known.discard(name)

    def _listed(self) -> list[str]:
        begin_s = time.thread_time()
        try:
            names = self._names() - self._known
        except OSError as error:
            if not self.gone:
                self._gone_s, self.gone_since_s = time.monotonic(), time.time()
                now = time.strftime("%H:%M:%S")
                log.warning("%s: folder gone since %s (%s)", printable(str(self._folder)), now, error.strerror)
            self.gone = True
            self._due_s = self._affordable_s = time.monotonic() + max(self._poll_s, 0.5)
            return []
        if self.gone:
            log.warning("%s: folder is back", printable(str(self._folder)))
            self.returns += 1
            self.away_s = time.monotonic() - self._gone_s
        self.gone, self.gone_since_s = False, math.nan
        self.listings += 1
        pause_s = min((time.thread_time() - begin_s) / CPU_SHARE, LONGEST_PAUSE_S)
        self._affordable_s = time.monotonic() + pause_s
        self._due_s = max(self._affordable_s, time.monotonic() + self._poll_s)
        return list(names)

    def _names(self) -> set[str]:
        if self._selection.recursive:
            return set(names_in(self._folder, recursive=True))
        return set(os.listdir(self._folder))  # noqa: PTH208 - names, at a third of the cost

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


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _newest(frames: list[FrameName], known: tuple[FrameName, FrameName] | None) -> tuple[FrameName, FrameName]:
    """The two highest names of the newest series, from which the next one can be told."""
    highest = sorted([*frames, *(known or ())], key=lambda name: name.key)[-2:]
    return highest[0], highest[-1]
