"""An HDF5 file and those it links to: a link may lead to another file only where that lies in the same folder."""

import contextlib
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from latticewatch.processing.files.guarded_hdf5 import open_shared, refusal
from latticewatch.processing.formats.image_file import LARGEST_FILE, NotWhole, Unreadable, check_shape

MOST_LINKS = 20
MOST_OBJECTS, DEEPEST = 5000, 8
MOST_SOURCES = 10_000
BUILT_IN = {1, 2, 3, 4, 5, 6, 32000}
FILTERS = BUILT_IN | {filter_class.filter_id for filter_class in hdf5plugin.get_filters()}


class Hdf5Tree:
    """One HDF5 file and those in the same folder that it links to; use as a context manager.

    content: the bytes of a file in place of its path; links to others are then refused. Raises NotWhole where a file is
    missing or cannot be opened now, Unreadable where a link leads out of the folder or a dataset is kept in a way that
    is refused.
    """

    def __init__(self, path: Path = Path(), content: bytes = b"") -> None:
        self._folder = None if content else path.parent.resolve()
        self._stack = contextlib.ExitStack()
        self._files: dict[Path, h5py.File] = {}
        self.root = self._in_memory(content) if content else self._open(path.resolve())

    def __enter__(self) -> "Hdf5Tree":
        return self

    def __exit__(self, *reason: object) -> None:
        self._stack.close()

    @property
    def files(self) -> tuple[Path, ...]:
        """This file, unless it is in memory, and those it led to so far."""
        return tuple(self._files)

    def beside(self, name: str) -> h5py.File:
        """A file of this name in the same folder. Raises NotWhole where there is none."""
        return self._open(self._inside(name))

    def get(self, group: h5py.Group, path: str, links: int = 0) -> Any:
        """The group or dataset at this path. Raises NotWhole where there is none."""
        here = group.file if path.startswith("/") else group
        for name in posixpath.normpath(path).strip("/").split("/"):
            if name not in ("", "."):
                here = self._child(here, name, links)
        return here

    def children(self, group: h5py.Group) -> Iterator[tuple[str, Any]]:
        """Names and objects of a group, without those that cannot be opened or must not be."""
        for name in group:
            with contextlib.suppress(Unreadable, OSError, KeyError):
                yield name, self._child(group, name, 0)

    def walk(self) -> Iterator[tuple[str, Any]]:
        """Paths and objects, level by level within bounds: a file of loops ends all the same."""
        seen = {_place(self.root)}
        level: list[tuple[str, Any]] = [("", self.root)]
        many = depth = 0
        while level and depth < DEEPEST:
            following = []
            for parent_path, parent in level:
                for name, item in self.children(parent):
                    many += 1
                    if many > MOST_OBJECTS:
                        return
                    yield f"{parent_path}/{name}", item
                    if isinstance(item, h5py.Group) and (place := _place(item)) not in seen:
                        seen.add(place)
                        following.append((f"{parent_path}/{name}", item))
            level, depth = following, depth + 1

    def check(self, dataset: h5py.Dataset, depth: int = 0) -> None:
        """Raises Unreadable unless the dataset is safe to read, NotWhole where a virtual source is missing."""
        if dataset.dtype.kind not in "biuf" or dataset.dtype.itemsize > 8:
            raise Unreadable("its dataset holds no plain numbers")
        if dataset.ndim < 2:
            raise Unreadable("its dataset has fewer than two dimensions")
        check_shape(dataset.shape[-2], dataset.shape[-1], dataset.dtype.itemsize)
        if dataset.chunks and int(np.prod(dataset.chunks)) * dataset.dtype.itemsize > LARGEST_FILE:
            raise Unreadable("its chunks are larger than any image")
        if reason := refusal(dataset, FILTERS):
            raise Unreadable(f"its dataset {reason}")
        if dataset.is_virtual:
            self._check_sources(dataset, depth)

    def _child(self, group: h5py.Group, name: str, links: int) -> Any:
        if links > MOST_LINKS:
            raise Unreadable("its links go in circles")
        if not isinstance(group, h5py.Group):
            raise NotWhole(f"has no {name} where one is needed")
        link = group.get(name, getlink=True)
        match link:
            case None:
                raise NotWhole(f"has no {name} yet")
            case h5py.SoftLink():
                return self.get(group, link.path, links + 1)
            case h5py.ExternalLink():
                return self.get(self._open(self._inside(link.filename)), f"/{link.path}", links + 1)
        return group[name]

    def _check_sources(self, dataset: h5py.Dataset, depth: int) -> None:
        sources = dataset.virtual_sources()
        if depth > MOST_LINKS or len(sources) > MOST_SOURCES:
            raise Unreadable("its virtual dataset has too many sources")
        for file_name, name in {(source.file_name, source.dset_name) for source in sources}:
            file = dataset.file if file_name == "." else self._open(self._inside(file_name))
            source_dataset = self.get(file, f"/{name}")
            if not isinstance(source_dataset, h5py.Dataset):
                raise NotWhole(f"a source of its virtual dataset is no dataset ({name})")
            self.check(source_dataset, depth + 1)

    def _inside(self, name: str) -> Path:
        if self._folder is None:
            raise Unreadable("links to another file; give that file as the scan")
        path = (self._folder / name).resolve()
        if path.parent != self._folder and self._folder not in path.parents:
            raise Unreadable("links to a file outside the scan's folder, which is not followed")
        return path

    def _in_memory(self, content: bytes) -> h5py.File:
        try:
            return self._stack.enter_context(h5py.File(h5py.h5f.open_file_image(content)))
        except (OSError, RuntimeError, ValueError) as error:
            raise NotWhole(f"not a sound HDF5 file ({str(error)[:120]})".splitlines()[0]) from None

    def _open(self, path: Path) -> h5py.File:
        if path not in self._files:
            try:
                if not stat.S_ISREG(path.lstat().st_mode):
                    raise Unreadable(f"{path.name} is no regular file")
                self._files[path] = self._stack.enter_context(open_shared(path))
            except FileNotFoundError:
                raise NotWhole(f"{path.name} cannot be opened (not there yet)") from None
            except (OSError, RuntimeError) as error:
                text = (str(error) or type(error).__name__).splitlines()[0]
                raise NotWhole(f"{path.name} cannot be opened ({text.rsplit('(', 1)[-1].rstrip(')')[:120]})") from None
        return self._files[path]


def _place(group: h5py.Group) -> tuple[str, int]:
    """What tells one group from all others: its file, and its address there."""
    return group.file.filename, h5py.h5o.get_info(group.id).addr
