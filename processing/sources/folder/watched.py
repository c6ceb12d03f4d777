"""A folder that is being written to: every frame once, in the order of exposure, none lost.

The disk is the buffer: files are read one at a time, when the loop asks for the next frame, so that a slow
loop falls behind visibly instead of dropping frames. A number that is missing is waited for, within bounds;
what comes later than that is a frame at the end. A good version of a file that was a gap comes as a frame of the
same name: it fills the gap (pipeline/late_frames.py).
"""

import bisect
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from latticewatch.processing.config.frame_selection import ALL, FrameSelection
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import FrameName, MissingFrames, missing_between
from latticewatch.processing.flow.frame import Frame
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.sources.folder.candidate import (
    Candidate,
    GivenUp,
    Patience,
    Taken,
    examine,
    is_unchanged_since_start,
    read_early,
    refresh_state,
)
from latticewatch.processing.sources.folder.event_hint import Hint
from latticewatch.processing.sources.folder.framing import gap_frame, image_frames
from latticewatch.processing.sources.folder.ledger import Ledger
from latticewatch.processing.sources.folder.listing import FolderListing
from latticewatch.processing.sources.frame_times import ScanClock, hold_s
from latticewatch.processing.text import printable

START_WAIT_S = 1.0
READ_AHEAD, READ_AHEAD_STEP = 256, 8
MANY = 32
WAITING_POLL_S = 0.1
UNANSWERED_S = 10.0
LATE_LOOK_S, LATE_AT_ONCE, BEHIND = 0.1, 8, 8

log = logging.getLogger(__name__)


class WatchedFolder:
    """The frames of a folder as they come.

    selection: sub-folders, pattern, and how long files and missing numbers are waited for. period_s: of the
    experiment, where neither headers nor file times tell the time. until_idle_s: end this long after the last
    frame; first_wait_s: or this long after the start, where none came. frame_limit: end after so many frames.
    poll_s: between two looks. Raises UserError where the folder is missing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        selection: FrameSelection = ALL,
        period_s: float | None = None,
        until_idle_s: float | None = None,
        frame_limit: int | None = None,
        first_wait_s: float = 60.0,
        poll_s: float = 0.1,
        patience: Patience | None = None,
    ) -> None:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; give the folder that the detector writes to")
        self._folder = folder
        self._until_idle_s, self._first_wait_s = until_idle_s, first_wait_s
        self._frame_limit = frame_limit
        self._selection, self._poll_s = selection, poll_s
        waits = Patience(selection.settle_s)
        if selection.give_up_s is not None:
            waits = replace(waits, give_up_s=selection.give_up_s)
        self._patience = patience or waits
        self._listing = FolderListing(folder, poll_s, selection)
        self._hint = Hint(folder) if selection.events else None
        self._hinted = False
        self._ledger = Ledger(folder)
        self._clock = ScanClock(period_s)
        self._waiting: list[Candidate] = []
        self._late: list[Candidate] = []
        # The newest frame of each series.
        self._newest_of: dict[tuple[str, tuple[str, ...]], FrameName] = {}
        self._missing = MissingFrames()
        self._shape: tuple[int, ...] | None = None
        self._index = 0
        self._active_s, self._asked_s = time.monotonic(), math.nan
        self._listed_when_active = 0
        self._files_prove_themselves = True

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every frame once; ends at ``stop``, the frame limit, or when the folder has been idle."""
        if self._hint:
            self._hint.start()
        try:
            yield from self._watched(stop)
        finally:
            if self._hint:
                self._hint.stop()

    def _watched(self, stop: threading.Event) -> Iterator[Frame]:
        self._note_activity()
        given = 0
        while not stop.is_set() and given != self._frame_limit:
            self._asked_s = time.monotonic()
            self._look()
            frames = [] if self._listing.gone else self._next()
            self._asked_s = math.nan
            for frame in frames:
                given += 1
                yield frame
                self._note_activity()  # now: whoever asks may have been busy for long
                if stop.is_set() or given == self._frame_limit:
                    return
            if frames:
                continue
            if self._is_over():
                return
            self._pause(stop)

    def progress(self) -> Progress:
        """Frames found, waiting to be read, the newest file's time, numbers missing and files left out."""
        waiting = len(self._waiting)
        newest = self._ledger.newest_mtime_s
        listing = self._listing
        found = self._index + waiting
        counts = Progress(found, waiting, newest, self._missing.count, listing.ignored, listing.gone_since_s)
        # This is asked in another thread: the one that reads may be in a call that does not return.
        unanswered_s = time.monotonic() - self._asked_s
        if unanswered_s > UNANSWERED_S:
            return replace(counts, gone_since_s=time.time() - unanswered_s, stuck=True)
        return counts

    def _look(self) -> None:
        """Take in what is new in the folder, and what changed of what is recorded."""
        listings = self._listing.listings
        self._take_in(self._listing.new_frames(self._hinted))
        self._hinted = False
        now = time.monotonic()
        if self._listing.listings != listings and not self._listing.gone:
            if self._listing.returns:
                self._listing.returns = 0
                self._begin_again()
            self._late += self._ledger.changed(now)
        self._read_early()

    def _take_in(self, names: list[FrameName]) -> None:
        if not names:
            return
        self._note_activity()
        if self._hint:
            self._hint.follow(max(names).name.rpartition("/")[0])
        found = [Candidate(name, self._active_s, was_there=self._listing.listings == 1) for name in names]
        if len(found) > MANY:
            self._waiting = sorted(self._waiting + found, key=lambda item: item.name.key, reverse=True)
            return
        for candidate in found:
            bisect.insort(self._waiting, candidate, key=lambda item: _Descending(item.name))

    def _begin_again(self) -> None:
        """After the folder was gone: no file is given up for the time it could not be reached."""
        if self._hint:
            self._hint.start()
        self._ledger.check_all()
        for candidate in self._waiting:
            candidate.seen_s += self._listing.away_s
            candidate.changed_s += self._listing.away_s
            candidate.missing_s = -math.inf

    def _read_early(self) -> None:
        """Files that need two readings, are not whole, or are gone, wait side by side, not one after the other."""
        behind = itertools.islice(reversed(self._waiting), 1, None)
        there = (candidate for candidate in behind if not candidate.is_missing)
        front_is_missing = bool(self._waiting) and self._waiting[-1].is_missing
        for candidate in itertools.islice(there, READ_AHEAD if front_is_missing else BEHIND):
            refresh_state(candidate, self._folder)
        near = self._waiting[-READ_AHEAD:]
        if self._files_prove_themselves:
            for candidate in near[:-1]:
                if candidate.state is None:
                    refresh_state(candidate, self._folder)
            return
        unread = (candidate for candidate in reversed(near) if not candidate.checksum)
        for _, candidate in zip(range(READ_AHEAD_STEP), unread, strict=False):
            read_early(candidate, self._folder, self._patience)

    def _next(self) -> list[Frame]:
        """The frames of the next file that has any."""
        if frames := self._next_late():
            return frames
        if not self._waiting or self._must_wait_for_number(self._waiting[-1]):
            return []
        candidate = self._waiting[-1]
        outcome = self._examined(candidate, self._held_s())
        if outcome is None:
            return []
        self._waiting.pop()
        return self._first_time(candidate, outcome)

    def _next_late(self) -> list[Frame]:
        """What is new in files that were looked at before; of many a few at a time: no new frame waits for them."""
        due = (candidate for candidate in tuple(self._late) if not self._still_changes(candidate))
        for candidate in itertools.islice(due, LATE_AT_ONCE):
            if outcome := self._examined(candidate):
                self._late.remove(candidate)
                if frames := self._again(candidate, outcome):
                    return frames
        return []

    def _still_changes(self, candidate: Candidate) -> bool:
        """Whether a file that comes late is not the same as a moment ago: then it is not read, however large it is."""
        now = time.monotonic()
        if now >= candidate.due_s and refresh_state(candidate, self._folder):
            candidate.due_s = now + LATE_LOOK_S
        return now < candidate.due_s

    def _hold_s(self) -> float:
        """How long frames are held up by one before them."""
        if self._selection.give_up_s is not None:
            return self._selection.give_up_s
        return hold_s(self._clock.usual_period_s)

    def _held_s(self) -> float:
        """How long the next frame has been holding up those behind it."""
        behind = self._waiting[-1 - BEHIND : -1]
        return time.monotonic() - min(each.seen_s for each in behind) if behind else 0.0

    def _examined(self, candidate: Candidate, held_s: float = 0.0) -> Taken | GivenUp | None:
        """What the file is; an image of another shape than the first one is none of this scan."""
        patience = replace(self._patience, hold_s=self._hold_s())
        outcome = examine(candidate, self._folder, patience, held_s, self._selection.dataset)
        if not isinstance(outcome, Taken):
            return outcome
        shape = outcome.image.counts.shape
        self._shape = self._shape or shape
        if shape == self._shape:
            return outcome
        return GivenUp(f"shape {'x'.join(map(str, shape))}, not {'x'.join(map(str, self._shape))}")

    def _must_wait_for_number(self, candidate: Candidate) -> bool:
        waited_s, longest_s = time.monotonic() - candidate.seen_s, self._selection.missing_wait_s
        if longest_s is None:  # those behind may have come before it: none is held up for longer
            longest_s, waited_s = self._hold_s(), max(waited_s, self._held_s())
        if not self._newest_of:
            # Nothing comes before number 0, nor, by now, before what lay in the folder for a while.
            is_first = candidate.name.numbers[-1:] == (0,)
            is_first = is_first or is_unchanged_since_start(candidate, self._folder, START_WAIT_S)
            return waited_s < min(START_WAIT_S, longest_s) and not is_first
        newest = self._newest_of.get(_series_of(candidate.name))
        if self._selection.include or (newest is not None and _is_late(candidate.name, newest)):
            return False
        missing = None if newest is None else self._missing.between(newest, candidate.name)
        starts_series = missing is None and candidate.name.numbers[-1:] in ((), (0,), (1,))
        return missing != 0 and not starts_series and waited_s < longest_s

    def _first_time(self, candidate: Candidate, outcome: Taken | GivenUp) -> list[Frame]:
        name = candidate.name
        if self._ledger.is_no_frame(candidate, outcome):
            if not os.path.lexists(self._folder / name.name):
                self._listing.forget(name.name)
            return []
        newest = self._newest_of.get(_series_of(name))
        late = newest is not None and name < newest and (self._missing.fill(name) or _is_late(name, newest))
        if late:
            log.warning("%s comes late: recorded out of order", printable(name.name))
        elif newest and not self._selection.include and (missing := self._missing.note_step(newest, name)):
            log.warning("%s frame numbers are missing before %s", missing, printable(name.name))
        if not late:
            self._newest_of[_series_of(name)] = name
        return self._frames(candidate, outcome)

    def _again(self, candidate: Candidate, outcome: Taken | GivenUp) -> list[Frame]:
        """A file that was recorded or given up before: a frame if there is something new in it."""
        shown = printable(candidate.name.name)
        if isinstance(outcome, GivenUp):
            if candidate.recorded_checksum:
                log.warning("%s changed after it was read, and cannot be read now: %s", shown, outcome.reason)
            self._ledger.note_gap(candidate, outcome)
            return []
        if outcome.checksum == candidate.recorded_checksum:
            self._ledger.note(candidate, outcome)
            return []
        recorded = len(candidate.recorded_images)
        if recorded and outcome.images[:recorded] == candidate.recorded_images:
            log.info("%s has %d more images", shown, len(outcome.images) - recorded)
            return self._frames(candidate, outcome, first=recorded)
        if candidate.recorded_checksum:
            log.warning("%s was written again with other content: recorded as a frame of its own", shown)
        else:
            log.warning("%s can be read now: it fills its gap", shown)
        return self._frames(candidate, outcome)

    def _frames(self, candidate: Candidate, outcome: Taken | GivenUp, first: int = 0) -> list[Frame]:
        """The frames of this file, from its image ``first`` on."""
        name, index = candidate.name, self._index
        if isinstance(outcome, GivenUp):
            self._index += 1
            log.warning("%s: unreadable: %s", printable(name.name), outcome.reason)
            self._ledger.note_gap(candidate, outcome)
            return [gap_frame(self._folder, name, index, self._clock, f"unreadable: {outcome.reason}")]
        self._files_prove_themselves = outcome.image.proven
        self._ledger.note(candidate, outcome)
        frames = image_frames(name, index - first, self._clock, outcome.image, outcome.state)[first:]
        self._index += len(frames)
        return frames

    def _note_activity(self) -> None:
        self._active_s, self._listed_when_active = time.monotonic(), self._listing.listings

    def _is_over(self) -> bool:
        """Whether a look at the folder, made since something happened last, has found nothing for long enough.

        What comes late is waited for, but not for ever: a file may grow without end.
        """
        has_looked = self._listing.gone or self._listing.listings > self._listed_when_active
        if self._until_idle_s is None or self._waiting or not has_looked:
            return False
        now = time.monotonic()
        idle_s, wait_late_s = now - self._active_s, self._patience.give_up_s + self._patience.settle_s
        if idle_s < self._patience.longest_s and any(now - each.seen_s < wait_late_s for each in self._late):
            return False
        return idle_s >= (self._until_idle_s if self._index else max(self._first_wait_s, self._until_idle_s))

    def _pause(self, stop: threading.Event) -> None:
        """Until the next look: less where a file that was looked at is due before, or something happens."""
        front = self._waiting[-1] if self._waiting else None
        ahead_s = front.due_s - time.monotonic() if front else 0.0
        longest_s = min(self._poll_s, WAITING_POLL_S) if front else self._poll_s
        pause_s = min(longest_s, ahead_s) if ahead_s > 0.0 else longest_s
        if self._hint is None:
            stop.wait(pause_s)
            return
        self._hinted = self._hint.wait(pause_s, stop)
        if self._hinted and front and not front.checksum and refresh_state(front, self._folder):
            front.due_s = 0.0


def _series_of(name: FrameName) -> tuple[str, tuple[str, ...]]:
    """What names of one series have in common: their folder, and what stands around their numbers."""
    return name.name.rpartition("/")[0], name.texts


def _is_late(name: FrameName, newest: FrameName) -> bool:
    """Whether it lies before the newest in one run of numbers: a single frame of scan 2 makes none of scan 1 late."""
    return name < newest and missing_between(name, newest) is not None


class _Descending:
    """Turns the order round, so that the next frame is at the end of a list, where it costs nothing to take."""

    __slots__ = ("name",)

    def __init__(self, name: FrameName) -> None:
        self.name = name

    def __lt__(self, other: "_Descending") -> bool:
        return other.name < self.name
