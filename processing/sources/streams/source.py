"""The frames of a live stream, with a gap for every number that did not come."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import frame_name
from latticewatch.processing.flow.frame import Frame, NoResult
from latticewatch.processing.flow.series import NAN, Progress
from latticewatch.processing.formats.header_text import number as number_in
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.sources.streams.address import StreamAddress
from latticewatch.processing.sources.streams.messages import (
    Broken,
    Message,
    Receiver,
    SeriesEnd,
    SeriesStart,
    StreamImage,
)
from latticewatch.processing.text import printable

POLL_S = 0.1
NEVER_RECEIVED = "unreadable: never received: the stream skipped its number"

LISTED = 1000
"""So many missing numbers in a row are listed one by one; more are one entry: a counter may also jump."""

log = logging.getLogger(__name__)


class Numbers:
    """The numbers of one series, which begins with ``first``. Memory grows with the losses only."""

    def __init__(self, first: int = 0) -> None:
        self._first = self.next = first
        self._skipped: list[range] = []
        self._late: set[int] = set()

    def is_known(self, number: int) -> bool:
        """Whether it came before, or lies before the series."""
        missing = number not in self._late and any(number in skipped for skipped in self._skipped)
        return number < self.next and not missing

    def take(self, number: int) -> Iterator[range] | None:
        """Note that this number came; the numbers skipped before it, None where it is one of those, late."""
        if number < self.next:
            self._late.add(number)
            return None
        skipped = range(self.next, number)
        if skipped:
            self._skipped.append(skipped)
        self.next = number + 1
        pieces = [range(each, each + 1) for each in skipped] if len(skipped) <= LISTED else [skipped]
        return iter(pieces)

    def take_next(self) -> int:
        """The number that is due, for a message that does not tell its own; it may still come."""
        self._skipped.append(range(self.next, self.next + 1))
        self.next += 1
        return self.next - 1


class StreamSource:
    """The images of one stream as they come, named ``LABEL/image_000012``.

    period_s: of the experiment, where the stream says no times. until_idle_s: end this long after the last message;
    first_wait_s: or this long after the start, where none came. frame_limit: end after so many frames. The end message
    of a series ends the scan. tells_rest: what was announced and did not come by then is a gap.

    The network buffers a little; what this program is too slow for stays with the sender, and what the sender then
    drops is a gap by its number. A frame's ``mtime_s`` is when it arrived.
    """

    def __init__(
        self,
        address: StreamAddress,
        *,
        period_s: float | None = None,
        until_idle_s: float | None = None,
        frame_limit: int | None = None,
        first_wait_s: float = 60.0,
        tells_rest: bool = True,
    ) -> None:
        self._address, self._tells_rest = address, tells_rest
        self._until_idle_s, self._frame_limit = until_idle_s, frame_limit
        self._first_wait_s = max(first_wait_s, until_idle_s or 0.0)
        self._clock = ScanClock(period_s)
        self._receiver: Receiver | None = None
        self._numbers = Numbers()
        self._used: dict[str, str] = {}
        self._start = SeriesStart("", "")
        self._index = 0
        self._arrived_s = NAN
        self._last_message_s = time.monotonic()

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once; ends at ``stop``, the end message, the frame limit, or when the stream is idle.

        Raises UserError where the stream cannot be opened, or was to end when idle and never sent anything.
        """
        for frame in self.steps(stop):
            if frame is not None:
                yield frame
            if self._index == self._frame_limit or (frame is None and self._is_idle_too_long(self.silent_s)):
                return

    def steps(self, stop: threading.Event, poll_s: float = POLL_S) -> Iterator[Frame | None]:
        """Every frame once, and None each time nothing came for ``poll_s``; ends at ``stop`` and the end message."""
        self._receiver = _connected(self._address)
        self._last_message_s = time.monotonic()
        log.info("%s: waiting for images", self._address)
        while not stop.is_set():
            message = self._receiver.receive(poll_s)
            if message is None:
                yield None
                continue
            self._last_message_s, self._arrived_s = time.monotonic(), time.time()
            yield from self._frames_of(message)
            ended = isinstance(message, SeriesEnd) and message.identity == self._start.identity
            if ended and self._index:
                log.info("%s: the series has ended", self._address)
                return

    @property
    def silent_s(self) -> float:
        """Seconds since the last message, or since the stream was opened."""
        return time.monotonic() - self._last_message_s

    @property
    def next_number(self) -> int:
        return self._numbers.next

    @property
    def announced(self) -> int | None:
        """How many images the series was to have; None where that was not said."""
        return self._start.images

    def name_of(self, number: int) -> str:
        """What the frame of this number is called; empty before a series has started."""
        return self._name(number) if self._start.label else ""

    def skip_to(self, number: int) -> Iterator[Frame]:
        """Count on up to this number, which came otherwise; a gap for each that is left out of a series."""
        if not self._start.label and not self._index:
            self._numbers = Numbers(number)
        for numbers in self._numbers.take(number) or ():
            yield self._gap(numbers[0], NEVER_RECEIVED, len(numbers))

    def adopt(self, frame: Frame, name: str, time_s: float) -> Frame:
        """A frame that came otherwise, counted with the others."""
        self._index += 1
        return replace(frame, index=self._index - 1, name=name, time_s=time_s)

    def progress(self) -> Progress:
        """Frames received; what the network still holds is not known."""
        return Progress(self._index, 0, self._arrived_s)

    def close(self) -> None:
        """Let go of the network, once nobody draws frames any more."""
        if self._receiver is not None:
            self._receiver.close()

    def _is_idle_too_long(self, idle_s: float) -> bool:
        if self._until_idle_s is None:
            return False
        if self._index:
            return idle_s >= self._until_idle_s
        if idle_s < self._first_wait_s:
            return False
        raise UserError(
            f"{self._address}: nothing came within {idle_s:.0f} s; check the address and that the detector sends"
        )

    def _frames_of(self, message: Message) -> Iterator[Frame]:
        match message:
            case SeriesStart():
                self._begin(message)
            case StreamImage():
                yield from self._image(message)
            case SeriesEnd(identity) if identity == self._start.identity and self._tells_rest:
                yield from self.rest()
            case Broken(reason):
                log.warning("%s: a message that cannot be read: %s", self._address, reason)
                yield self._gap(self._numbers.take_next(), f"unreadable: {reason}")

    def _begin(self, start: SeriesStart, first: int = 0) -> None:
        if self._index:
            log.warning("%s: a new series begins: %s", self._address, printable(start.label))
        uses = sum(label == start.label for label in self._used.values())
        self._used[start.identity] = start.label
        label = f"{start.label}_{uses + 1}" if uses else start.label
        self._start = SeriesStart(start.identity, printable(label), start.images, start.header)
        self._numbers = Numbers(first)

    def _image(self, image: StreamImage) -> Iterator[Frame]:
        restarted = image.again and self._numbers.is_known(image.number)
        if image.identity != self._start.identity or restarted:
            # Its start was not seen: what came before it was not meant for this watch.
            self._begin(SeriesStart(image.identity, image.label), image.number)
        if self._numbers.is_known(image.number):
            log.warning("%s: image %d came twice: recorded once", self._address, image.number)
            return
        skipped = self._numbers.take(image.number)
        if skipped is None:
            log.warning("%s: image %d comes late", self._address, image.number)
        for numbers in skipped or ():
            log.warning("%s: %d images never came, from number %d on", self._address, len(numbers), numbers[0])
            yield self._gap(numbers[0], NEVER_RECEIVED, len(numbers))
        yield self._frame(image)

    def rest(self) -> Iterator[Frame]:
        """One gap for what was announced and did not come by the end of the series."""
        announced = self._start.images
        missing = 0 if announced is None else announced - self._numbers.next
        if missing > 0 and self._index:
            reason = f"unreadable: the series ended {missing} images early: stopped, or never received"
            log.warning("%s: %s", self._address, reason)
            yield self._gap(self._numbers.next, reason)

    def _name(self, number: int) -> str:
        return f"{self._start.label or 'stream'}/image_{number:06d}"

    def _frame(self, image: StreamImage) -> Frame:
        name = self._name(image.number)
        period_s = image.period_s if image.period_s > 0.0 else number_in(self._start.header, ["frame_time"])
        moment = Moment(self._index, frame_name(name), image.stamp_s, period_s=period_s)
        readable = not isinstance(image.content, NoResult)
        return self._counted(name, self._clock.time_s(moment, readable=readable), image)

    def _counted(self, name: str, time_s: float, image: StreamImage) -> Frame:
        self._index += 1
        header = MappingProxyType({**self._start.header, **image.header})
        return Frame(self._index - 1, name, time_s, self._arrived_s, image.content, header)

    def _gap(self, number: int, reason: str, many: int = 1) -> Frame:
        name = self._name(number) + (f"_to_{number + many - 1:06d}" if many > 1 else "")
        time_s = self._clock.time_s(Moment(self._index, frame_name(self._name(number))), readable=False)
        return self._counted(name, time_s, StreamImage("", "", number, NoResult(reason)))


def _connected(address: StreamAddress) -> Receiver:
    # The packages are an extra: imported by those who have them.
    if address.kind == "pva":
        from latticewatch.processing.sources.streams.pva_receiver import PvaReceiver  # optional: p4p

        return PvaReceiver(address)
    from latticewatch.processing.sources.streams.zmq_receiver import ZmqReceiver  # optional: pyzmq

    return ZmqReceiver(address)
