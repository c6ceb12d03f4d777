"""Where in an HDF5 file the images are, and what is said of their times: EIGER, NXdata, NXdetector, or plain."""

import contextlib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Image, NoResult
from latticewatch.processing.flow.packed_images import TYPES, Bitshuffled
from latticewatch.processing.formats.hdf5_tree import DEEPEST, Hdf5Tree
from latticewatch.processing.formats.header_text import LONGEST_VALUE
from latticewatch.processing.formats.image_file import NAN, NotWhole, Unreadable

BLOCK = re.compile(r"data_\d{6}$")
TIMES = (
    *("epoch", "timestamp", "timestamps", "ndarraytimestamp", "ndarrayepicstssec"),
    *("elapsed_time", "time", "frame_times"),
)
NANOSECONDS = {"ndarrayepicstssec": "ndarrayepicstsnsec"}
NUMBERS = ("ndarrayuniqueid", "uniqueid", "frame_number")
NO_FRAMES = re.compile(r"(dark|white|bright|flat|background|bkg|mask|processed|result|theta)", re.IGNORECASE)
MOST_TOLD = 5
PERIODS = ("frame_time", "frame_period", "count_time", "exposure_time")
UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
BITSHUFFLE, LZ4 = 32008, 2
MOST_SCALARS, MOST_SERIES = 300, 16
MOST_FRAMES = 10_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """Images one after the other: (frames, rows, columns), (frames, 1, rows, columns) of one module, or one
    (rows, columns); None where the file is missing."""

    dataset: h5py.Dataset | None
    frames: int
    reason: str = ""

    def is_written(self, place: int) -> bool:
        """Whether image ``place`` is on disk: HDF5 gives zeros for a chunk that was never written."""
        data = self.dataset
        if data is None or not data.chunks or data.is_virtual or not _is_stack(data) or place >= data.shape[0]:
            return True
        corners = ((place, *(0 for _ in data.shape[1:])), (place, *(size - 1 for size in data.shape[1:])))
        return all(data.id.get_chunk_info_by_coord(corner).byte_offset is not None for corner in corners)


@dataclass(frozen=True, slots=True)
class Layout:
    """blocks: in the order of the scan.

    times_s: of every frame as the file has them, empty where it has none; numbers: its running numbers, likewise.
    header: the scalars that the file holds. series: what it holds of every frame besides, (frames,) each. masked:
    pixels (rows, columns) that the file calls bad, None where it does not say. others: series of images that are not
    taken.
    """

    blocks: tuple[Block, ...]
    times_s: NDArray[np.float64]
    period_s: float
    header: Mapping[str, str]
    series: Mapping[str, NDArray[np.float64]]
    masked: NDArray[np.bool_] | None = None
    others: tuple[str, ...] = ()
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def count(self) -> int:
        return sum(block.frames for block in self.blocks)

    def block_of(self, index: int) -> tuple[Block, int]:
        """The block that frame ``index`` lies in, and its place there. Raises IndexError."""
        for block in self.blocks:
            if index < block.frames:
                return block, index
            index -= block.frames
        raise IndexError("no such frame")


def find_layout(tree: Hdf5Tree, *, growing: bool = False, named: str = "") -> Layout:
    """Find the images. Raises NotWhole where there are none yet, Unreadable where they must not be read.

    growing: data files that are missing are still to come; else their frames are counted, and are missing. named: the
    path of the images; left out: what the file calls its data, else the largest dataset whose name is none of a dark,
    a flat or a result.
    """
    datasets = {path: item for path, item in tree.walk() if isinstance(item, h5py.Dataset)}
    images = {path: item for path, item in datasets.items() if _holds_images(item)}
    if named and f"/{named.strip('/')}" not in images:
        raise Unreadable(f"has no images at {named}; it has {', '.join(list(images)[:MOST_TOLD]) or 'none at all'}")
    chosen = (images[f"/{named.strip('/')}"],) if named else ()
    blocks = () if named else _eiger_blocks(tree, growing=growing)
    if not blocks:
        chosen = chosen or _signal(tree) or _detector(images) or _largest(images)
        blocks = _stack(chosen)
    if not blocks:
        raise NotWhole("holds no images (a dataset of frames x rows x columns)")
    for block in blocks:
        if block.dataset is not None:
            tree.check(block.dataset)
    count = sum(block.frames for block in blocks)
    if count > MOST_FRAMES:
        raise Unreadable(f"declares {count} frames, more than any scan has")
    header = dict(_scalars(datasets))
    series = dict(_series(datasets, count))
    masked = _pixel_mask(tree, datasets, next((block.dataset.shape[-2:] for block in blocks if block.dataset), ()))
    entry = f"/{chosen[0].name.strip('/').partition('/')[0]}/" if chosen else "/"
    own = {path: item for path, item in datasets.items() if path.startswith(entry)}
    times = next((found for each in (own, datasets) if (found := _times(each, count)).size), np.empty(0))
    numbers = next((ids for each in (own, datasets) if (ids := _numbers(each, count)).size), np.empty(0, np.int64))
    others = () if named else tuple(_others(images, chosen, blocks))
    return Layout(blocks, times, _period(header), MappingProxyType(header), series, masked, others, numbers)


def image_of(layout: Layout, index: int, masked: NDArray[np.bool_] | None = None) -> Image | NoResult:
    """Image ``index`` as it lies in the file, or why there is none."""
    block, place = layout.block_of(index)
    if block.dataset is None:
        return NoResult(f"unreadable: {block.reason}")
    try:
        if not block.is_written(place):
            return NoResult("unreadable: never written")
        packed = _packed_chunk(block.dataset, place)
        if packed is not None:
            return Image(packed, masked)
        counts = block.dataset[place if _is_stack(block.dataset) else ()]
        return Image(counts.reshape(block.dataset.shape[-2:]), masked)
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        return NoResult(f"unreadable: cannot be unpacked ({str(error).splitlines()[0][:120]})")


def _packed_chunk(dataset: h5py.Dataset, place: int) -> Bitshuffled | None:
    """Image ``place`` as it is packed in the file; None where it is not one chunk of bitshuffled LZ4 integers."""
    if not _is_stack(dataset) or dataset.is_virtual or dataset.dtype.str not in TYPES:
        return None
    *more, rows, columns = dataset.shape[1:]
    filters = dataset.id.get_create_plist()
    if dataset.chunks != (1, *more, rows, columns) or filters.get_nfilters() != 1:
        return None
    code, _, values, _ = filters.get_filter(0)
    if code != BITSHUFFLE or len(values) <= 4 or values[4] != LZ4:
        return None
    skipped, data = dataset.id.read_direct_chunk((place, *(0 for _ in dataset.shape[1:])))
    return None if skipped else Bitshuffled(np.frombuffer(data, np.uint8), (rows, columns), dataset.dtype)


def _stack(datasets: tuple[h5py.Dataset, ...]) -> tuple[Block, ...]:
    return tuple(Block(dataset, int(dataset.shape[0]) if _is_stack(dataset) else 1) for dataset in datasets)


def _eiger_blocks(tree: Hdf5Tree, *, growing: bool) -> tuple[Block, ...]:
    """data_000001, data_000002, ...; a missing file counts as many frames as the one before.

    growing: the last ones may not be there yet, and are not counted.
    """
    try:
        group = tree.get(tree.root, "/entry/data")
    except Unreadable:
        return ()
    blocks: list[Block] = []
    missing: list[Block] = []
    for name in sorted(name for name in group if BLOCK.match(name)):
        try:
            found = _stack((tree.get(group, name),))
        except NotWhole as error:
            if not blocks:
                raise
            missing.append(Block(None, blocks[-1].frames, str(error)))
        else:
            blocks += [*missing, *found]
            missing = []
    if growing and missing:
        return tuple(blocks)
    blocks += missing
    return (*blocks, *_not_linked(tree, blocks))


def _not_linked(tree: Hdf5Tree, blocks: list[Block]) -> Iterator[Block]:
    """Data files of a master that lie beside it and that it does not link to: it may have been written before them."""
    if not blocks or not tree.files:
        return
    stem = tree.files[0].name.removesuffix("_master.h5")
    if stem == tree.files[0].name:
        return
    for number in itertools.count(len(blocks) + 1):
        try:
            yield from _stack((tree.get(tree.beside(f"{stem}_data_{number:06d}.h5"), "/entry/data/data"),))
        except Unreadable:
            return


def _signal(tree: Hdf5Tree) -> tuple[h5py.Dataset, ...]:
    """The dataset that the chain of ``default`` and ``signal`` attributes leads to."""
    here = tree.root
    try:
        for _ in range(DEEPEST):
            name = here.attrs.get("default")
            if name is None:
                break
            here = tree.get(here, _text(name))
        item = tree.get(here, _text(here.attrs["signal"])) if "signal" in here.attrs else None
    except Unreadable:
        return ()
    return (item,) if _holds_images(item) else ()


def _detector(images: Mapping[str, h5py.Dataset]) -> tuple[h5py.Dataset, ...]:
    for path, dataset in images.items():
        parent = dataset.parent.attrs.get("NX_class", "") if path.endswith("/data") else ""
        if _text(parent) == "NXdetector":
            return (dataset,)
    return ()


def _largest(images: Mapping[str, h5py.Dataset]) -> tuple[h5py.Dataset, ...]:
    """The largest that is not called a dark, a flat or the like, as long as there is one."""
    stacks = sorted(
        images.items(),
        key=lambda item: (not NO_FRAMES.search(item[0]), _is_stack(item[1]), item[1].size),
        reverse=True,
    )
    return tuple(dataset for _, dataset in stacks[:1])


def _others(
    images: Mapping[str, h5py.Dataset], chosen: tuple[h5py.Dataset, ...], blocks: tuple[Block, ...]
) -> Iterator[str]:
    """Series of images that are not taken, and are no other name of those that are."""
    taken = {block.dataset for block in blocks} | set(chosen)
    seen = set()
    for path, dataset in images.items():
        if dataset not in taken and dataset not in seen and _is_stack(dataset) and dataset.shape[0] > 1:
            seen.add(dataset)
            yield f"{path} ({dataset.shape[0]} images)"


def _pixel_mask(tree: Hdf5Tree, datasets: Mapping[str, h5py.Dataset], shape: Sequence[int]) -> Any:
    """The file's own mask of bad pixels, as DECTRIS and NeXus have it: what is not 0 is bad."""
    for path, dataset in datasets.items():
        fits = dataset.shape is not None and dataset.shape[-2:] == shape and math.prod(dataset.shape[:-2]) == 1
        if path.endswith("/pixel_mask") and fits and dataset.dtype.kind in "biu":
            tree.check(dataset)
            return dataset[()].reshape(shape) != 0
    return None


def _holds_images(item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and (item.ndim == 2 or _is_stack(item)) and item.dtype.kind in "iuf"


def _is_stack(dataset: h5py.Dataset) -> bool:
    """(frames, rows, columns), with an axis of one module between them or without."""
    shape: tuple[int, ...] = dataset.shape
    return len(shape) == 3 or (len(shape) == 4 and shape[1] == 1)


def _times(datasets: Mapping[str, h5py.Dataset], count: int) -> NDArray[np.float64]:
    """The first series of times as long as the scan that advances, or else the first that stands still; seconds."""
    standing = np.empty(0)
    found = {path.rsplit("/", 1)[-1].lower(): item for path, item in datasets.items() if item.shape == (count,)}
    for name in TIMES:
        unit = UNITS.get(_text(found[name].attrs.get("units", "s"))) if name in found else None
        if unit is None or not _is_plain(found[name]):
            continue
        times: NDArray[np.float64] = found[name][()].astype(np.float64) * unit
        finer = found.get(NANOSECONDS.get(name, ""))
        if finer is not None and _is_plain(finer):
            times = times + finer[()].astype(np.float64) * 1e-9
        known = times[np.isfinite(times)]
        if known.size and np.ptp(known) > 0.0:
            return np.where(np.isfinite(times), times, NAN)
        standing = standing if standing.size else times
    return standing


def _numbers(datasets: Mapping[str, h5py.Dataset], count: int) -> NDArray[np.int64]:
    """Running numbers as long as the scan that ascend."""
    for path, item in datasets.items():
        named = path.rsplit("/", 1)[-1].lower() in NUMBERS
        if named and item.shape == (count,) and item.dtype.kind in "iu" and _is_plain(item):
            numbers: NDArray[np.int64] = item[()].astype(np.int64)
            if (np.diff(numbers) > 0).all() and (numbers >= 0).all():
                return numbers
    return np.empty(0, np.int64)


def _is_plain(dataset: h5py.Dataset) -> bool:
    """Whether these are numbers that lie in this file."""
    return dataset.dtype.kind in "iuf" and not dataset.external and not dataset.is_virtual


def _scalars(datasets: Mapping[str, h5py.Dataset]) -> Iterator[tuple[str, str]]:
    scalars = [(path, item) for path, item in datasets.items() if item.shape in ((), (1,)) and not item.external]
    for path, item in scalars[:MOST_SCALARS]:
        with contextlib.suppress(OSError, TypeError, ValueError):
            value = item[()] if item.shape == () else item[0]
            yield path.rsplit("/", 1)[-1], _text(value)[:LONGEST_VALUE]


def _series(datasets: Mapping[str, h5py.Dataset], count: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Numbers as many as there are frames: temperatures, motor positions."""
    found = [(path, item) for path, item in datasets.items() if item.shape == (count,) and item.dtype.kind in "iuf"]
    for path, item in found[:MOST_SERIES]:
        if not item.external and not item.is_virtual:
            with contextlib.suppress(OSError):
                yield path.rsplit("/", 1)[-1], item[()].astype(np.float64)


def _period(header: Mapping[str, str]) -> float:
    for key in PERIODS:
        with contextlib.suppress(ValueError):
            if (value := float(header.get(key, ""))) > 0.0:
                return value
    return NAN


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
