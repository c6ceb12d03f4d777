"""The frames of a scan that are new to a run which is resumed."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress, Row
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.pipeline.late_frames import can_be_filled

SAME_SHARE = 1e-3
"""Median relative difference of two patterns of one file: a pixel found hot in between makes less."""

log = logging.getLogger(__name__)


class NewFrames:
    """The frames of ``source``, which is the whole scan again, without those that are recorded.

    recorded: the run's rows so far, in order; names: those of their frames. integrate: as the run's integrator does; it
    sees every image that is recorded already, for what it learns from the first images of a scan. A file that was a
    gap and can be read now fills it; one that holds other content than was recorded is a frame of its own.
    """

    def __init__(
        self, recorded: Sequence[Row], names: Iterable[str], source: Source, integrate: Callable[[Frame], object]
    ) -> None:
        self._recorded = recorded
        self._source = source
        self._integrate = integrate
        self._given = self._drawn = 0
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(names):
            self._places[name].append(place)

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every new frame once, numbered from the last recorded row on; ends as the source does."""
        first = self._recorded[-1].index + 1 if self._recorded else 0
        for frame in self._source.frames(stop):
            self._drawn += 1
            if self._drawn == 1 and self._places and frame.name not in self._places:
                log.warning(
                    "%s, the first frame there is, is not in the run that is resumed, which has %d from %s on: "
                    "is it of the same scan? If not, stop and give a new --out",
                    *(frame.name, len(self._recorded), self._recorded[0].name),
                )
            new = self._new_in(frame) if frame.name in self._places else frame
            if new is not None:
                yield replace(new, index=first + self._given)
                self._given += 1

    def progress(self) -> Progress:
        """The source's counters; recorded frames are found and do not wait."""
        counters = self._source.progress()
        waiting = max(0, counters.found - max(self._drawn, len(self._places)))
        return replace(counters, found=len(self._recorded) + self._given + waiting, waiting=waiting)

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
