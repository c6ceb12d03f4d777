"""Images of an EPICS areaDetector over PV access."""

import logging
import threading
import time
from types import MappingProxyType
from typing import Any

from p4p.client.raw import Context, Disconnected, Finished

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Image, NoResult
from latticewatch.processing.formats.header_text import number
from latticewatch.processing.formats.image_file import Unreadable
from latticewatch.processing.sources.streams.address import StreamAddress
from latticewatch.processing.sources.streams.messages import NAN, Broken, Message, SeriesEnd, StreamImage
from latticewatch.processing.sources.streams.ntndarray import header_of, is_empty, pixels_of, stamp_of
from latticewatch.processing.text import printable

QUEUE = 128
"""Updates held by the client; the server overwrites what goes beyond, which shows in the numbers."""
PERIODS = ("AcquirePeriod", "FramePeriod")

log = logging.getLogger(__name__)


class PvaReceiver:
    """A subscription to one PV; a server that is gone is looked for for ever.

    What the PV held before the watch began is not part of the scan. Raises UserError where the server refuses.
    """

    def __init__(self, address: StreamAddress) -> None:
        self._address = address
        self._news = threading.Event()
        self._began_s = time.time()
        self._last: tuple[int, int, int] | None = None
        self._uncounted = 0
        self._context = Context("pva", useenv=True, nt=False)
        self._subscription: Any = self._context.monitor(
            address.where,
            self._news.set,
            request=f"field()record[queueSize={QUEUE}]",
        )

    def receive(self, timeout_s: float) -> Message | None:
        update = self._next(timeout_s)
        if isinstance(update, Disconnected):
            log.info("%s: not connected; waiting for the server", self._address)
            return None
        if isinstance(update, Finished):
            return SeriesEnd(self._address.where)
        if isinstance(update, Exception):
            raise UserError(
                f"{self._address}: the server refuses ({printable(str(update))[:200]}); check the PV's name"
            )
        return None if update is None else self._message(update)

    def close(self) -> None:
        self._subscription.close()
        self._context.close()

    def _next(self, timeout_s: float) -> Any:
        update = self._subscription.pop()
        if update is None:
            self._news.wait(timeout_s)
            self._news.clear()
            update = self._subscription.pop()
        return update

    def _message(self, update: Any) -> Message | None:
        try:
            return None if is_empty(update) else self._image(update)
        except (Unreadable, KeyError, ValueError, TypeError, AttributeError) as error:
            reason = str(error) if isinstance(error, Unreadable) else "not an areaDetector image (NTNDArray)"
            return Broken(reason)

    def _image(self, update: Any) -> StreamImage | None:
        unique, seconds, nanoseconds = int(update["uniqueId"]), *stamp_of(update)
        if self._is_old(unique, seconds, nanoseconds):
            return None
        stamp_s = seconds + nanoseconds * 1e-9 if seconds else NAN
        header = header_of(update)
        content: Image | NoResult
        try:
            content = pixels_of(update)
        except Unreadable as error:
            content = NoResult(f"unreadable: {error}")
        return StreamImage(
            identity=self._address.where,
            label=self._address.stem,
            number=max(unique, 0) + self._uncounted,
            content=content,
            stamp_s=stamp_s,
            period_s=number(header, PERIODS),
            header=MappingProxyType(header),
            again=True,
        )

    def _is_old(self, unique: int, seconds: int, nanoseconds: int) -> bool:
        """Whether this came before; a server sends its present image at every connection."""
        before, self._last = self._last, (unique, seconds, nanoseconds)
        if before is None and 0 < seconds + nanoseconds * 1e-9 < self._began_s:
            log.info("%s: image %d is older than the watch: not recorded", self._address, unique)
            return True
        if before == self._last:
            return True
        if before and unique < before[0]:
            self._uncounted = 0
        elif before and unique == before[0]:
            if not self._uncounted:
                log.warning("%s: uniqueId does not count; images that are lost cannot be noticed", self._address)
            self._uncounted += 1
        return False
