"""A stream and the folder beside it: shown at once, complete in the end, nothing twice."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.live import LiveScan
from latticewatch.processing.sources.streams.address import stream_address
from latticewatch.processing.sources.streams.source import StreamSource
from latticewatch.processing.sources.streams.with_folder import StreamWithFolder
from tests.sources import frame_files
from tests.sources.streams.dectris_sender import Sender, end, image, sending, start


def counts(number: int) -> np.ndarray:
    return frame_files.counts(number)


def write(folder: Path, number: int, first: int) -> None:
    path = folder / f"br_0001p_{number + first:05d}.cbf"
    hidden = path.with_name(f".{path.name}.tmp")
    hidden.write_bytes(frame_files.cbf(counts(number), stamp=frame_files.stamp(2.5 * number)))
    hidden.replace(path)


def both(
    folder: Path, many: int, lost: Sequence[int] = (), missing: Sequence[int] = (), *, first: int = 1, **options: Any
) -> list[Frame]:
    """The frames of a scan of which the stream and the folder have lost some."""

    def send(sender: Sender) -> None:
        sender.send(start(images=many))
        for number in range(many):
            if number not in lost:
                sender.send(image(number, counts(number)))
            if number not in missing:
                write(folder, number, first)
        sender.send(end())

    with sending() as sender:
        return drawn(sender, folder, send, **options)


def drawn(sender: Sender, folder: Path, send: Any, **options: Any) -> list[Frame]:
    stream = StreamSource(stream_address(sender.address), tells_rest=False)
    watched = LiveScan(folder, selection=FrameSelection(missing_wait_s=0.3))
    with closing(StreamWithFolder(stream, watched, **{"rest_s": 1.5, "silent_s": 1.0, **options})) as source:
        thread = threading.Thread(target=send, args=(sender,))
        thread.start()
        frames = list(source.frames(threading.Event()))
        thread.join()
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert source.progress().found == len(frames)
    return frames


def recorded(frames: Sequence[Frame]) -> dict[int, np.ndarray]:
    """Pixels by number; asserts that none came twice."""
    images = [frame for frame in frames if isinstance(frame.content, Image)]
    assert len({frame.name for frame in images}) == len(images)
    return {int(frame.name[-6:]): np.asarray(frame.content.counts) for frame in images}


def gaps(frames: Sequence[Frame]) -> set[str]:
    filled = {frame.name for frame in frames if isinstance(frame.content, Image)}
    return {frame.name for frame in frames if isinstance(frame.content, NoResult)} - filled


@pytest.mark.parametrize("first", [0, 1])
def test_nothing_twice_when_both_have_everything(tmp_path: Path, first: int) -> None:
    frames = both(tmp_path, 20, first=first)
    assert [frame.name for frame in frames] == [f"series_1/image_{n:06d}" for n in range(20)]
    assert all(isinstance(frame.content, Image) for frame in frames)


@pytest.mark.parametrize("first", [0, 1])
def test_the_folder_fills_what_the_stream_lost(tmp_path: Path, first: int) -> None:
    frames = both(tmp_path, 20, lost=(3, 4, 11, 18, 19), first=first)
    found = recorded(frames)
    assert sorted(found) == list(range(20))
    for number, pixels in found.items():
        assert np.array_equal(pixels, counts(number)), number
    assert gaps(frames) == set()
    assert all(frame.time_s == 2.5 * int(frame.name[-6:]) for frame in frames if isinstance(frame.content, Image))


def test_what_both_lost_is_a_gap(tmp_path: Path) -> None:
    frames = both(tmp_path, 12, lost=(5, 7), missing=(5, 9))
    assert sorted(recorded(frames)) == [n for n in range(12) if n != 5]
    assert gaps(frames) == {"series_1/image_000005"}


def test_the_last_ones_that_both_lost_are_said(tmp_path: Path) -> None:
    frames = both(tmp_path, 8, lost=(6, 7), missing=(6, 7))
    assert sorted(recorded(frames)) == list(range(6))
    assert isinstance(frames[-1].content, NoResult)
    assert "ended 2 images early" in frames[-1].content.reason


def test_the_folder_goes_on_alone_when_the_stream_dies(tmp_path: Path) -> None:
    def send(sender: Sender) -> None:
        sender.send(start(images=12))
        for number in range(4):
            sender.send(image(number, counts(number)))
        time.sleep(0.5)
        sender.close(linger_ms=0)
        for number in range(12):
            write(tmp_path, number, 1)

    frames = drawn(Sender(), tmp_path, send, until_idle_s=2.5)
    found = recorded(frames)
    assert sorted(found) == list(range(12))
    assert all(np.array_equal(pixels, counts(number)) for number, pixels in found.items())
    assert gaps(frames) == set()


def test_a_stream_that_begins_after_the_folder(tmp_path: Path) -> None:
    def send(sender: Sender) -> None:
        for number in range(3):
            write(tmp_path, number, 1)
        time.sleep(2.5)
        sender.send(start(images=6))
        for number in range(6):
            sender.send(image(number, counts(number)))
        sender.send(end())
        for number in range(3, 6):
            write(tmp_path, number, 1)

    with sending() as sender:
        frames = drawn(sender, tmp_path, send)
    images = [frame for frame in frames if isinstance(frame.content, Image)]
    assert len(images) == len(frames) == 6
    for number, frame in enumerate(images):
        assert np.array_equal(np.asarray(frame.content.counts), counts(number))


def test_a_series_that_had_begun_is_left_to_the_folder(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path, number, 1)

    def send(sender: Sender) -> None:
        for number in range(5, 9):
            sender.send(image(number, counts(number)))
            write(tmp_path, number, 1)

    with sending() as sender:
        frames = drawn(sender, tmp_path, send, until_idle_s=1.5)
    assert [frame.name for frame in frames] == [f"br_0001p_{number + 1:05d}.cbf" for number in range(9)]
    assert [frame.time_s for frame in frames] == [2.5 * number for number in range(9)]
    assert all(isinstance(frame.content, Image) for frame in frames)


def test_the_number_of_an_image_is_that_of_its_name(tmp_path: Path) -> None:
    """In HDF5 files of one image each that of the file; of several images in a file only the first one's is known."""
    names = {"m_0007.h5::000000": 6, "x_master.h5::000012": 12, "a_0003.tif": 2, "a_0003.tif::000001": None}
    stream = StreamSource(stream_address("tcp://127.0.0.1:9"), tells_rest=False)
    with closing(StreamWithFolder(stream, LiveScan(tmp_path))) as source:
        assert {name: source._number_of(name) for name in names} == names
