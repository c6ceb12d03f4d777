"""Replay: frames of a recorded source at the scan's own pace, times a speed, under the user's hand."""

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from latticewatch.processing.flow.frame import Frame
from latticewatch.processing.flow.series import NAN, Progress
from latticewatch.processing.flow.stages import Source

LONGEST_WAIT_S = 0.25
"""How soon ``stop``, which cannot wake the transport, is seen."""
LONGEST_LAG_S = 0.5
"""A loop that is later than this was busy or is slower than the replay; it is not made up for in a burst."""


@dataclass(frozen=True, slots=True)
class TransportState:
    """playing; speed: times real time, inf is as fast as it goes; position_s: scan time; seeking: on its way there."""

    playing: bool
    speed: float
    position_s: float
    seeking: bool


class Transport:
    """Play, pause, step, speed and position of a replay. Any thread may call, at any time."""

    def __init__(self, speed: float = 1.0, *, playing: bool = True) -> None:
        self._change = threading.Condition()
        self._speed = _checked(speed)
        self._playing = playing
        self._steps = 0
        self._seek_s = NAN
        self._origin: tuple[float, float] | None = None
        self._position_s = NAN

    def play(self) -> None:
        self._set(playing=True)

    def pause(self) -> None:
        """Stop before the next frame; a step or a seek that is under way is dropped."""
        self._set(playing=False)

    def step(self) -> None:
        """One frame, then pause."""
        with self._change:
            self._playing = False
            self._steps += 1
            self._change.notify_all()

    def set_speed(self, speed: float) -> None:
        """Times real time; ``math.inf`` is as fast as it goes. Raises ValueError unless above 0."""
        with self._change:
            self._speed = _checked(speed)
            self._restart_clock()

    def seek(self, time_s: float) -> None:
        """As fast as it goes up to this scan time, then on as before. Going back is the views' affair."""
        with self._change:
            self._seek_s = time_s
            self._restart_clock()

    def snapshot(self) -> TransportState:
        with self._change:
            return TransportState(self._playing, self._speed, self._position_s, self._is_seeking(self._position_s))

    def wait_for(self, time_s: float, stop: threading.Event) -> bool:
        """Wait until the frame of this scan time is due; False when ``stop`` was set before."""
        with self._change:
            while not stop.is_set():
                wait_s = self._wait_s(time_s)
                if wait_s <= 0.0:
                    self._arrive(time_s)
                    return True
                self._change.wait(min(wait_s, LONGEST_WAIT_S))
        return False

    def _set(self, *, playing: bool) -> None:
        with self._change:
            self._playing = playing
            if not playing:
                self._steps, self._seek_s = 0, NAN
            self._restart_clock()

    def _restart_clock(self) -> None:
        """Time runs from the next frame on: what was paused or slow before does not count."""
        self._origin = None
        self._change.notify_all()

    def _is_seeking(self, time_s: float) -> bool:
        return not math.isnan(self._seek_s) and not time_s >= self._seek_s

    def _wait_s(self, time_s: float) -> float:
        if time_s >= self._seek_s:
            self._seek_s = NAN
        if self._is_seeking(time_s) or self._steps:
            return 0.0
        if not self._playing:
            return math.inf
        if math.isinf(self._speed) or math.isnan(time_s):
            return 0.0
        if self._origin is None:
            begin_s = time_s if math.isnan(self._position_s) else self._position_s
            self._origin = time.monotonic(), begin_s
        clock_s, begin_s = self._origin
        wait_s = clock_s + (time_s - begin_s) / self._speed - time.monotonic()
        if wait_s < -LONGEST_LAG_S:
            self._origin = time.monotonic(), time_s
        return wait_s

    def _arrive(self, time_s: float) -> None:
        if self._steps or self._is_seeking(time_s):
            self._steps = max(self._steps - 1, 0)
            self._origin = None
        if not math.isnan(time_s):
            self._position_s = time_s


def _checked(speed: float) -> float:
    if not speed > 0.0:
        raise ValueError(f"the speed {speed} is not above 0")
    return speed


class Paced:
    """The frames of a source, each held back until the transport says that its time has come.

    Frames without a time come right after the one before. A loop that is slower than the replay gets every
    frame all the same, each as soon as it asks.
    """

    def __init__(self, source: Source, transport: Transport) -> None:
        self._source = source
        self._transport = transport

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame of the source once, in order, each at its time."""
        for frame in self._source.frames(stop):
            if not self._transport.wait_for(frame.time_s, stop):
                return
            yield frame

    def progress(self) -> Progress:
        return self._source.progress()
