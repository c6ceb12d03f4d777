"""Going on with a run: what was recorded first, from the record, then what is new in the scan."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress, Row
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.pipeline.late_frames import can_be_filled
from latticewatch.processing.sources.run_rows import frames_of

SAME_SHARE = 1e-3
"""Median relative difference of two patterns of one file: a pixel found hot in between makes less."""

log = logging.getLogger(__name__)


class Resumed:
    """The recorded frames as patterns, so that fit and verdict come to where they were, then the new ones.

    recorded: the run's rows so far. source: the whole scan again. integrate: as the run's integrator does; it sees
    every image that is recorded already, for what it learns from the first images of a scan. A file that was a
    gap and can be read now fills it; one that holds other content than was recorded is a frame of its own.
    """

    def __init__(self, recorded: Sequence[Row], source: Source, integrate: Callable[[Frame], object]) -> None:
        self._recorded = recorded
        self._source = source
        self._integrate = integrate
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._given = self._drawn = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once, in order; ends at the end of the scan or when ``stop`` is set."""
        index = fills = 0
        for place, row in enumerate(self._recorded):
            if stop.is_set():
                return
            self._places[row.name].append(place)
            for frame in frames_of(row, fills):
                index = frame.index + 1
                self._given += 1
                yield frame
            fills += row.filled is not None
        for frame in self._source.frames(stop):
            self._drawn += 1
            new = self._new_in(frame) if frame.name in self._places else frame
            if new is not None:
                self._given += 1
                yield replace(new, index=index)
                index += 1

    def progress(self) -> Progress:
        """The source's counters; recorded frames that still go through the loop wait."""
        counters = self._source.progress()
        again = max(0, len(self._recorded) - self._given)
        waiting = again + max(0, counters.found - max(self._drawn, len(self._places)))
        return replace(counters, found=self._given + waiting, waiting=waiting)

    def _new_in(self, frame: Frame) -> Frame | None:
        """What is new in a file that is recorded already, integrated; None where nothing is."""
        pattern = self._integrate(frame) if isinstance(frame.content, Image) else None
        if not isinstance(pattern, Pattern):
            return None
        rows = [self._recorded[place] for place in self._places[frame.name]]
        if can_be_filled(rows[-1]):
            log.warning("%s can be read now: it fills its gap", frame.name)
        elif any(row.mtime_s == frame.mtime_s or _same(row.pattern, pattern) for row in rows):
            return None
        else:
            log.warning("%s was written again with other content: a frame of its own", frame.name)
        return replace(frame, content=pattern)


def _same(recorded: Pattern | None, found: Pattern) -> bool:
    if recorded is None:
        return False
    old, new = recorded.intensity, found.intensity
    both = np.isfinite(old) & np.isfinite(new)
    scale = np.maximum(np.abs(old[both]), np.float32(1e-6))
    return bool(both.any()) and float(np.median(np.abs(old[both] - new[both]) / scale)) < SAME_SHARE
