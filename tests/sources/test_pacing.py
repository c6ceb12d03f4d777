"""Replay under the user's hand: every frame once, in order, when its time has come."""

import math
import threading
from collections.abc import Iterator
from queue import Empty, Queue

import numpy as np
import pytest

from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.sources.pacing import Paced, Transport

SOON, NOT = 20.0, 0.2


class Given:
    """A source of frames that are at hand."""

    def __init__(self, times: list[float]) -> None:
        self._times = times

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        for index, time_s in enumerate(self._times):
            if stop.is_set():
                return
            content = NoResult("unreadable: spoiled") if math.isnan(time_s) else Image(np.zeros((2, 2)))
            yield Frame(index, f"f_{index}", time_s, float("nan"), content)

    def progress(self) -> Progress:
        return Progress(found=len(self._times))


class Playing:
    """A replay in a thread, and the frames it let pass."""

    def __init__(self, times: list[float], transport: Transport) -> None:
        self.stop = threading.Event()
        self.passed: Queue[int | None] = Queue()
        self._source = Paced(Given(times), transport)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        for frame in self._source.frames(self.stop):
            self.passed.put(frame.index)
        self.passed.put(None)

    def expect(self, *indices: int | None) -> None:
        assert [self.passed.get(timeout=SOON) for _ in indices] == list(indices)

    def expect_nothing(self) -> None:
        with pytest.raises(Empty):
            self.passed.get(timeout=NOT)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(SOON)
        assert not self.thread.is_alive()


def test_as_fast_as_it_goes() -> None:
    playing = Playing([0.0, 1e6, math.nan, 2e6], Transport(math.inf))
    playing.expect(0, 1, 2, 3, None)
    playing.end()


def test_frames_wait_for_their_time() -> None:
    transport = Transport(speed=1e-3)
    playing = Playing([0.0, 5.0, 10.0], transport)
    playing.expect(0)
    playing.expect_nothing()
    assert transport.snapshot().position_s == 0.0
    transport.set_speed(1e6)
    playing.expect(1, 2, None)
    playing.end()


def test_a_frame_without_a_time_follows_at_once() -> None:
    playing = Playing([0.0, math.nan, math.nan, 1e9], Transport())
    playing.expect(0, 1, 2)
    playing.expect_nothing()
    playing.end()


def test_pause_step_and_play() -> None:
    transport = Transport(math.inf, playing=False)
    playing = Playing([0.0, 1.0, 2.0, 3.0, 4.0], transport)
    playing.expect_nothing()
    transport.step()
    playing.expect(0)
    playing.expect_nothing()
    transport.step()
    transport.step()
    playing.expect(1, 2)
    playing.expect_nothing()
    assert not transport.snapshot().playing
    transport.play()
    playing.expect(3, 4, None)
    playing.end()


def test_seek_goes_up_to_a_time_and_no_further() -> None:
    transport = Transport(speed=1e-6)
    playing = Playing([0.0, 10.0, math.nan, 20.0, 30.0, 40.0], transport)
    playing.expect(0)
    transport.seek(30.0)
    playing.expect(1, 2, 3)
    playing.expect_nothing()
    assert not transport.snapshot().seeking
    playing.end()


def test_seek_while_paused_stays_paused() -> None:
    transport = Transport(playing=False)
    playing = Playing([0.0, 10.0, 20.0, 30.0], transport)
    transport.seek(15.0)
    playing.expect(0, 1)
    playing.expect_nothing()
    assert transport.snapshot().position_s == 10.0
    playing.end()


def test_stop_ends_a_replay_that_waits() -> None:
    for transport in (Transport(playing=False), Transport(speed=1e-6)):
        Playing([0.0, 1e9], transport).end()


def test_no_speed_is_refused() -> None:
    for speed in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="speed"):
            Transport().set_speed(speed)
