"""HDF5 files of one image each, as some areaDetector plugins and NeXus writers make them."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import FrameName, frame_name, is_temporary
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.formats.file_bytes import FileState, state_of
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.sources.hdf5.stack import SUFFIXES, HDF5Stack

NAN = float("nan")
POLL_S = 0.2
MASTER = "_master.h5"


class HDF5Series:
    """The images of the HDF5 files of a folder, one image each, in the order of the numbers in their names.

    follow_s: wait for more files until none has come for this time; left out: those that are there now. A file that is
    waited for is read once it has not changed for ``settle_s``.
    """

    def __init__(
        self, folder: Path, selection: FrameSelection, *, period_s: float | None = None, follow_s: float | None = None
    ) -> None:
        self._folder, self._selection, self._follow_s = folder, selection, follow_s
        self._clock = ScanClock(period_s)
        self._names = series_names(folder)
        self._drawn = 0
        self._newest: FrameName | None = None
        self._states: dict[str, tuple[FileState, float]] = {}

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once; a file that cannot be read is a gap with its reason."""
        active_s = time.monotonic()
        while not stop.is_set():
            waiting = [name for name in self._names if self._newest is None or name > self._newest]
            if waiting and self._is_settled(waiting[0]):
                self._newest, active_s = waiting[0], time.monotonic()
                yield self._frame(waiting[0])
            elif self._follow_s is None or time.monotonic() - active_s >= self._follow_s:
                return
            else:
                stop.wait(POLL_S)
                self._names = series_names(self._folder)

    def files(self) -> tuple[Path, list[str]]:
        """The scan's folder, and the names of its files."""
        return self._folder, [name.name for name in self._names]

    def progress(self) -> Progress:
        """Files that are there, and how many are still to be read."""
        return Progress(len(self._names), len(self._names) - self._drawn)

    def _is_settled(self, name: FrameName) -> bool:
        if self._follow_s is None:
            return True
        now, state = time.monotonic(), state_of((self._folder / name.name).lstat())
        before, since_s = self._states.get(name.name, (None, now))
        if state != before:
            self._states[name.name] = state, now
        return state == before and now - since_s >= self._selection.settle_s

    def _frame(self, name: FrameName) -> Frame:
        path, index = self._folder / name.name, self._drawn
        try:
            frame = next(HDF5Stack(path, dataset=self._selection.dataset).frames(threading.Event()))
        except (UserError, StopIteration) as error:
            reason = str(error).removeprefix(f"{path}: ") or "holds no image"
            frame = Frame(index, f"{name.name}::000000", NAN, NAN, NoResult(f"unreadable: {reason}"))
        moment = Moment(index, name, mtime_s=frame.mtime_s)
        self._drawn += 1
        time_s = self._clock.time_s(moment, readable=not isinstance(frame.content, NoResult))
        return replace(frame, index=index, time_s=time_s)


def series_names(folder: Path) -> list[FrameName]:
    """HDF5 files that may be frames, in their order: no masters, data files of masters, hidden or temporary ones."""
    names = (name for name in os.listdir(folder) if Path(name).suffix.lower() in SUFFIXES)  # noqa: PTH208 - names
    kept = (name for name in names if not (is_temporary(name) or name.endswith(MASTER) or "_data_" in name))
    return sorted(map(frame_name, kept), key=lambda name: name.key)


def is_series(folder: Path, dataset: str = "") -> bool:
    """Whether the folder holds such files: two or more, with names alike but for numbers, the first with one image."""
    names: Sequence[FrameName] = series_names(folder)
    if len(names) < 2 or len({name.texts for name in names}) > 1:
        return False
    try:
        return HDF5Stack(folder / names[0].name, dataset=dataset).progress().found == 1
    except UserError:
        return False
