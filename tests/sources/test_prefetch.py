"""Reading ahead keeps order, loses nothing, ends when asked and passes errors on."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.prefetch import batches, in_turn

Way = Callable[[Iterator[Frame], threading.Event, int], Generator[list[Frame], None, None]]


def frame(index: int) -> Frame:
    return Frame(index, f"{index}", float(index), 0.0, NoResult("no beam"))


def endless(stop: threading.Event, drawn: list[int]) -> Iterator[Frame]:
    while not stop.is_set():
        drawn.append(len(drawn))
        yield frame(drawn[-1])


@pytest.mark.parametrize("count", [0, 1, 7, 8, 100])
@pytest.mark.parametrize("way", [batches, in_turn])
def test_every_frame_once_in_order(way: Way, count: int) -> None:
    gathered = list(way(map(frame, range(count)), threading.Event(), 8))
    assert [each.index for batch in gathered for each in batch] == list(range(count))
    assert all(1 <= len(batch) <= 8 for batch in gathered)


def test_a_slow_source_gives_one_frame_at_a_time() -> None:
    taken = threading.Semaphore(1)

    def one_by_one() -> Iterator[Frame]:
        for index in range(5):
            assert taken.acquire(timeout=30)
            yield frame(index)

    for number, batch in enumerate(batches(one_by_one(), threading.Event(), 8)):
        assert [each.index for each in batch] == [number]
        taken.release()


def test_nothing_is_said_each_time_nothing_came_for_a_while() -> None:
    more = threading.Event()

    def slowly() -> Iterator[Frame]:
        yield frame(0)
        assert more.wait(30)
        yield frame(1)

    seen: list[list[int]] = []
    for batch in batches(slowly(), threading.Event(), 8, idle_s=0.05):
        seen.append([each.index for each in batch])
        if seen[-2:] == [[], []]:
            more.set()
    assert seen[0] == [0]
    assert seen[-1] == [1] or seen[-2:] == [[1], []]
    assert seen.count([]) >= 2


def test_what_a_source_holds_open_is_let_go_where_it_was_opened() -> None:
    closed_by: list[str] = []

    def holding() -> Iterator[Frame]:
        try:
            yield from map(frame, range(1000))
        finally:
            closed_by.append(threading.current_thread().name)

    with closing(batches(holding(), threading.Event(), 4)) as gathered:
        next(gathered)
    assert closed_by == ["reader"]


def test_a_backlog_is_bounded() -> None:
    stop, drawn = threading.Event(), list[int]()
    with closing(batches(endless(stop, drawn), stop, 4)) as gathered:
        assert next(gathered)[0].index == 0
        # 8 wait, one is being put, 4 were taken at most.
        assert len(drawn) <= 13
    assert stop.is_set()


def test_of_large_images_fewer_are_read_ahead() -> None:
    stop, drawn = threading.Event(), list[int]()
    counts = np.zeros((10, 100), np.uint8)
    images = (replace(one, content=Image(counts)) for one in endless(stop, drawn))
    with closing(batches(images, stop, 16, most_bytes=3000)) as gathered:
        for _ in range(20):
            assert 1 <= len(next(gathered)) <= 3
            time.sleep(0.001)
    assert len(drawn) <= 20 * 3 + 3 + 1


def test_one_image_larger_than_the_room_still_goes_through() -> None:
    images = (replace(frame(index), content=Image(np.zeros((10, 100)))) for index in range(5))
    gathered = list(batches(images, threading.Event(), 16, most_bytes=10))
    assert [[each.index for each in batch] for batch in gathered] == [[0], [1], [2], [3], [4]]


def test_so_many_are_waited_for_or_what_there_is_room_for() -> None:
    images = [replace(frame(index), content=Image(np.zeros((10, 10), np.int32))) for index in range(20)]
    gathered = [len(batch) for batch in batches(iter(images), threading.Event(), 16, fewest=8)]
    assert sum(gathered) == 20
    assert all(count >= 8 for count in gathered[1:-1])
    gathered = [len(b) for b in batches(iter(images), threading.Event(), 16, most_bytes=1200, fewest=8)]
    assert sum(gathered) == 20
    assert max(gathered) == 3


def test_fewer_are_taken_where_no_more_come_for_a_while() -> None:
    taken = threading.Event()

    def slowly() -> Iterator[Frame]:
        yield frame(0)
        assert taken.wait(30)
        yield from map(frame, range(1, 9))

    seen: list[list[int]] = []
    for batch in batches(slowly(), threading.Event(), 16, idle_s=0.05, fewest=8):
        seen += [[each.index for each in batch]] if batch else []
        taken.set()
    assert seen[0] == [0]
    assert [index for each in seen for index in each] == list(range(9))


def test_in_turn_no_frame_is_drawn_before_those_before_it_are_done() -> None:
    stop, drawn = threading.Event(), list[int]()
    with closing(in_turn(endless(stop, drawn), stop, 4)) as gathered:
        assert [[each.index for each in next(gathered)] for _ in range(2)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert len(drawn) == 8
        stop.set()
        assert not list(gathered)
    assert len(drawn) == 8


@pytest.mark.parametrize("way", [batches, in_turn])
def test_what_the_source_raises_comes_after_its_frames(way: Way) -> None:
    def broken() -> Iterator[Frame]:
        yield frame(0)
        raise OSError("gone")

    stop = threading.Event()
    seen: list[int] = []

    def take() -> None:
        for batch in way(broken(), stop, 8):
            seen.extend(each.index for each in batch)

    with pytest.raises(OSError, match="gone"):
        take()
    assert seen == [0]


def test_an_error_of_the_one_who_takes_ends_a_source_that_waits() -> None:
    stop = threading.Event()

    def waiting() -> Iterator[Frame]:
        yield frame(0)
        stop.wait()

    def take() -> None:
        with closing(batches(waiting(), stop, 8)) as gathered:
            for _ in gathered:
                raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        take()
    assert stop.is_set()
