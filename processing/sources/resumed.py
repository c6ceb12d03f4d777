"""Going on with a run: what was recorded first, from the record, then the frames that are new."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from latticewatch.processing.frame import Frame
from latticewatch.processing.loop import Source
from latticewatch.processing.record.run_source import frame_of
from latticewatch.processing.series import Progress, Row


class Resumed:
    """The recorded frames as patterns, so that fit and verdict come to where they were, then the new ones.

    recorded: the run's rows so far. source: the whole scan again. relearn: called with the images that are
    already recorded, for what an integrator learns from the first images of a scan.
    """

    def __init__(self, recorded: Sequence[Row], source: Source, relearn: Callable[[Frame], object]) -> None:
        self._recorded = recorded
        self._source = source
        self._relearn = relearn
        self._given = 0

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once, in order; ends at the end of the scan or when ``stop`` is set."""
        names: set[str] = set()
        for row in self._recorded:
            if stop.is_set():
                return
            names.add(row.name)
            self._given += 1
            yield frame_of(row)
        for frame in self._source.frames(stop):
            if frame.name in names:
                self._relearn(frame)
            else:
                self._given += 1
                yield replace(frame, index=self._given - 1)

    def progress(self) -> Progress:
        """The source's counters; recorded frames that still go through the loop wait."""
        counters = self._source.progress()
        found = max(counters.found, len(self._recorded))
        return replace(counters, found=found, waiting=max(0, found - self._given))
