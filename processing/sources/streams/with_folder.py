"""A stream and the folder that the detector writes as well: shown at once from the stream, complete by the folder.

The stream's frames are recorded as they come. Its images are matched to the files by number: image n is the file
numbered n where there is a file 0 (and frame n of an HDF5 file), else the file numbered n + 1. A file whose image
came is not recorded again; one whose image the stream lost fills the gap; one that is ahead of the stream waits for
it, unless the stream is silent or over: then the folder alone continues. A stream that is not seen from image 0 on is
not used: its times would count from another image than those of the files.
"""

import itertools
import logging
import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.series import NAN, Progress
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.sources.prefetch import batches
from latticewatch.processing.sources.streams.source import StreamSource

POLL_S = 0.02
FIRST_WAIT_S = 60.0
HELD = 8
"""Files that wait for the stream; the others wait on the disk."""
OF_STREAM = re.compile(r"/image_(\d+)$")
OF_STACK = re.compile(r"_master\.h5::(\d+)$")
LAST_NUMBER = re.compile(r"(\d+)p?(?:\.[A-Za-z]\w*)*$")

log = logging.getLogger(__name__)


class StreamWithFolder:
    """The frames of a stream, and those of the folder that the stream did not bring.

    stream: with ``tells_rest=False``. folder: not ending by itself. until_idle_s: end this long after the last frame
    of either. frame_limit: end after so many frames. silent_s: after which the folder does not wait for the stream.
    rest_s: how long after the end message the folder may take to bring what is missing.
    """

    def __init__(
        self,
        stream: StreamSource,
        folder: Source,
        *,
        until_idle_s: float | None = None,
        frame_limit: int | None = None,
        silent_s: float = 3.0,
        rest_s: float = 30.0,
    ) -> None:
        self._stream, self._folder = stream, folder
        self._until_idle_s, self._frame_limit = until_idle_s, frame_limit
        self._silent_s, self._rest_s = silent_s, until_idle_s or rest_s
        self._recorded: dict[int, float] = {}
        self._held: list[tuple[int, Frame]] = []
        self._first_file: int | None = None
        self._offset_s = 0.0
        self._count = 0
        self._series_ended = self._folder_only = self._seen_from_first = False
        self._folder_over = False
        self._active_s = time.monotonic()

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once; ends at ``stop``, at the limit, when idle, or when the series is over and complete."""
        own = threading.Event()
        with closing(batches(self._folder.frames(own), own, HELD, idle_s=POLL_S)) as files:
            for index, frame in enumerate(itertools.islice(self._merged(files, stop), self._frame_limit)):
                self._count = index + 1
                yield replace(frame, index=index)

    def progress(self) -> Progress:
        """Frames so far; files that wait for the stream are not counted yet."""
        files = self._folder.progress()
        stream = self._stream.progress()
        return replace(stream, found=self._count, gone_since_s=files.gone_since_s, stuck=files.stuck)

    def close(self) -> None:
        self._stream.close()

    def _merged(self, files: Generator[list[Frame], None, None], stop: threading.Event) -> Iterator[Frame]:
        steps = self._stream.steps(stop, POLL_S)
        while not stop.is_set() and not self._is_at_end():
            yield from self._from_stream(steps)
            yield from self._from_folder(files)
            yield from self._released()
        if self._series_ended:
            yield from self._stream.rest()

    def _from_stream(self, steps: Iterator[Frame | None]) -> Iterator[Frame]:
        if self._series_ended or self._folder_only:
            return
        for frame in steps:
            if frame is None:
                return
            found = OF_STREAM.search(frame.name)
            number = int(found[1]) if found else -1
            if not self._seen_from_first and number != 0:
                log.warning("the series started before the watch: only the folder is followed")
                self._folder_only = True
                return
            self._seen_from_first = True
            self._active_s = time.monotonic()
            if number in self._recorded:
                continue  # the folder was faster
            if found and isinstance(frame.content, Image):
                self._recorded[number] = frame.time_s
            yield frame
        self._series_ended = True

    def _from_folder(self, files: Iterator[list[Frame]]) -> Iterator[Frame]:
        """Frames that the folder has now, as long as there is room for those ahead of the stream."""
        if len(self._held) >= HELD:
            return
        taken = next(files, None)
        self._folder_over = taken is None
        for frame in taken or ():
            self._active_s = time.monotonic()
            number = None if self._folder_only else self._number_of(frame.name)
            if number is None:
                yield self._stream.adopt(frame, frame.name, self._time_of(frame))
            else:
                self._held.append((number, frame))

    def _released(self) -> Iterator[Frame]:
        """Files whose turn it is: their image came, was lost, or is not waited for."""
        waiting: list[tuple[int, Frame]] = []
        for number, frame in self._held:
            if self._folder_only:
                yield self._stream.adopt(frame, frame.name, frame.time_s)
            elif number in self._recorded:
                # Files count their time from the first file, images from the first image.
                difference = self._recorded[number] - frame.time_s
                self._offset_s = difference if difference == difference else self._offset_s
            elif number < self._stream.next_number:
                yield from self._instead(number, frame)
            elif self._series_ended or self._stream.silent_s > self._silent_s:
                yield from self._stream.skip_to(number)
                yield from self._instead(number, frame, ahead=True)
            else:
                waiting.append((number, frame))
        self._held = waiting

    def _instead(self, number: int, frame: Frame, *, ahead: bool = False) -> Iterator[Frame]:
        """The file's frame in place of the image that did not come; a file that cannot be read fills no gap."""
        if isinstance(frame.content, Image):
            self._recorded[number] = NAN
        elif not ahead:
            return
        log.info("%s: recorded from the folder", frame.name)
        yield self._stream.adopt(frame, self._stream.name_of(number) or frame.name, self._time_of(frame))

    def _time_of(self, frame: Frame) -> float:
        return round(frame.time_s + self._offset_s, 6)

    def _number_of(self, name: str) -> int | None:
        """The image that this file holds; None for a name without a number."""
        if found := OF_STACK.search(name):
            return int(found[1])
        file, _, place = name.partition("::")
        if place.strip("0"):  # not the first image of its file: the file's number counts no images
            return None
        if not (found := LAST_NUMBER.search(file)) or len(found[1]) > 15:
            return None
        number = int(found[1])
        if self._first_file is None:
            self._first_file = min(number, 1)
        return number - self._first_file

    def _is_at_end(self) -> bool:
        announced = self._stream.announced
        idle_s = time.monotonic() - self._active_s
        if self._series_ended and not self._held:
            complete = announced is not None and all(number in self._recorded for number in range(announced))
            return complete or self._folder_over or idle_s >= self._rest_s
        if self._until_idle_s is None:
            return False
        return idle_s >= (self._until_idle_s if self._count else max(self._until_idle_s, FIRST_WAIT_S))
