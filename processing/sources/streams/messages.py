"""What a receiver makes of what came over the network, whatever the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from latticewatch.processing.flow.frame import Image, NoResult

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class SeriesStart:
    """A series begins. identity: tells it from every other series. label: what its images are named after.

    images: how many are to come, None where that is not said. header: what holds for all its images.
    """

    identity: str
    label: str
    images: int | None = None
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class StreamImage:
    """One exposure. number: of the detector's counter. stamp_s: since the epoch; period_s: in seconds; NaN if not said.

    again: the number may start anew without a word (EPICS), so that a lower one is a new series.
    """

    identity: str
    label: str
    number: int
    content: Image | NoResult
    stamp_s: float = NAN
    period_s: float = NAN
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    again: bool = False


@dataclass(frozen=True, slots=True)
class SeriesEnd:
    """A series is over."""

    identity: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A message that cannot be understood, so that not even its number is known."""

    reason: str


Message = SeriesStart | StreamImage | SeriesEnd | Broken


class Receiver(Protocol):
    """One open stream. Used by one thread at a time."""

    def receive(self, timeout_s: float) -> Message | None:
        """The next message; None where none came in time."""

    def close(self) -> None:
        """Let go of the network; may be called twice."""
