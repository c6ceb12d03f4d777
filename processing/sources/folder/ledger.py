"""What was recorded of each file, to notice files that change, fill their gap, or are renamed afterwards."""

import logging
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from latticewatch.processing.files.frame_names import FrameName
from latticewatch.processing.formats.file_bytes import FileState, state_of
from latticewatch.processing.sources.folder.candidate import Candidate, GivenUp, Taken
from latticewatch.processing.text import printable

CHECKS, CHECKS_AFTER_RETURN = 20, 500
MOST_GAPS = 512
NAN = float("nan")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """checksum: None for a gap. state: None where the file could not be looked at."""

    name: FrameName
    checksum: str | None
    state: FileState | None
    pending: bool = False
    images: tuple[int, ...] = ()


class Ledger:
    """The recorded files of one folder. A few of them are looked at each time, in turn, and the newest gaps every
    time: the cost is constant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: list[_Entry] = []
        self._places: dict[str, int] = {}
        self._inodes: dict[int, int] = {}
        self._turn = 0
        self._all_until = 0
        self._gaps: OrderedDict[str, _Entry] = OrderedDict()
        self.newest_mtime_s = NAN

    def note(self, candidate: Candidate, taken: Taken) -> None:
        entry = self._entry(candidate.name)
        entry.checksum, entry.state, entry.pending, entry.images = taken.checksum, taken.state, False, taken.images
        self._gaps.pop(candidate.name.name, None)
        self._inodes[taken.state.inode] = self._places[candidate.name.name]
        if not self.newest_mtime_s >= taken.state.mtime_s:
            self.newest_mtime_s = taken.state.mtime_s

    def note_gap(self, candidate: Candidate, given_up: GivenUp) -> None:
        """This file was given up in the state it is in."""
        entry = self._entry(candidate.name)
        entry.state = None if given_up.may_be_whole else candidate.state or self._state(candidate.name)
        entry.pending = False
        if entry.checksum is None:
            self._gaps[candidate.name.name] = entry
            if len(self._gaps) > MOST_GAPS:
                self._gaps.popitem(last=False)

    def check_all(self) -> None:
        """Look at every file soon: the folder was gone, and may be another one."""
        self._all_until = len(self._entries)
        self._turn = 0

    def changed(self, now: float) -> list[Candidate]:
        """Files, of the few looked at this time, that are not as they were when they were recorded."""
        return [
            Candidate(entry.name, now, recorded_checksum=entry.checksum, recorded_images=entry.images)
            for entry in (*self._next_few(), *self._gaps.values())
            if not entry.pending and self._is_changed(entry)
        ]

    def is_no_frame(self, candidate: Candidate, outcome: Taken | GivenUp) -> bool:
        """Whether this is a folder, a frame recorded under a name that is gone, or has itself been renamed."""
        if isinstance(outcome, GivenUp):
            path, state = self._folder / candidate.name.name, candidate.state
            moved = state is not None and state.inode in self._inodes and not os.path.lexists(path)
            return path.is_dir() or moved
        place = self._inodes.get(outcome.state.inode)
        if place is None or self._entries[place].checksum != outcome.checksum:
            return False
        old = self._entries[place].name.name
        if old == candidate.name.name or os.path.lexists(self._folder / old):
            return False
        log.warning("%s is %s renamed: recorded once", printable(candidate.name.name), printable(old))
        return True

    def _entry(self, name: FrameName) -> _Entry:
        if name.name not in self._places:
            self._places[name.name] = len(self._entries)
            self._entries.append(_Entry(name, None, None))
        return self._entries[self._places[name.name]]

    def _next_few(self) -> list[_Entry]:
        if not self._entries:
            return []
        many = CHECKS_AFTER_RETURN if self._turn < self._all_until else CHECKS
        few = self._entries[self._turn : self._turn + many]
        self._turn += many
        if self._turn >= len(self._entries):
            self._turn = self._all_until = 0
        return few

    def _is_changed(self, entry: _Entry) -> bool:
        state = self._state(entry.name)
        entry.pending = state is not None and state != entry.state
        return entry.pending

    def _state(self, name: FrameName) -> FileState | None:
        try:
            return state_of((self._folder / name.name).lstat())
        except OSError:
            return None
