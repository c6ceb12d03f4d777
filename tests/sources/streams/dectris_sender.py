"""A detector that sends stream v2: a PUSH socket and CBOR, written independently of the receiver."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import cbor2
import h5py
import hdf5plugin
import numpy as np
import zmq
from cbor2 import CBORTag
from numpy.typing import NDArray

TAGS = {
    "|u1": 64, "<u2": 69, "<u4": 70, "<u8": 71, "|i1": 72, "<i2": 77, "<i4": 78, "<f4": 85, ">u2": 65, ">u4": 66,
}  # fmt: skip
BEGAN = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
TICKS = 50_000_000


def packed(image: NDArray[Any], algorithm: str) -> bytes:
    """The image as HDF5's own filter packs it."""
    options = hdf5plugin.Bitshuffle(cname="lz4") if algorithm == "bslz4" else hdf5plugin.LZ4()
    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("d", data=image[None], chunks=(1, *image.shape), **options)
        return bytes(dataset.id.read_direct_chunk((0, 0, 0))[1])


def array(image: NDArray[Any], algorithm: str = "bslz4", shape: tuple[int, ...] | None = None) -> CBORTag:
    content = packed(image, algorithm) if algorithm else image.tobytes()
    if algorithm:
        content = CBORTag(56500, [algorithm, image.itemsize if algorithm == "bslz4" else 0, content])
    return CBORTag(40, [list(shape or image.shape), CBORTag(TAGS[image.dtype.str], content)])


def start(series: int = 1, images: int = 10, unique: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "type": "start",
        "arm_date": BEGAN,
        "channels": ["threshold_1", "threshold_2"],
        "count_time": 2.4,
        "frame_time": 2.5,
        "number_of_images": images,
        "series_id": series,
        "series_unique_id": unique,
        "saturation_value": 1_048_574,
        **more,
    }


def image(
    number: int, pixels: Any, series: int = 1, unique: str = "a", began: datetime = BEGAN, **more: Any
) -> dict[str, Any]:
    """An image message; pixels: an array, or what is sent in its place."""
    content = array(pixels) if isinstance(pixels, np.ndarray) else pixels
    return {
        "type": "image",
        "data": {"threshold_2": CBORTag(40, [[1, 1], CBORTag(64, b"\x00")]), "threshold_1": content},
        "image_id": number,
        "real_time": [round(2.4 * TICKS), TICKS],
        "series_date": began,
        "series_id": series,
        "series_unique_id": unique,
        "start_time": [round(2.5 * TICKS) * number, TICKS],
        "stop_time": [round(2.5 * TICKS) * number + 2, TICKS],
        **more,
    }


def end(series: int = 1, unique: str = "a") -> dict[str, Any]:
    return {"type": "end", "series_id": series, "series_unique_id": unique}


class Sender:
    """Binds a port and pushes messages; waits for the receiver, as the detector's buffer does."""

    def __init__(self, port: int = 0, held: int = 100) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.setsockopt(zmq.SNDHWM, held)
        self._socket.setsockopt(zmq.SNDTIMEO, 120_000)
        self.port = self._bound(port)

    def _bound(self, port: int) -> int:
        if not port:
            return int(self._socket.bind_to_random_port("tcp://127.0.0.1"))
        deadline = time.monotonic() + 5.0
        while True:
            try:
                self._socket.bind(f"tcp://127.0.0.1:{port}")
            except zmq.ZMQError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return port

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def send(self, message: dict[str, Any] | bytes, *, cut: int | None = None) -> None:
        """Push one message; cut: only its first bytes."""
        self._socket.send((message if isinstance(message, bytes) else cbor2.dumps(message))[:cut])

    def send_parts(self, parts: list[bytes]) -> None:
        self._socket.send_multipart(parts)

    def close(self, linger_ms: int = 5000) -> None:
        """linger 0: killed, with what it had not sent yet."""
        self._socket.close(linger=linger_ms)
        self._context.term()


@contextmanager
def sending(held: int = 100) -> Iterator[Sender]:
    sender = Sender(held=held)
    try:
        yield sender
    finally:
        sender.close()
