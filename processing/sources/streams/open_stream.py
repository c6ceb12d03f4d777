"""The source of a stream's address."""

from latticewatch.processing.sources.streams.address import StreamAddress
from latticewatch.processing.sources.streams.messages import Receiver
from latticewatch.processing.sources.streams.source import StreamSource


def open_stream(
    address: StreamAddress,
    *,
    period_s: float | None = None,
    until_idle_s: float | None = None,
    frame_limit: int | None = None,
    first_wait_s: float = 60.0,
    tells_rest: bool = True,
) -> StreamSource:
    """The images that are sent from this address; for the parameters see StreamSource."""

    def connect() -> Receiver:
        # The packages are an extra: imported by those who have them.
        if address.kind == "pva":
            from latticewatch.processing.sources.streams.pva_receiver import PvaReceiver

            return PvaReceiver(address)
        from latticewatch.processing.sources.streams.zmq_receiver import ZmqReceiver

        return ZmqReceiver(address)

    return StreamSource(
        connect,
        str(address),
        period_s=period_s,
        until_idle_s=until_idle_s,
        frame_limit=frame_limit,
        first_wait_s=first_wait_s,
        tells_rest=tells_rest,
    )
