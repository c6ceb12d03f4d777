"""A source that was begun: its first image is known before the run is put together, and nothing is lost by it."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.flow.stages import Source


@dataclass(frozen=True, slots=True)
class Begun:
    """The frames of a source from the very first on, with shape (rows, columns) and header of its first image."""

    source: Source
    shape: tuple[int, int]
    header: Mapping[str, str]
    _frames: Iterator[Frame]

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame of the source, those already drawn included; can be called once."""
        del stop
        yield from self._frames

    def progress(self) -> Progress:
        """The source's counters."""
        return self.source.progress()


def begin(source: Source, scan: str, stop: threading.Event) -> Begun | None:
    """Draw frames until the first image, waiting for it as the source does; None when stopped before.

    Raises UserError when the source ends without one image that can be read.
    """
    frames = source.frames(stop)
    held: list[Frame] = []
    for frame in frames:
        held.append(frame)
        if isinstance(frame.content, Image):
            rows, columns = frame.content.counts.shape
            return Begun(source, (rows, columns), frame.header, _chained(held, frames))
    if stop.is_set():
        return None
    if not held:
        raise UserError(f"{scan}: no frame came; check the folder, [source] and --include")
    raise UserError(f"{scan}: none of its {len(held)} frames can be read{_first_reason(held)}")


def _chained(held: list[Frame], frames: Iterator[Frame]) -> Iterator[Frame]:
    yield from held
    yield from frames


def _first_reason(frames: list[Frame]) -> str:
    reasons = [f" ({frame.name}: {frame.content.reason})" for frame in frames if isinstance(frame.content, NoResult)]
    return "".join(reasons[:1])
