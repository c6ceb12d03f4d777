"""An HDF5 file of frames: an EIGER master with its data files, a NeXus file, or a plain stack."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import frame_name
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.formats.hdf5_layout import Layout, find_layout, image_of
from latticewatch.processing.formats.hdf5_tree import Hdf5Tree
from latticewatch.processing.formats.image_file import NAN, NotWhole, Unreadable
from latticewatch.processing.sources.frame_times import Moment, ScanClock, hold_s
from latticewatch.processing.text import printable

POLL_S = 0.5
AHEAD = 64
FEWEST_LEFT = 0.3  # of the pixels, by the file's own mask

log = logging.getLogger(__name__)


class HDF5Stack:
    """The frames of an HDF5 file, in the order in which they lie there.

    dataset: path of the images, empty: found; ``others`` then says which series were not taken. period_s: of the
    experiment, where the file says no times. follow_s: wait for more frames until none came for this time; left out:
    what is there now. Raises UserError where the file holds no images that may be read; with follow_s only where it
    never will.
    """

    def __init__(
        self, path: Path, *, period_s: float | None = None, follow_s: float | None = None, dataset: str = ""
    ) -> None:
        self._path, self._dataset = path, dataset
        self._clock = ScanClock(period_s, self._last_moment)
        self._follow_s = follow_s
        self._count = self._drawn = 0
        # While it is followed: images that were not there when later ones were, and since when the next one is not.
        self._gaps: set[int] = set()
        self._held: tuple[int, float] | None = None
        self._told, self._gone_since_s = "", NAN
        self.others: tuple[str, ...] = ()
        self._masked: NDArray[np.bool_] | None = None
        self._last: Moment | None = None
        try:
            with Hdf5Tree(path) as tree:
                layout = find_layout(tree, growing=follow_s is not None, named=dataset)
                self._count = layout.count
                self._tell_what_is_taken(layout)
        except NotWhole as error:
            if follow_s is None:
                raise UserError(f"{path}: {error}; give a file that holds a stack of frames") from None
        except Unreadable as error:
            raise UserError(f"{path}: {error}; give a file that holds a stack of frames") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error}); give a valid HDF5 file".splitlines()[0]) from None

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Every image once; one that is not there when later ones are first as a gap, and again when it is there."""
        following, active_s = 0, time.monotonic()
        while not stop.is_set():
            for index, frame in self._frames_from(following, stop):
                following, active_s = max(following, index + 1), time.monotonic()
                self._drawn += 1
                yield frame
            if self._follow_s is None or time.monotonic() - active_s >= self._follow_s:
                return
            stop.wait(POLL_S)

    def frames_at(self, numbers: Sequence[int]) -> list[Frame]:
        """The frames of these images, of those that are there. Raises UserError where the file cannot be read."""
        try:
            with Hdf5Tree(self._path) as tree:
                layout = find_layout(tree, growing=True, named=self._dataset)
                self._note_mask(layout)
                return [self._frame(layout, number) for number in numbers if 0 <= number < layout.count]
        except (Unreadable, OSError, KeyError, RuntimeError) as error:
            raise self._refused(error) from error

    def files(self) -> tuple[Path, list[str]]:
        """The file's folder, and the names of all files in it that the frames are in. Raises UserError."""
        folder = self._path.parent.resolve()
        try:
            with Hdf5Tree(self._path) as tree:
                find_layout(tree, named=self._dataset)
                return folder, [path.relative_to(folder).as_posix() for path in tree.files]
        except (Unreadable, OSError) as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception) -> UserError:
        return UserError(f"{self._path}: {error}; give a valid HDF5 file".replace("\n", " "))

    def progress(self) -> Progress:
        seen = max(self._count, self._drawn)
        return Progress(seen, seen - self._drawn, _mtime_s(self._path), gone_since_s=self._gone_since_s)

    def _frames_from(self, start: int, stop: threading.Event) -> Iterator[tuple[int, Frame]]:
        """The images that are there now and their frames, from number ``start`` on, and of those that were missing."""
        try:
            with Hdf5Tree(self._path) as tree:
                layout = find_layout(tree, growing=self._follow_s is not None, named=self._dataset)
                self._count, self._told, self._gone_since_s = layout.count, "", NAN
                self._note_mask(layout)
                self._last = _moment(layout, layout.count - 1) if layout.count else None
                for index in (*sorted(self._gaps), *range(start, layout.count)):
                    if stop.is_set():
                        return
                    if self._follow_s is None or _is_there(layout, index):
                        self._gaps.discard(index)
                        yield index, self._frame(layout, index)
                    elif index < start:
                        continue
                    elif self._is_held_up_by(layout, index):
                        self._gaps.add(index)
                        log.warning("%s: image %d is not there, later ones are", printable(self._path.name), index)
                        yield index, self._frame(layout, index)
                    else:
                        return
        except (Unreadable, OSError, KeyError, RuntimeError) as error:
            if self._gone_since_s != self._gone_since_s and not self._path.exists():
                self._gone_since_s = time.time()
            if str(error) != self._told:
                self._told = str(error)
                log.info("%s: %s", printable(self._path.name), error)
            if self._follow_s is None:
                raise self._refused(error) from error

    def _is_held_up_by(self, layout: Layout, index: int) -> bool:
        """Whether this image, which is not there, has held up later ones for long enough."""
        if not any(_is_there(layout, later) for later in range(index + 1, min(index + 1 + AHEAD, layout.count))):
            return False
        now = time.monotonic()
        if self._held is None or self._held[0] != index:
            self._held = index, now
        return now - self._held[1] >= hold_s(self._clock.usual_period_s)

    def _tell_what_is_taken(self, layout: Layout) -> None:
        name, first = printable(self._path.name), layout.blocks[0].dataset
        log.info("%s: %d images of %s", name, layout.count, printable(first.name) if first else "missing files")
        self.others = layout.others
        if layout.others:
            told = printable(", ".join(layout.others[:5]))
            log.warning("%s: not taken: %s; name one with --dataset", name, told)
        announced = layout.header.get("nimages", "")
        if self._follow_s is None and announced.isdecimal() and layout.count < int(announced):
            log.warning("%s: announces %s images, %d are there or linked", name, announced, layout.count)

    def _note_mask(self, layout: Layout) -> None:
        """One array for all frames, however often the file is looked at."""
        if self._masked is not None or layout.masked is None:
            return
        left = 1.0 - float(layout.masked.mean())
        if left < FEWEST_LEFT:
            log.warning("its pixel_mask leaves %.0f %% of the pixels: not used", 100.0 * left)
            layout.masked.fill(False)
        elif left < 1.0:
            log.info("its pixel_mask leaves out %d pixels", layout.masked.sum())
        self._masked = layout.masked

    def _last_moment(self) -> Moment | None:
        return self._last if self._follow_s is None else None

    def _frame(self, layout: Layout, index: int) -> Frame:
        content = image_of(layout, index, self._masked)
        return Frame(
            index=self._drawn,
            name=f"{printable(self._path.name)}::{index:06d}",
            time_s=self._clock.time_s(_moment(layout, index), readable=isinstance(content, Image)),
            mtime_s=_mtime_s(self._path),
            content=content,
            header={**layout.header, **{name: repr(float(values[index])) for name, values in layout.series.items()}},
        )


def _moment(layout: Layout, index: int) -> Moment:
    """What the file says of the time of an image; that of the file is that of its last one."""
    stamp_s = float(layout.times_s[index]) if index < layout.times_s.size else NAN
    number = int(layout.numbers[index]) if index < layout.numbers.size else index
    return Moment(index, frame_name(f"image {number}"), stamp_s, period_s=layout.period_s)


def _is_there(layout: Layout, index: int) -> bool:
    block, place = layout.block_of(index)
    return block.dataset is not None and block.is_written(place)


def stack_image(path: Path, index: int) -> Image | NoResult:
    """Image ``index`` of this file, or why there is none. Raises Unreadable or OSError where the file is none."""
    with Hdf5Tree(path) as tree:
        layout = find_layout(tree, growing=True)
        if not 0 <= index < layout.count:
            return NoResult("unreadable: not in the file")
        content = image_of(layout, index)
        return Image(np.asarray(content.counts)) if isinstance(content, Image) else content


def _mtime_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return NAN
