"""A folder of frames that is complete: every frame once, in natural order."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from latticewatch.processing.config.frame_selection import ALL, FrameSelection, names_in
from latticewatch.processing.cores import usable_cores
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import (
    PATTERNS_TOLD,
    SUFFIXES_TOLD,
    FrameName,
    MissingFrames,
    are_a_series,
    frame_name,
    is_correction,
    is_frame,
    is_pattern,
)
from latticewatch.processing.flow.frame import Frame
from latticewatch.processing.flow.series import NAN, Progress
from latticewatch.processing.formats.decode import read_image_and_state
from latticewatch.processing.formats.file_bytes import FileState
from latticewatch.processing.formats.image_file import ImageFile, Unreadable
from latticewatch.processing.sources.folder.framing import gap_frame, image_frames, moment_of, of_file
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.text import printable

READERS = 2
_File = tuple[ImageFile, FileState] | Unreadable

log = logging.getLogger(__name__)


class RecordedFolder:
    """The frames of a folder, ordered by the numbers in their names.

    period_s: of the experiment, used where neither headers nor file times tell the time (see frame_times.py).
    selection: sub-folders and pattern. Raises UserError where the folder is missing, cannot be read or holds no
    frame that is to be taken.
    """

    def __init__(self, folder: Path, *, period_s: float | None = None, selection: FrameSelection = ALL) -> None:
        self._folder = folder
        self._period_s = period_s
        self._names = frames_in(folder, selection)
        self._dataset = selection.dataset
        # Frames so far, and those that are known to come: one of each file that was not read yet.
        self._drawn, self._left = 0, len(self._names)
        self._newest_mtime_s = NAN

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once, in natural order; a file that cannot be read is a gap with its reason."""
        clock = ScanClock(self._period_s, self._last_moment)
        self._drawn, self._left = 0, len(self._names)
        before: FrameName | None = None
        numbers = MissingFrames()
        with closing(_read_in_order(self._folder, self._names, self._dataset)) as files:
            for name, file in files:
                if before and (missing := numbers.note_step(before, name)):
                    log.warning("%s frame numbers are missing before %s", missing, printable(name.name))
                before = name
                if isinstance(file, Unreadable):
                    frames = [gap_frame(self._folder, name, self._drawn, clock, f"unreadable: {file}")]
                else:
                    frames = image_frames(name, self._drawn, clock, *file)
                self._left += len(frames) - 1
                for frame in frames:
                    if stop.is_set():
                        return
                    if not self._newest_mtime_s >= frame.mtime_s:
                        self._newest_mtime_s = frame.mtime_s
                    self._drawn, self._left = self._drawn + 1, self._left - 1
                    yield frame

    def frames_at(self, numbers: Sequence[int]) -> list[Frame]:
        """The first frame of each of these files, by their place in the order; what cannot be read is a gap."""
        clock, frames = ScanClock(self._period_s, lambda: None), []
        for number in numbers:
            name = self._names[number]
            try:
                file, state = read_image_and_state(self._folder / name.name, self._dataset)
            except Unreadable as error:
                frames.append(gap_frame(self._folder, name, number, clock, f"unreadable: {error}"))
            else:
                frames.append(image_frames(name, number, clock, file, state)[0])
        return frames

    def names_of_last(self) -> list[str]:
        """The names of the frames of the last file."""
        name = self._names[-1]
        try:
            image, _ = read_image_and_state(self._folder / name.name, self._dataset)
        except Unreadable:
            return [of_file(printable(name.name), 0)]
        return [of_file(printable(name.name), place) for place in range(1 + len(image.more))]

    def _last_moment(self) -> Moment | None:
        name = self._names[-1]
        try:
            image, state = read_image_and_state(self._folder / name.name, self._dataset)
        except Unreadable:
            return None
        last = image.more[-1] if image.more else image
        many = len(self._names) * (1 + len(image.more))
        return moment_of(name, many - 1, last, state, alone=not image.more)

    def files(self) -> tuple[Path, list[str]]:
        return self._folder, [name.name for name in self._names]

    def progress(self) -> Progress:
        return Progress(self._drawn + self._left, self._left, self._newest_mtime_s)


def frames_in(folder: Path, selection: FrameSelection = ALL) -> list[FrameName]:
    """The names of all frames in a folder, in natural order. Raises UserError where there are none to be taken."""
    files = [name for name in _files_in(folder, selection.recursive) if not selection.is_of_set_up(name)]
    images = [] if selection.of_patterns else files
    corrections = [name for name in images if is_correction(name) and not selection.is_frame(name)]
    names = [name for name in files if selection.is_frame(name) or (is_frame(name) and not selection.of_patterns)]
    takes: Callable[[str], bool] = selection.is_frame
    if not names and not selection.include and are_a_series(corrections):
        log.warning("%d files are frames although %s is called a mask, dark or flat", len(corrections), corrections[0])
        names, corrections, takes = corrections, [], bool
    for name in corrections:
        log.warning("%s is taken for a mask, dark or flat, not for a frame; --include takes it", printable(name))
    frames = sorted((frame_name(name) for name in names), key=lambda name: name.key)
    taken = [name for name in frames if takes(name.name)]
    if frames and not taken:
        told = f"none of its {len(frames)} frames matches the pattern {printable(selection.include)}"
        raise UserError(f"{folder}: {told}; the first is {printable(frames[0].name)}: fix --include")
    if not taken:
        below = "" if selection.recursive else "; --recursive looks into its sub-folders"
        looked_for = f"files that end in {SUFFIXES_TOLD}, or one HDF5 stack"
        if selection.of_patterns:
            looked_for = f"patterns, which end in {PATTERNS_TOLD}, as [geometry] wavelength_A is set"
        elif any(map(is_pattern, files)):
            looked_for += "; patterns are frames where [geometry] wavelength_A is set"
        raise UserError(f"{folder}: no frames in it ({looked_for}); give the folder that holds them{below}")
    if len(taken) < len(frames):
        log.warning("%d frames do not match %s: left out", len(frames) - len(taken), printable(selection.include))
    return taken


def _files_in(folder: Path, recursive: bool) -> list[str]:
    try:
        return list(names_in(folder, recursive))
    except NotADirectoryError:
        raise UserError(f"{folder}: a file, not a folder of frames; give the folder") from None
    except FileNotFoundError:
        raise UserError(f"{folder}: no such folder; check its name") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from None


def _read_in_order(
    folder: Path, names: Sequence[FrameName], dataset: str
) -> Generator[tuple[FrameName, _File], None, None]:
    """What each file gives. The first is read alone, of the others two at a time: checksums take longest. On one core
    one at a time, in this thread."""

    def read(name: FrameName) -> tuple[FrameName, _File]:
        try:
            return name, read_image_and_state(folder / name.name, dataset)
        except Unreadable as error:
            return name, error

    yield read(names[0])
    if usable_cores() == 1:
        yield from map(read, names[1:])
        return
    with ThreadPoolExecutor(READERS, thread_name_prefix="recorded file") as pool:
        coming = deque(pool.submit(read, name) for name in names[1 : 1 + READERS])
        for name in names[1 + READERS :]:
            file = coming.popleft().result()
            coming.append(pool.submit(read, name))
            yield file
        while coming:
            yield coming.popleft().result()
