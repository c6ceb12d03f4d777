"""A file on its way to being a frame: looked at until it proves itself whole, or is given up."""

import math
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latticewatch.processing.files.frame_names import FrameName
from latticewatch.processing.formats.decode import decode
from latticewatch.processing.formats.file_bytes import FileState, read_file, state_of
from latticewatch.processing.formats.image_file import ImageFile, NotWhole, OutOfReach, Unreadable

FIRST_DELAY_S, LONGEST_DELAY_S, GROWTH = 0.05, 1.0, 1.6
MISSING_S = 2.0
"""A name that holds up others is not there for so long before it is given up, whatever the period: at the end of the
time that it may hold them this is added."""
OFTEN_S = 2.0
"""For so long after it was first seen a file that changed is read again at once; what takes longer is large, or never
becomes whole, and is not read ten times a second."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. settle: between two equal readings of a file without a checksum. give_up: after a file stopped
    changing without becoming whole; longest: after it was first seen; hold: after a frame behind it came. old: since
    the last change of a file that was there from the start, after which one reading is enough.
    """

    settle_s: float = 2.0
    give_up_s: float = 10.0
    longest_s: float = 60.0
    hold_s: float = 2.0
    old_s: float = 30.0


@dataclass(slots=True)
class Candidate:
    """What is known of a file that is not a frame yet; times are of the monotonic clock.

    was_there: in the first listing. recorded_checksum: of the file of this name that was recorded, None where there
    is none; recorded_images: of its images. read_s: when it was first read as an image or to be read again. missing_s:
    since when no look found it, though its folder was there; -inf where the last look did.
    """

    name: FrameName
    seen_s: float
    was_there: bool = False
    recorded_checksum: str | None = None
    recorded_images: tuple[int, ...] = ()
    state: FileState | None = None
    changed_s: float = field(default=0.0)
    changes: int = 0
    checksum: str = ""
    checked_s: float = 0.0
    read_s: float = math.inf
    due_s: float = 0.0
    delay_s: float = FIRST_DELAY_S
    missing_s: float = -math.inf

    @property
    def is_missing(self) -> bool:
        return self.missing_s > -math.inf


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is whole. checksum: of its content; images: of each of its images, where the file has none itself."""

    image: ImageFile
    state: FileState
    checksum: str
    images: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A file that will not become an image, as far as can be told now. may_be_whole: look at it again as it is."""

    reason: str
    may_be_whole: bool = False


def examine(
    candidate: Candidate, folder: Path, patience: Patience, held_s: float = 0.0, dataset: str = ""
) -> Taken | GivenUp | None:
    """Read the file; None where it is not due or needs more time.

    held_s: how long a frame behind it has been there. dataset: where in an HDF5 file the images are; empty: found.
    """
    now = time.monotonic()
    if now < candidate.due_s and held_s < patience.hold_s:
        return None
    try:
        data, state = read_file(folder / candidate.name.name)
        _note(candidate, state, now)
        image = decode(candidate.name.name, data, dataset)
    except Unreadable as error:
        if isinstance(error, OutOfReach):
            refresh_state(candidate, folder)
        return _refused(candidate, error, patience, now, held_s)
    checksum = image.checksum or content_checksum(data)
    if image.proven or _settled(candidate, state, checksum, patience, now):
        images = () if image.proven else (image, *image.more)
        pixels = (np.ascontiguousarray(each.counts).data for each in images)
        return Taken(image, state, checksum, tuple(map(zlib.crc32, pixels)))
    longest_s = patience.hold_s + patience.settle_s
    if (held_s >= longest_s and now - candidate.read_s >= longest_s) or now - candidate.seen_s >= patience.longest_s:
        return GivenUp("not whole yet: still changing", may_be_whole=True)
    candidate.due_s = candidate.checked_s + patience.settle_s
    return None


def read_early(candidate: Candidate, folder: Path, patience: Patience) -> None:
    """First reading of a file that will need two, so that the time between them is not added up over files."""
    try:
        data, state = read_file(folder / candidate.name.name)
    except Unreadable as error:
        if isinstance(error, OutOfReach):
            refresh_state(candidate, folder)
        return
    now = time.monotonic()
    _note(candidate, state, now)
    candidate.checksum, candidate.checked_s, candidate.read_s = content_checksum(data), now, min(candidate.read_s, now)
    if not _is_old(candidate, state, patience.old_s):
        candidate.due_s = max(candidate.due_s, now + patience.settle_s)


def refresh_state(candidate: Candidate, folder: Path) -> bool:
    """Look at the file without reading it, so that its time runs while others are before it; True if it changed."""
    try:
        state = state_of((folder / candidate.name.name).lstat())
    except (OSError, ValueError):
        if not candidate.is_missing:
            candidate.missing_s = time.monotonic()
        return False
    changed = state != candidate.state
    _note(candidate, state, time.monotonic())
    return changed


def is_unchanged_since_start(candidate: Candidate, folder: Path, seconds: float) -> bool:
    """Whether the file was there from the start and had not changed for these seconds."""
    if candidate.was_there and candidate.state is None:
        refresh_state(candidate, folder)
    return candidate.state is not None and _is_old(candidate, candidate.state, seconds)


def content_checksum(data: bytes) -> str:
    """Tells contents apart; not meant against intent."""
    return f"{len(data)}-{zlib.crc32(data):08x}"


def _note(candidate: Candidate, state: FileState, now: float) -> None:
    candidate.missing_s = -math.inf
    if state != candidate.state:
        candidate.changes += candidate.state is not None
        candidate.state, candidate.changed_s = state, now
        if now - candidate.seen_s < OFTEN_S:
            candidate.delay_s = FIRST_DELAY_S


def _settled(candidate: Candidate, state: FileState, checksum: str, patience: Patience, now: float) -> bool:
    if _is_old(candidate, state, patience.old_s):
        return True
    if checksum != candidate.checksum:
        candidate.checksum, candidate.checked_s, candidate.read_s = checksum, now, min(candidate.read_s, now)
        return False
    return now - candidate.checked_s >= patience.settle_s


def _is_old(candidate: Candidate, state: FileState, old_s: float) -> bool:
    """Only for files that were there from the start: what comes later is new, whatever the server's clock says."""
    return candidate.was_there and time.time() - max(state.mtime_ns, state.ctime_ns) / 1e9 > old_s


def _refused(candidate: Candidate, error: Unreadable, patience: Patience, now: float, held_s: float) -> GivenUp | None:
    """More time for what may still change, as long as it holds up nothing or not for long.

    A file that is not there counts from the first look that missed it: its folder may have come back just now, and is
    still being filled.
    """
    unchanged_s = now - max(candidate.changed_s, candidate.seen_s, candidate.missing_s)
    wait_s = patience.give_up_s if isinstance(error, NotWhole) else patience.settle_s
    if unchanged_s >= wait_s:
        return GivenUp(str(error), may_be_whole=isinstance(error, OutOfReach))
    is_held = held_s >= patience.hold_s or now - candidate.seen_s >= patience.longest_s
    if is_held and now - candidate.missing_s >= min(patience.hold_s, MISSING_S):
        growing = "still growing, " if candidate.changes and isinstance(error, NotWhole) else ""
        return GivenUp(f"not whole yet: {growing}{error}", may_be_whole=isinstance(error, OutOfReach))
    candidate.due_s = now + candidate.delay_s
    candidate.delay_s = min(candidate.delay_s * GROWTH, LONGEST_DELAY_S)
    return None
