"""Messages of a DECTRIS detector over ZeroMQ."""

import logging
import time
from contextlib import suppress

import zmq
from zmq.utils.monitor import parse_monitor_message

from latticewatch.processing.errors import UserError
from latticewatch.processing.formats.image_file import LARGEST_FILE
from latticewatch.processing.sources.streams.address import StreamAddress
from latticewatch.processing.sources.streams.dectris import decode_message
from latticewatch.processing.sources.streams.messages import Broken, Message

HELD = 8
"""Messages that wait here; the others wait in the detector."""
RECONNECT_MS, RECONNECT_MOST_MS = 100, 2000
GIVEN_UP_S = 1.0
"""After a message too large or a peer that is no ZeroMQ, the library does not connect again by itself."""
ALIVE = zmq.Event.CONNECTED | zmq.Event.CONNECT_DELAYED | zmq.Event.CONNECT_RETRIED
GONE = zmq.Event.DISCONNECTED | zmq.Event.HANDSHAKE_FAILED_PROTOCOL | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
OPTIONS = {
    zmq.LINGER: 0,
    zmq.RCVHWM: HELD,
    zmq.RECONNECT_IVL: RECONNECT_MS,
    zmq.RECONNECT_IVL_MAX: RECONNECT_MOST_MS,
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 20,
    zmq.TCP_KEEPALIVE_INTVL: 5,
    zmq.TCP_KEEPALIVE_CNT: 3,
    zmq.IPV6: 1,
}

log = logging.getLogger(__name__)


class ZmqReceiver:
    """A PULL socket at the detector's PUSH; a sender that is gone is tried again for ever.

    Only one program may pull: ZeroMQ deals the images out in turn. Raises UserError where the address is refused.
    """

    def __init__(self, address: StreamAddress) -> None:
        self._address = address
        self._channels: dict[str, tuple[str, ...]] = {}
        self._gone_s: float | None = None
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        for option, value in OPTIONS.items():
            self._socket.setsockopt(option, value)
        self._socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_FILE)
        self._events = self._socket.get_monitor_socket(ALIVE | GONE)
        try:
            self._socket.connect(str(address))
        except zmq.ZMQError as error:
            self.close()
            raise UserError(f"{address}: cannot be connected to ({error.strerror}); check the address") from None

    def receive(self, timeout_s: float) -> Message | None:
        if not self._socket.poll(round(1000 * timeout_s)):
            self._mind_the_connection()
            return None
        parts = self._socket.recv_multipart()
        if len(parts) != 1:
            return Broken(f"{len(parts)} parts: the older stream; set the detector's stream format to cbor")
        return decode_message(parts[0], self._channels)

    def close(self) -> None:
        if not self._context.closed:
            self._socket.disable_monitor()
            self._events.close(linger=0)
            self._socket.close(linger=0)
            self._context.term()

    def _mind_the_connection(self) -> None:
        while self._events.poll(0):
            event = parse_monitor_message(self._events.recv_multipart())["event"]
            if event & GONE:
                log.warning("%s: the connection is lost; waiting for the sender", self._address)
                self._gone_s = time.monotonic()
            else:
                self._gone_s = None
            if event == zmq.Event.CONNECTED:
                log.info("%s: connected", self._address)
        if self._gone_s is not None and time.monotonic() - self._gone_s > GIVEN_UP_S:
            with suppress(zmq.ZMQError):
                self._socket.disconnect(str(self._address))
            self._socket.connect(str(self._address))
            self._gone_s = time.monotonic()
