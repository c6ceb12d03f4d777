"""Frames by lists. Ahead: a thread draws them while earlier ones are worked on; what has gathered comes at once. Or in
turn: each list is drawn when the one before is done."""

import threading
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import inf, isinf

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset

PUT_WAIT_S = 0.1
MOST_BYTES = 128_000_000  # of images that wait, unless a single one has more


@dataclass(frozen=True, slots=True)
class _End:
    """The source's last word; error: what ended it, None where the scan ended."""

    error: BaseException | None = None


class _Held:
    """What waits, in order: at most ``most`` items, and of large images fewer."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._items: deque[Frame | _End] = deque()
        self._bytes = 0
        self._full = self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Frame | _End, stop: threading.Event) -> None:
        """Wait for room; none is needed once ``stop`` is set, and then nobody may take it."""
        size = size_of(item) if isinstance(item, Frame) else 0
        with self._changed:
            while not self._has_room(size) and not stop.is_set():
                self._full = True
                self._changed.notify_all()
                self._changed.wait(PUT_WAIT_S)
            self._full, self._ended = False, isinstance(item, _End)
            self._items.append(item)
            self._bytes += size
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return not self._items or (len(self._items) < self._most and self._bytes + size <= self._most_bytes)

    def take(self, fewest: int, most: int, idle_s: float) -> list[Frame | _End]:
        """Wait for so many, or for as many as there is room for; then what is there, at most ``most``. After idle_s
        what is there, or nothing."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._items) >= fewest or self._full or self._ended, None if isinf(idle_s) else idle_s
            )
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._bytes -= sum(size_of(item) for item in taken if isinstance(item, Frame))
            self._full = False
            self._changed.notify_all()
            return taken


def size_of(frame: Frame) -> int:
    """Bytes of memory that its image takes, packed or not."""
    if not isinstance(frame.content, Image):
        return 0
    counts = frame.content.counts
    return int((counts.packed if isinstance(counts, ByteOffset | Bitshuffled) else counts).nbytes)


def batches(
    frames: Iterator[Frame],
    stop: threading.Event,
    most: int,
    most_bytes: int = MOST_BYTES,
    idle_s: float = inf,
    fewest: int = 1,
) -> Generator[list[Frame], None, None]:
    """Every frame once and in order, in lists of 1 to ``most``: one when frames come slowly, more of a backlog.

    Twice as many are read ahead, or so many bytes. What the source raises is raised here. Closing it ends the
    thread; where the scan has not ended by then, ``stop`` is set, so that a source that waits for a frame ends too.
    idle_s: an empty list each time nothing came for this time. fewest: wait for this number, as long as frames come;
    the first one comes at once.
    """
    held = _Held(2 * most, most_bytes)
    reader = threading.Thread(target=_read, args=(frames, held, stop), name="reader")
    reader.start()
    end: _End | None = None
    taken: list[Frame | _End] = []
    try:
        while end is None:
            taken = held.take(fewest if taken else 1, most, idle_s)
            if taken and isinstance(taken[-1], _End):
                end = taken[-1]
            batch = [item for item in taken if isinstance(item, Frame)]
            if batch or not taken:
                yield batch
    finally:
        if end is None:
            stop.set()
        reader.join()
    if end.error is not None:
        raise end.error


def in_turn(frames: Iterator[Frame], stop: threading.Event, most: int) -> Generator[list[Frame], None, None]:
    """``batches`` for frames that wait for nothing, where there is one core: a thread would take it from the work."""
    end: _End | None = None
    try:
        while end is None:
            batch, end = _drawn(frames, stop, most)
            if batch:
                yield batch
    finally:
        if isinstance(frames, Generator):
            frames.close()
    if end.error is not None:
        raise end.error


def _drawn(frames: Iterator[Frame], stop: threading.Event, most: int) -> tuple[list[Frame], _End | None]:
    """The next ones, and the source's last word where it has said it."""
    batch: list[Frame] = []
    try:
        while len(batch) < most and not stop.is_set():
            batch.append(next(frames))
    except StopIteration:
        return batch, _End()
    except BaseException as error:
        return batch, _End(error)
    return batch, _End() if stop.is_set() else None


def _read(frames: Iterator[Frame], held: _Held, stop: threading.Event) -> None:
    try:
        for frame in frames:
            if stop.is_set():
                break
            held.put(frame, stop)
        end = _End()
    except BaseException as error:
        end = _End(error)
    finally:
        if isinstance(frames, Generator):
            frames.close()  # what the source holds open is closed here, in its own thread
    held.put(end, stop)
