"""A run file as a source of frames: a refit of what was recorded."""

import threading
from collections.abc import Iterator
from dataclasses import replace

from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import NAN, Progress, Row
from latticewatch.processing.record.run_file.reader import Run


class RunFileSource:
    """The frames of a recorded run, as fast as they are asked for.

    Recorded patterns are what was fitted, so fitting them again gives the same numbers. A frame without a pattern comes
    as the gap it was, and a gap that was filled as it did: first the gap, then what filled it.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._given = self._fills = 0
        self._newest_mtime_s = NAN

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame of the run once, in order; ends at the end of the run or when ``stop`` is set."""
        for row in self._run.rows:
            if stop.is_set():
                return
            self._newest_mtime_s = row.mtime_s
            self._given += 1
            frame = replace(frame_of(row), index=row.index + self._fills)
            if row.filled is not None:
                yield replace(frame, time_s=row.filled.time_s, content=NoResult(row.filled.reason), header={})
                self._fills += 1
                frame = replace(frame, index=frame.index + 1)
            yield frame

    def progress(self) -> Progress:
        """All frames of the run are found; those not handed out yet wait."""
        rows = len(self._run.rows)
        return Progress(rows + self._fills, rows - self._given, self._newest_mtime_s)


def frame_of(row: Row) -> Frame:
    content: Pattern | NoResult = NoResult(row.fit.reason if isinstance(row.fit, NoResult) else "unreadable: lost")
    if row.pattern is not None:
        content = replace(row.pattern, pixels_left_out=row.pixels_left_out)
    header = {name: repr(value) for name, value in row.header.items()}
    return Frame(row.index, row.name, row.time_s, row.mtime_s, content, header)
