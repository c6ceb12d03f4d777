"""DECTRIS stream v2 from a real PUSH socket: every image once, every loss a gap, no message that breaks it."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from typing import Any

import cbor2
import numpy as np
import pytest
from cbor2 import CBORTag

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.packed_images import PackingError
from latticewatch.processing.sources.streams import zmq_receiver
from latticewatch.processing.sources.streams.address import stream_address
from latticewatch.processing.sources.streams.dectris import decode_message
from latticewatch.processing.sources.streams.messages import StreamImage
from latticewatch.processing.sources.streams.source import StreamSource
from tests.sources import frame_files
from tests.sources.streams.dectris_sender import Sender, array, end, image, sending, start

Send = Callable[[Sender], None]


def counts(number: int, dtype: str = "<u4") -> np.ndarray:
    return np.abs(frame_files.counts(number)).astype(dtype)


def received(send: Send, **options: Any) -> list[Frame]:
    """The frames of what this function sends, with the program's own source."""
    with sending() as sender:
        return drawn(sender, send, **options)


def drawn(sender: Sender, send: Send, **options: Any) -> list[Frame]:
    with closing(StreamSource(stream_address(sender.address), **options)) as source:
        thread = threading.Thread(target=send, args=(sender,))
        thread.start()
        frames = list(source.frames(threading.Event()))
        thread.join()
        assert source.progress().found == len(frames)
    return frames


def messages(*items: dict[str, Any] | bytes) -> Send:
    def send(sender: Sender) -> None:
        for item in items:
            sender.send(item)

    return send


def reasons(frames: Iterable[Frame]) -> list[str]:
    return [frame.content.reason if isinstance(frame.content, NoResult) else "" for frame in frames]


def test_a_series_from_start_to_end() -> None:
    pictures = [counts(number) for number in range(5)]
    frames = received(messages(start(images=5), *(image(n, p) for n, p in enumerate(pictures)), end()))
    assert [frame.name for frame in frames] == [f"series_1/image_{n:06d}" for n in range(5)]
    assert [frame.time_s for frame in frames] == [2.5 * n for n in range(5)]
    for frame, picture in zip(frames, pictures, strict=True):
        assert isinstance(frame.content, Image)
        assert np.array_equal(np.asarray(frame.content.counts), picture)
    assert frames[2].header["count_time"] == "2.4"
    assert frames[2].header["image_id"] == "2"
    assert abs(frames[2].mtime_s - time.time()) < 60.0


@pytest.mark.parametrize("dtype", ["|u1", "<u2", "<u4", "<i2", "<i4", "<f4", ">u2", ">u4", "|i1"])
@pytest.mark.parametrize("algorithm", ["bslz4", "lz4", ""])
def test_every_kind_of_pixels(dtype: str, algorithm: str) -> None:
    picture = (np.arange(37 * 53).reshape(37, 53) % 120).astype(dtype)
    frames = received(messages(start(images=1), image(0, array(picture, algorithm)), end()))
    content = frames[0].content
    assert isinstance(content, Image), content
    assert np.array_equal(np.asarray(content.counts), picture)


def test_what_the_user_adds_to_images_is_in_the_header() -> None:
    frames = received(messages(start(images=1), image(0, counts(0), user_data={"Flux": 12.5, "deep": {"x": 1}}), end()))
    assert frames[0].header["Flux"] == "12.5"


def test_lost_messages_are_gaps_each_by_its_number() -> None:
    sent = [n for n in range(12) if n not in (0, 4, 5, 9)]
    frames = received(messages(start(images=12), *(image(n, counts(n)) for n in sent), end()))
    assert [frame.name for frame in frames] == [f"series_1/image_{n:06d}" for n in range(12)]
    assert [n for n, reason in enumerate(reasons(frames)) if "never received" in reason] == [0, 4, 5, 9]


def test_a_series_that_ends_early_says_so() -> None:
    frames = received(messages(start(images=9), *(image(n, counts(n)) for n in range(4)), end()))
    assert len(frames) == 5
    assert reasons(frames)[4].startswith("unreadable: the series ended 5 images early")


def test_a_jump_of_millions_is_one_gap() -> None:
    frames = received(messages(start(images=2), image(0, counts(0)), image(5_000_000, counts(1)), end()))
    assert [frame.name for frame in frames][1] == "series_1/image_000001_to_4999999"
    assert len(frames) == 3


def test_an_image_that_comes_twice_is_recorded_once_and_a_late_one_out_of_order() -> None:
    order = [0, 1, 1, 3, 2, 2, 4]
    frames = received(messages(start(images=5), *(image(n, counts(n)) for n in order), end()))
    shown = [(frame.name[-1], isinstance(frame.content, Image)) for frame in frames]
    assert shown == [("0", True), ("1", True), ("2", False), ("3", True), ("2", True), ("4", True)]


def spoiled() -> dict[str, dict[str, Any] | bytes]:
    """In place of image 1: what is no image, and what claims to be one."""
    good = counts(1)
    whole = cbor2.dumps(image(1, good))

    def lying(*shape: int) -> dict[str, Any]:
        return image(1, array(good, shape=shape))

    def holding(content: Any, tag: int = 70) -> dict[str, Any]:
        return image(1, CBORTag(40, [list(good.shape), CBORTag(tag, content)]))

    packed = array(good).value[1].value.value[2]
    return {
        "empty": b"",
        "garbage": random.Random(1).randbytes(5000),
        "text": b"GET / HTTP/1.1\r\n\r\n",
        "zeros": bytes(4000),
        "cut in its head": whole[:40],
        "cut in its pixels": whole[: len(whole) // 2],
        "cut by one byte": whole[:-1],
        "a number": cbor2.dumps(7),
        "a list": cbor2.dumps([1, 2, 3]),
        "no type": cbor2.dumps({"image_id": 1}),
        "no number": {**image(1, good), "image_id": "one"},
        "number below zero": {**image(1, good), "image_id": -4},
        "number of 200 bits": {**image(1, good), "image_id": 2**200},
        "no series": {key: value for key, value in image(1, good).items() if key != "series_id"},
        "no pixels": {**image(1, good), "data": {}},
        "pixels that are text": {**image(1, good), "data": {"threshold_1": "image"}},
        "shape too large": lying(2**31, 2**31),
        "shape beyond memory": lying(90_000, 90_000),
        "shape too small": lying(2, 2),
        "shape of three": lying(1, 40, 50),
        "shape of zero": lying(0, 50),
        "shape below zero": lying(-40, -50),
        "shape of words": image(1, CBORTag(40, [["a", "b"], CBORTag(70, b"1234")])),
        "unknown tag": holding(b"1234", tag=76),
        "unknown compression": holding(CBORTag(56500, ["zip", 4, packed])),
        "wrong element size": holding(CBORTag(56500, ["bslz4", 2, packed])),
        "element size of zero": holding(CBORTag(56500, ["bslz4", 0, packed])),
        "compression without data": holding(CBORTag(56500, ["bslz4", 4, b""])),
        "compression that is text": holding(CBORTag(56500, "bslz4")),
        "bytes missing at the end": holding(CBORTag(56500, ["bslz4", 4, packed[:-9]])),
        "lz4 of another size": holding(CBORTag(56500, ["lz4", 0, (10).to_bytes(8, "big") + packed[8:]])),
        "header of 2^60 bytes": holding(CBORTag(56500, ["bslz4", 4, b"\x10" + bytes(7) + packed[8:]])),
        "plain bytes too few": holding(good.tobytes()[:-4]),
        "bomb of lists": b"\x81" * 300_000,
        "bomb of empty lists": b"\x9f" + b"\x80" * 200_000 + b"\xff",
        "list of 2^60": b"\x9b\x10" + bytes(7),
        "bytes of 2^60": b"\x5b\x10" + bytes(7),
        "shared value in a circle": b"\xd8\x1c\x81\xd8\x1d\x00",
        "pattern": cbor2.dumps({**image(1, good), "user_data": CBORTag(35, "(a+)+$")}),
        "huge number": cbor2.dumps({**image(1, good), "user_data": CBORTag(5, [2**62, 3])}),
        "same key twice": b"\xa2\x64type\x65image\x64type\x65image",
    }


@pytest.mark.parametrize("kind", sorted(spoiled()))
def test_a_spoiled_message_is_a_gap_and_the_next_image_is_read(kind: str) -> None:
    frames = received(messages(start(images=3), image(0, counts(0)), spoiled()[kind], image(2, counts(2)), end()))
    assert [frame.name for frame in frames] == [f"series_1/image_{n:06d}" for n in range(3)]
    good, bad, last = (frame.content for frame in frames)
    assert isinstance(good, Image)
    assert isinstance(last, Image)
    if kind == "bytes missing at the end":  # found while it is summed
        assert isinstance(bad, Image)
        with pytest.raises(ValueError, match="broken"):
            np.asarray(bad.counts)
        return
    assert isinstance(bad, NoResult), bad
    assert bad.reason.startswith("unreadable: ")
    assert bad.reason.isprintable()


def test_messages_of_the_older_stream_say_what_to_do() -> None:
    def send(sender: Sender) -> None:
        sender.send_parts([b'{"htype":"dheader-1.0"}', b"{}"])
        sender.send(start(images=1))
        sender.send(image(0, counts(0)))
        sender.send(end())

    assert "format to cbor" in reasons(received(send))[0]


def test_a_message_larger_than_any_image_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq_receiver, "LARGEST_FILE", 50_000)

    def send(sender: Sender) -> None:
        for message in (start(images=2), image(0, counts(0)), bytes(60_000)):
            sender.send(message)
        time.sleep(0.3)  # the connection is cut, and made anew
        sender.send(image(2, counts(2)))
        sender.send(end())

    frames = received(send)
    assert [frame.name[-1] for frame in frames] == ["0", "1", "2"]
    assert "never received" in reasons(frames)[1]


def test_a_sender_that_is_killed_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    senders = [Sender()]

    def send(first: Sender) -> None:
        for message in (start(images=6), *(image(n, counts(n)) for n in range(3))):
            first.send(message)
        time.sleep(0.5)
        first.close(linger_ms=0)
        time.sleep(0.3)
        senders.append(Sender(first.port))
        for message in (*(image(n, counts(n)) for n in (4, 5)), end()):
            senders[1].send(message)

    frames = drawn(senders[0], send)
    senders[1].close()
    assert [frame.name[-1] for frame in frames] == list("012345")
    assert [bool(reason) for reason in reasons(frames)] == [False, False, False, True, False, False]


def test_a_series_that_is_begun_again_has_names_of_its_own() -> None:
    first = (start(unique="a", images=4), image(0, counts(0), unique="a"))
    again = (start(unique="b", images=1), image(0, counts(1), unique="b"), end(unique="a"), end(unique="b"))
    frames = received(messages(*first, *again))
    assert [frame.name for frame in frames] == ["series_1/image_000000", "series_1_2/image_000000"]


def test_a_watch_that_begins_in_the_middle_of_a_series() -> None:
    frames = received(messages(*(image(n, counts(n)) for n in (7, 8, 10)), end()))
    assert [frame.name[-2:] for frame in frames] == ["07", "08", "09", "10"]
    assert [bool(reason) for reason in reasons(frames)] == [False, False, True, False]


def test_nothing_is_lost_when_the_program_is_slow() -> None:
    many = 200
    content = [image(n, counts(n)) for n in range(many)]
    with sending(held=5) as sender, closing(StreamSource(stream_address(sender.address))) as source:
        thread = threading.Thread(target=messages(start(images=many), *content, end()), args=(sender,))
        thread.start()
        found = []
        for frame in source.frames(threading.Event()):
            found.append(frame)
            if len(found) % 20 == 0:
                time.sleep(0.05)
        thread.join()
    assert [frame.index for frame in found] == list(range(many))
    assert not any(reasons(found))


def test_it_ends_at_the_frame_limit() -> None:
    frames = received(messages(start(), *(image(n, counts(n)) for n in range(5))), frame_limit=3)
    assert len(frames) == 3


def test_it_ends_when_idle() -> None:
    assert len(received(messages(start(), image(0, counts(0))), until_idle_s=0.4)) == 1


def test_a_stream_that_never_says_anything_is_told() -> None:
    with pytest.raises(UserError, match="nothing came within"):
        received(messages(), until_idle_s=0.3, first_wait_s=0.5)


def test_stop_ends_a_wait_for_a_sender_that_is_not_there() -> None:
    stop = threading.Event()
    with closing(StreamSource(stream_address("tcp://127.0.0.1:9"))) as source:
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        assert list(source.frames(stop)) == []
        timer.join()


def test_messages_spoiled_at_random_are_never_an_error_of_ours() -> None:
    random_ = random.Random(7)
    whole = [
        cbor2.dumps(message) for message in (start(), image(1, counts(1)), image(2, array(counts(2), "lz4")), end())
    ]
    for _ in range(3000):
        data = bytearray(random_.choice(whole))
        for _ in range(random_.randint(1, 8)):
            data[random_.randrange(min(len(data), random_.choice((60, 400, len(data)))))] = random_.randrange(256)
        if random_.random() < 0.2:
            del data[random_.randrange(len(data)) :]
        message = decode_message(bytes(data), {})
        if isinstance(message, StreamImage) and isinstance(message.content, Image):
            with suppress(PackingError):
                assert np.asarray(message.content.counts).ndim == 2
