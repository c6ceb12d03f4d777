"""Reading ahead: a thread draws the frames while earlier ones are worked on; what has gathered comes at once."""

import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue

from latticewatch.processing.frame import Frame

PUT_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class _End:
    """The source's last word; error: what ended it, None where the scan ended."""

    error: BaseException | None = None


def batches(frames: Iterator[Frame], stop: threading.Event, most: int) -> Generator[list[Frame], None, None]:
    """Every frame once and in order, in lists of 1 to ``most``: one when frames come slowly, more of a backlog.

    At most three lists are held in memory. What the source raises is raised here. Closing it ends the thread;
    where the scan has not ended by then, ``stop`` is set, so that a source that waits for a frame ends too.
    """
    held: Queue[Frame | _End] = Queue(2 * most)
    reader = threading.Thread(target=_read, args=(frames, held, stop), name="reader")
    reader.start()
    end: _End | None = None
    try:
        while end is None:
            batch, end = _gathered(held, most)
            if batch:
                yield batch
    finally:
        if end is None:
            stop.set()
        reader.join()
    if end.error is not None:
        raise end.error


def _read(frames: Iterator[Frame], held: Queue[Frame | _End], stop: threading.Event) -> None:
    try:
        for frame in frames:
            if not _put(frame, held, stop):
                break
        end = _End()
    except BaseException as error:
        end = _End(error)
    while not _put(end, held, stop):
        # Nobody takes frames any more: the last word must still find room.
        with suppress(Empty):
            held.get_nowait()


def _put(item: Frame | _End, held: Queue[Frame | _End], stop: threading.Event) -> bool:
    while True:
        try:
            held.put(item, timeout=PUT_WAIT_S)
        except Full:
            if stop.is_set():
                return False
        else:
            return True


def _gathered(held: Queue[Frame | _End], most: int) -> tuple[list[Frame], _End | None]:
    """Wait for one; then what is there already."""
    batch: list[Frame] = []
    while len(batch) < most:
        try:
            item = held.get_nowait() if batch else held.get()
        except Empty:
            break
        if isinstance(item, _End):
            return batch, item
        batch.append(item)
    return batch, None
