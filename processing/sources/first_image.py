"""The first image of a source, read before the run is put together; no frame is lost by it."""

import itertools
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.flow.stages import Source


@dataclass(frozen=True, slots=True)
class PeekedSource:
    """A source that was read up to its first image, which has this header."""

    source: Source
    image: Image
    header: Mapping[str, str]
    _frames: Iterator[Frame]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the first image."""
        return self.image.counts.shape[0], self.image.counts.shape[1]

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame of the source, those already read included; can be called once."""
        del stop
        yield from self._frames

    def progress(self) -> Progress:
        return self.source.progress()


def peek_first_image(source: Source, scan: str, stop: threading.Event) -> PeekedSource | None:
    """Read frames up to the first image, waiting for it as the source does; None when stopped before.

    Raises UserError when the source ends without one image that can be read.
    """
    frames = source.frames(stop)
    held: list[Frame] = []
    for frame in frames:
        held.append(frame)
        if isinstance(frame.content, Image):
            return PeekedSource(source, frame.content, frame.header, itertools.chain(held, frames))
    if stop.is_set():
        return None
    if not held:
        raise UserError(f"{scan}: no frame came; check the folder, [source] and --include")
    reasons = (f" ({frame.name}: {frame.content.reason})" for frame in held if isinstance(frame.content, NoResult))
    raise UserError(f"{scan}: none of its {len(held)} frames can be read{next(reasons, '')}")
