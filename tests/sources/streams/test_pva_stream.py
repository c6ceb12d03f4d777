"""EPICS PVA from a real server: every image once, every loss a gap, no update that breaks it."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from p4p.nt import NTScalar
from p4p.server import Server
from p4p.server.raw import Handler, SharedPV

from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.streams.address import stream_address
from latticewatch.processing.sources.streams.source import StreamSource
from tests.sources import frame_files
from tests.sources.streams.areadetector import NAME, AreaDetector, serving, soon, update


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Iterator[AreaDetector]:
    with serving(monkeypatch) as server:
        yield server


class Watching:
    """The program's source, drawn from in a thread."""

    def __init__(self, **options: Any) -> None:
        self.source: StreamSource = StreamSource(stream_address(f"pva://{NAME}"), **options)
        self.frames: list[Frame] = []
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._draw)
        self._thread.start()
        time.sleep(0.5)  # until it is subscribed

    def _draw(self) -> None:
        for frame in self.source.frames(self.stop):
            self.frames.append(frame)

    def wait_for(self, many: int) -> None:
        deadline = time.monotonic() + 20.0
        while len(self.frames) < many and time.monotonic() < deadline:
            time.sleep(0.01)

    def ended(self) -> list[Frame]:
        self.stop.set()
        self._thread.join()
        with closing(self.source):
            return self.frames


def counts(number: int, dtype: str = "<i4") -> np.ndarray:
    return np.abs(frame_files.counts(number)).astype(dtype)


def test_images_with_times_and_attributes(detector: AreaDetector) -> None:
    watching, began = Watching(), soon(0.0)
    for n in range(1, 6):
        detector.post(update(counts(n), n, began + 2.5 * n, Flux=10.5 + n))
        watching.wait_for(n)
    frames = watching.ended()
    assert [frame.name for frame in frames] == [f"LW_SIM_Image/image_{n:06d}" for n in range(1, 6)]
    assert [round(frame.time_s, 3) for frame in frames] == [0.0, 2.5, 5.0, 7.5, 10.0]
    assert frames[1].header["Flux"] == "12.5"
    for n, frame in enumerate(frames, 1):
        assert isinstance(frame.content, Image)
        assert np.array_equal(np.asarray(frame.content.counts), counts(n))


@pytest.mark.parametrize("dtype", ["|u1", "<u2", "<u4", "<i2", "<i4", "<f4"])
@pytest.mark.parametrize("codec", ["", "lz4", "bslz4"])
def test_every_kind_of_pixels(detector: AreaDetector, dtype: str, codec: str) -> None:
    picture = (np.arange(64 * 96).reshape(64, 96) % 100).astype(dtype)
    watching = Watching(frame_limit=1)
    detector.post(update(picture, 1, soon(0.0), codec))
    watching.wait_for(1)
    (frame,) = watching.ended()
    assert isinstance(frame.content, Image), frame.content
    assert np.array_equal(np.asarray(frame.content.counts), picture)


def test_what_was_there_before_the_watch_is_not_part_of_it(detector: AreaDetector) -> None:
    detector.post(update(counts(1), 41, time.time() - 60.0))
    watching = Watching()
    detector.post(update(counts(2), 42, soon(0.0)))
    watching.wait_for(1)
    assert [frame.name for frame in watching.ended()] == ["LW_SIM_Image/image_000042"]


def test_lost_updates_are_gaps_each_by_its_number(detector: AreaDetector) -> None:
    watching, began = Watching(), soon(0.0)
    for n in (3, 4, 7, 8):
        detector.post(update(counts(n), n, began + n))
    watching.wait_for(6)
    frames = watching.ended()
    assert [(frame.name[-1], isinstance(frame.content, NoResult)) for frame in frames] == [
        ("3", False), ("4", False), ("5", True), ("6", True), ("7", False), ("8", False),
    ]  # fmt: skip


def test_more_than_the_queue_holds_is_lost_visibly(detector: AreaDetector) -> None:
    watching, many, began = Watching(), 3000, soon(0.0)
    for n in range(1, many + 1):
        detector.post(update(counts(n % 7), n, began + n))
    watching.wait_for(many)
    frames = watching.ended()
    assert [frame.name for frame in frames] == [f"LW_SIM_Image/image_{n:06d}" for n in range(1, many + 1)]


def test_a_counter_that_starts_anew_is_a_new_series(detector: AreaDetector) -> None:
    watching, began = Watching(), soon(0.0)
    for place, n in enumerate((5, 6, 1, 2)):
        detector.post(update(counts(n), n, began + place))
    watching.wait_for(4)
    frames = watching.ended()
    assert [frame.name for frame in frames] == [
        "LW_SIM_Image/image_000005", "LW_SIM_Image/image_000006",
        "LW_SIM_Image_2/image_000001", "LW_SIM_Image_2/image_000002",
    ]  # fmt: skip


def test_a_counter_that_does_not_count(detector: AreaDetector) -> None:
    watching, began = Watching(), soon(0.0)
    for place in range(4):
        detector.post(update(counts(place), 0, began + place))
    watching.wait_for(4)
    assert [frame.name[-1] for frame in watching.ended()] == list("0123")


def test_a_server_that_is_killed_and_comes_back(detector: AreaDetector) -> None:
    watching, began = Watching(), soon(0.0)
    for n in (1, 2):
        detector.post(update(counts(n), n, began + n))
    watching.wait_for(2)
    detector.close()
    again = AreaDetector(detector.conf)
    try:
        again.post(update(counts(2), 2, began + 2))
        time.sleep(0.2)
        deadline = time.monotonic() + 20.0
        number = 3
        while len(watching.frames) < 4 and time.monotonic() < deadline:
            again.post(update(counts(number), number, began + number))
            number += 1
            time.sleep(0.3)
    finally:
        again.close()
    frames = watching.ended()
    numbers = [int(frame.name[-6:]) for frame in frames]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 4


def spoiled(kind: str) -> Any:
    value = update(counts(2), 2, soon(1.0))
    packed = update(counts(2), 2, soon(1.0), "bslz4")
    sizes = {
        "too large": [2**31 - 1] * 2,
        "too small": [2, 2],
        "zero": [0, 40],
        "below zero": [-50, -40],
        "one": [2000],
        "three": [50, 40, 1],
        "none": [],
    }
    if kind in sizes:
        value["dimension"] = [{"size": size} for size in sizes[kind]]
        return value
    changes = {
        "jpeg": ("codec", {"name": "jpeg", "parameters": 5}),
        "no type": ("codec", {"name": "bslz4", "parameters": None}),
        "unknown type": ("codec", {"name": "bslz4", "parameters": 77}),
        "text for a type": ("codec", {"name": "lz4", "parameters": "uint32"}),
        "another type": ("codec", {"name": "bslz4", "parameters": 2}),
        "compressed size too large": ("compressedSize", 10**9),
        "compressed size below zero": ("compressedSize", -1),
        "broken": ("value", ("ubyteValue", np.arange(500, dtype=np.uint8))),
    }
    key, content = changes[kind]
    packed[key] = content
    if kind == "broken":
        packed["codec"] = {"name": "lz4", "parameters": 3}
        packed["compressedSize"] = 500
    return packed


@pytest.mark.parametrize(
    "kind",
    [
        "too large", "too small", "zero", "below zero", "one", "three", "none", "jpeg", "no type", "unknown type",
        "text for a type", "compressed size too large", "compressed size below zero", "broken",
    ],
)  # fmt: skip
def test_a_spoiled_update_is_a_gap_and_the_next_image_is_read(detector: AreaDetector, kind: str) -> None:
    watching = Watching()
    detector.post(update(counts(1), 1, soon(0.0)))
    watching.wait_for(1)
    detector.post(spoiled(kind))
    watching.wait_for(2)
    detector.post(update(counts(3), 3, soon(3.0)))
    watching.wait_for(3)
    frames = watching.ended()
    assert [frame.name[-1] for frame in frames] == list("123")
    bad = frames[1].content
    assert isinstance(bad, NoResult), bad
    assert bad.reason.startswith("unreadable: ")
    assert isinstance(frames[2].content, Image)


def test_a_pv_that_is_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    pv = SharedPV(handler=Handler(), nt=NTScalar("d"), initial=1.0)
    server = Server(providers=[{NAME: pv}], isolate=True)
    try:
        for key, value in server.conf().items():
            monkeypatch.setenv(key, value)
        watching = Watching()
        watching.wait_for(1)
        (frame, *_) = watching.ended()
    finally:
        server.stop()
        pv.close(destroy=True)
    assert isinstance(frame.content, NoResult)
    assert "NTNDArray" in frame.content.reason


def test_stop_ends_a_wait_for_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICS_PVA_ADDR_LIST", "127.0.0.1")
    monkeypatch.setenv("EPICS_PVA_AUTO_ADDR_LIST", "NO")
    assert Watching().ended() == []
