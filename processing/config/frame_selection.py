"""Which files of a folder are taken for frames, and how long they are waited for: [source] in experiment.toml."""

import fnmatch
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, FiniteFloat, PrivateAttr, field_validator

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import (
    PACKED,
    PATTERN_SUFFIXES,
    SUFFIXES,
    SUFFIXES_TOLD,
    TEMPORARY,
    frame_name,
    is_correction,
    is_frame,
    is_hdf5_frame,
    is_image,
    is_pattern,
)
from latticewatch.processing.files.toml_tables import Table
from latticewatch.processing.text import printable

DEEPEST = 16
WILD = re.compile(r"[*?\[]")

Seconds = Annotated[FiniteFloat, Field(ge=0.05, le=3600.0)]

log = logging.getLogger(__name__)


class FrameSelection(Table):
    """The table [source].

    recursive: sub-folders too. include: a pattern such as ``br_*.cbf``; one with a ``/`` is for the path below the
    scan's folder, one without for the file's name in whichever folder; empty takes all. dataset: path of the images in
    an HDF5 file; empty: found. settle_s: between two equal readings of a file without a checksum. give_up_s: after
    which a file that is not whole becomes a gap; left out: as soon as it holds up the frames after it for two periods,
    at least 2 s, and where none come after it 10 s after its last change. missing_wait_s: how long a missing number is
    waited for; left out: for two periods, at least 2 s. events: take file-system events as a hint to look at once.
    """

    recursive: bool = False
    include: str = ""
    dataset: str = ""
    settle_s: Seconds = 2.0
    give_up_s: Seconds | None = None
    missing_wait_s: Seconds | None = None
    events: bool = True
    _set_up: frozenset[str] = PrivateAttr(frozenset())
    _patterns: bool = PrivateAttr(False)

    @field_validator("include")
    @classmethod
    def _can_match(cls, value: str) -> str:
        reason = impossible(value)
        if reason:
            raise ValueError(reason)
        return value

    def is_of_set_up(self, name: str) -> bool:
        """Whether this file, by its path below the scan's folder, is the mask, dark, flat or background."""
        return name in self._set_up

    def takes(self, name: str) -> bool:
        """Whether the pattern lets this name pass, which is a path below the scan's folder."""
        if self.is_of_set_up(name):
            return False
        if not self.include:
            return True
        return fnmatch.fnmatchcase(name if "/" in self.include else name.rpartition("/")[2], self.include)

    def is_frame(self, name: str) -> bool:
        """Whether this file is a frame that is to be taken; a dark or a flat is one where ``include`` calls it so."""
        if self._patterns:
            return self.takes(name) and is_pattern(name)
        return self.takes(name) and (is_image(name) if is_correction(self.include) else is_frame(name))

    @property
    def of_patterns(self) -> bool:
        """Whether the frames are patterns that were integrated elsewhere, as text."""
        return self._patterns

    def beside(self, set_up: Iterable[Path], scan: Path, *, patterns: bool = False) -> Self:
        """The same for a folder in which files of the set-up (mask, dark, background, ...) lie: they are no frames.

        patterns: the frames are patterns as text.
        """
        folder = scan.resolve()
        below = (path.resolve() for path in set_up)
        other = self.model_copy()
        other._patterns = patterns
        other._set_up = frozenset(path.relative_to(folder).as_posix() for path in below if path.is_relative_to(folder))
        return other

    def given(self, recursive: bool | None, include: str | None, dataset: str | None = None) -> Self:
        """The same with what the command line says of it. Raises UserError for a pattern that can match nothing."""
        if include is not None and (reason := impossible(include)):
            raise UserError(f"--include {printable(include)}: {reason}")
        changes = {"recursive": recursive, "include": include, "dataset": dataset}
        return self.model_copy(update={key: value for key, value in changes.items() if value is not None})


class HDF5Selection(FrameSelection):
    """The same for HDF5 files of a folder that are the frames. texts: what stands around the numbers in their names."""

    texts: tuple[str, ...] = ()

    def is_frame(self, name: str) -> bool:
        return self.takes(name) and is_hdf5_frame(name) and frame_name(name).texts == self.texts


ALL = FrameSelection()


def impossible(include: str) -> str:
    """Why no frame can match this pattern; empty where one can."""
    if include.startswith("/") or ".." in include.split("/"):
        return "leads out of the scan's folder; give a pattern for names below it"
    ending = WILD.split(include)[-1].rpartition("]")[2].lower()
    endings = [suffix + packed for suffix in (*SUFFIXES, *PATTERN_SUFFIXES) for packed in ("", *PACKED)]
    if not include or any(each.endswith(ending) or ending.endswith(each) for each in endings):
        return ""
    return f"matches no frame: their names end in {SUFFIXES_TOLD}; fix the pattern"


def names_in(folder: Path, recursive: bool) -> Iterator[str]:
    """Names of all files in the folder; ``recursive``: and below it, as paths with /.

    Hidden and temporary folders are left out, links are not followed, a sub-folder that cannot be listed is
    passed over. Raises OSError where the folder itself cannot be listed.
    """
    yield from _names_below(folder, "", DEEPEST if recursive else 0)


def _names_below(folder: Path, prefix: str, deeper: int) -> Iterator[str]:
    inner: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _is_folder(entry):
                yield prefix + entry.name
            elif not entry.is_symlink():
                inner.append(entry.name)
    for name in inner if deeper else ():
        if TEMPORARY.search(name):
            continue
        try:
            if not (folder / name).is_symlink():
                yield from _names_below(folder / name, f"{prefix}{name}/", deeper - 1)
        except OSError as error:
            log.info("%s: cannot be listed (%s)", printable(f"{prefix}{name}"), error.strerror)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """A link in circles is no folder, and does not stop the listing."""
    try:
        return entry.is_dir()
    except OSError:
        return False
