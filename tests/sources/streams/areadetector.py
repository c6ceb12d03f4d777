"""An areaDetector server: one PV that holds NTNDArray, on a port of its own."""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from p4p import Value
from p4p.nt import NTNDArray
from p4p.server import Server
from p4p.server.raw import Handler, SharedPV

from tests.sources.streams.dectris_sender import packed

NAME = "LW:SIM:Image"
SCALARS = {"|i1": 1, "<i2": 2, "<i4": 3, "|u1": 5, "<u2": 6, "<u4": 7, "<f4": 9}
TYPE = NTNDArray()


def update(pixels: NDArray[Any], unique: int, stamp_s: float, codec: str = "", **attributes: Any) -> Value:
    """One update; codec: packed as NDPluginCodec does it."""
    value = TYPE.wrap(pixels, timestamp=stamp_s, attrib={"ColorMode": 0, **attributes})
    value["uniqueId"] = unique
    value["codec"] = {"name": "", "parameters": 0}  # said each time: what is not said stays as it was
    if codec:
        content = raw(pixels, codec)
        value["value"] = ("ubyteValue", np.frombuffer(content, np.uint8))
        value["codec"] = {"name": codec, "parameters": SCALARS[pixels.dtype.str]}
        value["compressedSize"] = len(content)
    return value


def raw(pixels: NDArray[Any], codec: str) -> bytes:
    """Without the frame of HDF5; LZ4 must have packed it in one block."""
    framed = packed(pixels, codec)
    if codec == "bslz4":
        return framed[12:]
    (size,) = struct.unpack(">I", framed[12:16])
    assert len(framed) == 16 + size < pixels.nbytes
    return framed[16:]


class Noticing(Handler):  # type: ignore[misc]
    """Notices that somebody watches."""

    def __init__(self) -> None:
        self.watched = threading.Event()

    def onFirstConnect(self, pv: SharedPV) -> None:  # noqa: N802, ARG002
        self.watched.set()


class AreaDetector:
    """The server, started; ``post`` sends one image."""

    def __init__(self, conf: dict[str, str] | None = None) -> None:
        self.handler = Noticing()
        self.pv = SharedPV(handler=self.handler, initial=Value(TYPE.type, {}))
        given: dict[str, Any] = {"conf": conf, "useenv": False} if conf else {"isolate": True}
        self.server = Server(providers=[{NAME: self.pv}], **given)
        self.conf = dict(self.server.conf())

    def post(self, value: Value) -> None:
        self.pv.post(value)

    def close(self) -> None:
        self.server.stop()
        self.pv.close(destroy=True)


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[AreaDetector]:
    detector = AreaDetector()
    for key, value in detector.conf.items():
        monkeypatch.setenv(key, value)
    try:
        yield detector
    finally:
        detector.close()


def soon(seconds: float) -> float:
    """A time stamp after the watch began."""
    return time.time() + 10.0 + seconds
