"""A scan that is being written, whether as image files or as an EIGER master with its data files."""

import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from latticewatch.processing.config.frame_selection import ALL, FrameSelection, HDF5Selection, names_in
from latticewatch.processing.files.frame_names import MASTER, is_correction, is_hdf5_frame
from latticewatch.processing.flow.frame import Frame
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.sources.folder.watched import WatchedFolder
from latticewatch.processing.sources.hdf5.one_a_file import one_a_file
from latticewatch.processing.sources.hdf5.stack import HDF5Stack
from latticewatch.processing.text import printable

POLL_S = 0.1

log = logging.getLogger(__name__)


class LiveScan:
    """The frames of a folder as they come; what the first file is decides how they are read.

    As WatchedFolder, which see for the parameters and for what is raised.
    """

    def __init__(
        self,
        folder: Path,
        *,
        selection: FrameSelection = ALL,
        period_s: float | None = None,
        until_idle_s: float | None = None,
        frame_limit: int | None = None,
        first_wait_s: float = 60.0,
    ) -> None:
        self._folder, self._selection = folder, selection
        self._period_s, self._until_idle_s, self._frame_limit = period_s, until_idle_s, frame_limit
        self._first_wait_s = max(first_wait_s, until_idle_s or 0.0)
        self._images = self._watched(selection)
        self._source: Source = self._images

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once; ends at ``stop``, the frame limit, or when the folder has been idle."""
        first = self._wait_for_first(stop)
        if first is None:
            yield from self._images.frames(stop)
        elif isinstance(first, HDF5Selection):
            log.info("following HDF5 files of one image each")
            images = self._source = self._watched(first)
            yield from images.frames(stop)
        else:
            log.info("%s: following its data files", printable(first.name))
            follow_s = math.inf if self._until_idle_s is None else self._until_idle_s
            dataset = self._selection.dataset
            self._source = HDF5Stack(first, period_s=self._period_s, follow_s=follow_s, dataset=dataset)
            yield from itertools.islice(self._source.frames(stop), self._frame_limit)

    def _watched(self, selection: FrameSelection) -> WatchedFolder:
        return WatchedFolder(
            self._folder,
            selection=selection,
            period_s=self._period_s,
            until_idle_s=self._until_idle_s,
            frame_limit=self._frame_limit,
            first_wait_s=0.0,
        )

    def progress(self) -> Progress:
        return self._source.progress()

    def _wait_for_first(self, stop: threading.Event) -> Path | HDF5Selection | None:
        """The first EIGER master, or the selection of HDF5 files of one image each; None once there is an image file,
        or nothing in time."""
        start_s, told = time.monotonic(), False
        while not stop.is_set():
            names = self._names()
            if any(self._selection.is_frame(name) for name in names):
                return None
            if not told and (others := [name for name in names if is_correction(name) or is_hdf5_frame(name)]):
                told = True
                log.warning("%s", _why_not(min(others)))
            masters = sorted(name for name in names if name.endswith(MASTER) and name[0] != "." and "/" not in name)
            if masters:
                return self._folder / masters[0]
            if not self._selection.recursive and (series := one_a_file(self._folder, self._selection)):
                return series
            if self._until_idle_s is not None and time.monotonic() - start_s >= self._first_wait_s:
                return None
            stop.wait(POLL_S)
        return None

    def _names(self) -> list[str]:
        try:
            if self._selection.recursive:
                return list(names_in(self._folder, recursive=True))
            return os.listdir(self._folder)  # noqa: PTH208 - names, at a third of the cost
        except OSError:
            return []


def _why_not(name: str) -> str:
    """Why the watch does not begin with this file."""
    if is_hdf5_frame(name):
        return f"{printable(name)}: HDF5 files that are no EIGER master are followed where two hold one image each"
    return f"{printable(name)} is taken for a mask, dark or flat, not for a frame; --include takes it"
