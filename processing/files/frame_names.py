"""Names of frames: which files are frames, in which order, and which numbers of a series are missing."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import total_ordering
from itertools import pairwise
from pathlib import Path

PACKED = (".gz", ".bz2")
_MAR = tuple(f".mar{pixels}" for pixels in (1200, 1600, 1800, 2000, 2300, 2400, 3000, 3450))
_OTHERS = (".cbf", ".tif", ".tiff", ".edf", ".mccd")
SUFFIXES = (*_OTHERS, *_MAR)
SUFFIXES_TOLD = f"{', '.join(_OTHERS)} or {_MAR[0]} to {_MAR[-1]}"
"""The same in words, for messages and documentation."""
PATTERN_SUFFIXES = (".xye", ".xy", ".chi", ".dat", ".fxye", ".gsa", ".gss")
PATTERNS_TOLD = f"{', '.join(PATTERN_SUFFIXES[:-1])} or {PATTERN_SUFFIXES[-1]}"
HDF5_SUFFIXES = (".h5", ".hdf5", ".nxs", ".hdf", ".nx5")
MASTER = "_master.h5"
CORRECTIONS = {"mask", "masks", "dark", "darks", "flat", "flats", "flatfield", "badpix"}
WORD = re.compile(r"[^\W\d_]{3,}")
ENDS_IN_NUMBER = re.compile(r"\d+p?$", re.ASCII)
TEMPORARY = re.compile(r"^[.~#]|~$|\.(tmp|temp|part|partial|filepart|swp|crdownload)$", re.IGNORECASE)
STAMPED = re.compile(r"(?<!\d)(19|20)\d\d[-_]?[01]\d[-_]?[0-3]\d[-_T]?[0-2]\d[-_:]?[0-5]\d[-_:]?[0-5]\d")
DIGITS = re.compile(r"(\d+)", re.ASCII)


@total_ordering
@dataclass(frozen=True, slots=True)
class FrameName:
    """A frame's file name, taken apart into text and numbers so that 9 comes before 10.

    texts: what stands around the numbers, one more than there are numbers. Numbers of any width compare by
    value: a series may widen from 9999 to 10000. ``name`` may hold bytes that are not UTF-8, as surrogates.
    """

    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    name: str

    @property
    def key(self) -> tuple[tuple[tuple[str, int], ...], str]:
        return tuple(zip(self.texts, (*self.numbers, -1), strict=True)), self.name

    def __lt__(self, other: "FrameName") -> bool:
        return self.key < other.key


def frame_name(name: str) -> FrameName:
    """The parts of this file name; very long runs of digits count as text.

    >>> frame_name("br_9.cbf") < frame_name("br_0010.cbf")
    True
    """
    pieces = DIGITS.split(name)
    if any(len(digits) > 18 for digits in pieces[1::2]):
        return FrameName((name,), (), name)
    return FrameName(tuple(pieces[::2]), tuple(int(digits) for digits in pieces[1::2]), name)


def is_frame(name: str) -> bool:
    """Whether a file of this name is taken for a frame: by its suffix, and not hidden, temporary, mask or dark.

    >>> [is_frame(name) for name in ("br_0001.cbf", "br_0001.cbf.tmp", "dark_0001.cbf", "notes.txt")]
    [True, False, False, False]
    """
    stem = _stem(name)
    return bool(stem) and not _is_correction(stem)


def is_image(name: str) -> bool:
    """Whether the name is one of an image that is there to stay, also of a mask, a dark or a flat."""
    return bool(_stem(name))


def is_correction(name: str) -> bool:
    """Whether the name is one of an image, but says that it is a mask, a dark or a flat."""
    return _is_correction(_stem(name))


def is_pattern(name: str) -> bool:
    """Whether the name is one of a pattern as text that is there to stay.

    >>> [is_pattern(name) for name in ("br_0001.xye", ".br_0001.xye", "br_0001.cbf", "BR.CHI.gz")]
    [True, False, False, True]
    """
    path = Path(name.rpartition("/")[2])
    path = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return path.suffix.lower() in PATTERN_SUFFIXES and not is_temporary(name)


def is_temporary(name: str) -> bool:
    """Whether the name, without its folders, is hidden or one that is given while a file is written."""
    return bool(TEMPORARY.search(name.rpartition("/")[2]))


def is_hdf5_frame(name: str) -> bool:
    """Whether an HDF5 file of this name may be one of many that hold the frames: no master, data file or draft.

    >>> [is_hdf5_frame(name) for name in ("m_0001.h5", "x_master.h5", "x_data_000001.h5", ".m_0002.h5")]
    [True, False, False, False]
    """
    suits = Path(name).suffix.lower() in HDF5_SUFFIXES and not name.endswith(MASTER)
    return suits and "_data_" not in name and not is_temporary(name)


def _stem(name: str) -> str:
    """The name without folders and suffix; empty where it is none of an image that is there to stay."""
    name = name.rpartition("/")[2]
    if is_temporary(name):
        return ""
    path = Path(name)
    if path.suffix.lower() in PACKED:
        path = path.with_suffix("")
    return path.stem if path.suffix.lower() in SUFFIXES else ""


def _is_correction(stem: str) -> bool:
    """In a series the last word counts: flat_plate_0001 is a frame, dark_0001 is none."""
    words = [word.lower() for word in WORD.findall(stem)]
    return bool(CORRECTIONS.intersection(words[-1:] if ENDS_IN_NUMBER.search(stem) else words))


def missing_between(before: FrameName, after: FrameName) -> int | None:
    """How many numbers are missing between two names of one series; None where they are of different series.

    The running number may be any group of digits of the file's name; those behind it are the same, or start again
    at 0 or 1. Each folder has series of its own. Date and time count nothing: between them no number is missing.

    >>> missing_between(frame_name("br_0009.cbf"), frame_name("br_0012.cbf"))
    2
    >>> missing_between(frame_name("br_0009.cbf"), frame_name("cl_0012.cbf")) is None
    True
    """
    if before.texts != after.texts or before.name.rpartition("/")[0] != after.name.rpartition("/")[0]:
        return None
    changed = [k for k, (a, b) in enumerate(zip(before.numbers, after.numbers, strict=True)) if a != b]
    if not changed or STAMPED.sub("", before.name) == STAMPED.sub("", after.name):
        return 0
    if any(after.numbers[k] > 1 for k in changed[1:]):
        return None
    return max(after.numbers[changed[0]] - before.numbers[changed[0]] - 1, 0)


def are_a_series(names: Collection[str]) -> bool:
    """Whether they differ by their numbers alone."""
    return len(names) > 1 and len({frame_name(name).texts for name in names}) == 1


def successor(before: FrameName, last: FrameName) -> str | None:
    """The name that would come next after ``last`` in the series of these two; None where that is not known."""
    if before.texts != last.texts:
        return None
    changed = [k for k, (a, b) in enumerate(zip(before.numbers, last.numbers, strict=True)) if a != b]
    if len(changed) != 1:
        return None
    pieces = DIGITS.split(last.name)
    place = 2 * changed[0] + 1
    pieces[place] = str(last.numbers[changed[0]] + 1).zfill(len(pieces[place]))
    return "".join(pieces)


@dataclass(slots=True)
class MissingFrames:
    """How many numbers of the series are missing so far; a frame that comes late is no longer missing.

    step: from frame to frame. A step that repeats is the series' own: names may count by five.
    """

    count: int = 0
    step: int = 1
    _between: list[tuple[FrameName, FrameName]] = field(default_factory=list)
    _last_step: int = 1

    def between(self, before: FrameName, after: FrameName) -> int | None:
        """How many frames are missing between these two; None where they are of different series."""
        missing = missing_between(before, after)
        return missing if missing is None else max(-(-(missing + 1) // self.step) - 1, 0)

    def note_step(self, before: FrameName, after: FrameName) -> int:
        """Note two frames that follow each other; how many are missing between them."""
        numbers = missing_between(before, after)
        if numbers is None:
            return 0
        step, last = numbers + 1, self._last_step
        self._last_step = step
        if step < self.step or (step == last != self.step):
            self.step = step
            self.count = sum(self.between(*each) or 0 for each in self._between)
        missing = self.between(before, after) or 0
        if numbers:
            self.count += missing
            self._between.append((before, after))
        return missing

    def fill(self, name: FrameName) -> bool:
        """Note a frame that comes late; whether its number was missing."""
        for place, (before, after) in enumerate(self._between):
            if before < name < after:
                self._between[place : place + 1] = [(before, name), (name, after)]
                self.count = sum(self.between(*each) or 0 for each in self._between)
                return True
        return False


def missing_numbers(names: Iterable[str]) -> int:
    """How many numbers are missing between the first and the last of each series among these names."""
    ordered, missing = sorted(map(frame_name, set(names)), key=lambda name: name.key), MissingFrames()
    for before, after in pairwise(ordered):
        missing.note_step(before, after)
    return missing.count
