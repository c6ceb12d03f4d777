"""An HDF5 file of frames: an EIGER master with its data files, a NeXus file, or a plain stack."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import frame_name
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.packed_images import TYPES, Bitshuffled
from latticewatch.processing.flow.series import Progress
from latticewatch.processing.formats.hdf5_tree import Hdf5Tree
from latticewatch.processing.formats.image_file import NAN, NotWhole, Unreadable
from latticewatch.processing.sources.frame_times import Moment, ScanClock
from latticewatch.processing.sources.hdf5.layout import Layout, find_layout
from latticewatch.processing.text import printable

POLL_S = 0.5
BITSHUFFLE, LZ4 = 32008, 2
FEWEST_LEFT = 0.3  # of the pixels, by the file's own mask
SUFFIXES = (".h5", ".hdf5", ".nxs", ".hdf", ".nx5")

log = logging.getLogger(__name__)


class HDF5Stack:
    """The frames of an HDF5 file, in the order in which they lie there.

    dataset: path of the images, empty: found. period_s: of the experiment, where the file says no times. follow_s: wait
    for more frames until none came for this time; left out: what is there now. Raises UserError where the file holds
    no images that may be read; with follow_s only where it never will.
    """

    def __init__(
        self, path: Path, *, period_s: float | None = None, follow_s: float | None = None, dataset: str = ""
    ) -> None:
        self._path, self._dataset = path, dataset
        self._clock = ScanClock(period_s, self._last_moment)
        self._follow_s = follow_s
        self._count = self._drawn = 0
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
        index, active_s = 0, time.monotonic()
        while not stop.is_set():
            for frame in self._frames_from(index, stop):
                index, active_s = frame.index + 1, time.monotonic()
                self._drawn = index
                yield frame
            if self._follow_s is None or time.monotonic() - active_s >= self._follow_s:
                return
            stop.wait(POLL_S)

    def files(self) -> tuple[Path, list[str]]:
        """The file's folder, and the names of all files in it that the frames are in. Raises UserError."""
        folder = self._path.parent.resolve()
        try:
            with Hdf5Tree(self._path) as tree:
                find_layout(tree, named=self._dataset)
                return folder, [path.relative_to(folder).as_posix() for path in tree.files]
        except (Unreadable, OSError) as error:
            raise UserError(f"{self._path}: {error}; give a valid HDF5 file".replace("\n", " ")) from None

    def progress(self) -> Progress:
        return Progress(self._count, self._count - self._drawn, _mtime_s(self._path))

    def _frames_from(self, start: int, stop: threading.Event) -> Iterator[Frame]:
        """The frames that are there now, from number ``start`` on."""
        try:
            with Hdf5Tree(self._path) as tree:
                layout = find_layout(tree, growing=self._follow_s is not None, named=self._dataset)
                self._count = layout.count
                self._note_mask(layout)
                self._last = _moment(layout, layout.count - 1) if layout.count else None
                for index in range(start, layout.count):
                    block, place = layout.block_of(index)
                    if stop.is_set() or (self._follow_s is not None and not block.is_written(place)):
                        return
                    yield self._frame(layout, index)
        except (Unreadable, OSError, KeyError, RuntimeError) as error:
            log.info("%s: %s", printable(self._path.name), error)
            if self._follow_s is None:
                raise UserError(f"{self._path}: {error}; give a valid HDF5 file".replace("\n", " ")) from error

    def _tell_what_is_taken(self, layout: Layout) -> None:
        name, first = printable(self._path.name), layout.blocks[0].dataset
        log.info("%s: %d images of %s", name, layout.count, printable(first.name) if first else "missing files")
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
        content = _content(layout, index, self._masked)
        return Frame(
            index=index,
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


def stack_image(path: Path, index: int) -> Image | NoResult:
    """Image ``index`` of this file, or why there is none. Raises Unreadable or OSError where the file is none."""
    with Hdf5Tree(path) as tree:
        layout = find_layout(tree, growing=True)
        if not 0 <= index < layout.count:
            return NoResult("unreadable: not in the file")
        content = _content(layout, index)
        return Image(np.asarray(content.counts)) if isinstance(content, Image) else content


def _content(layout: Layout, index: int, masked: NDArray[np.bool_] | None = None) -> Image | NoResult:
    block, place = layout.block_of(index)
    if block.dataset is None:
        return NoResult(f"unreadable: {block.reason}")
    try:
        if not block.is_written(place):
            return NoResult("unreadable: never written")
        packed = _packed_chunk(block.dataset, place)
        if packed is not None:
            return Image(packed, masked)
        return Image(block.dataset[place] if block.dataset.ndim == 3 else block.dataset[()], masked)
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        return NoResult(f"unreadable: cannot be unpacked ({str(error).splitlines()[0][:120]})")


def _packed_chunk(dataset: h5py.Dataset, place: int) -> Bitshuffled | None:
    """Image ``place`` as it is packed in the file; None where it is not one chunk of bitshuffled LZ4 integers."""
    if dataset.ndim != 3 or dataset.is_virtual or dataset.dtype.str not in TYPES:
        return None
    rows, columns = dataset.shape[1:]
    filters = dataset.id.get_create_plist()
    if dataset.chunks != (1, rows, columns) or filters.get_nfilters() != 1:
        return None
    code, _, values, _ = filters.get_filter(0)
    if code != BITSHUFFLE or len(values) <= 4 or values[4] != LZ4:
        return None
    skipped, data = dataset.id.read_direct_chunk((place, 0, 0))
    return None if skipped else Bitshuffled(np.frombuffer(data, np.uint8), (rows, columns), dataset.dtype)


def _mtime_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return NAN
