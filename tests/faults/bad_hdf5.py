"""Spoiled HDF5 files: stacks of frames, run files and their journals."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.faults.bad_inputs import CONTENTS, NO_FILES, Bench, Case, Spoil, numbered

SHAPE = (619, 487)
WAYS = (
    ("export", "--trace", "t.csv"),
    ("export", "--summary", "s.json"),
    ("replay", "--speed", "max", "--headless"),
    ("compare", "--out", "c.csv"),
)
DATASETS = (
    "map/intensity", "map/intensity_errors", "map/two_theta", "trace/frame", "trace/file", "trace/status",
    "trace/reason",
    "trace/state", "trace/recorded_s", "fits/parameters", "fits/has_pattern", "latticewatch/header",
    "latticewatch/run_id",
    "latticewatch/format", "latticewatch/inputs", "lattice_parameters/lp_mean_A", "states/state", "marks/text",
)  # fmt: skip


def cases() -> list[Case]:
    return [*_stacks(), *_runs()]


def _stack_of(write: Callable[[h5py.File, Bench], None]) -> Spoil:
    def spoil(bench: Bench) -> list[object]:
        path = bench.scan / "stack.h5"
        with h5py.File(path, "w") as file:
            write(file, bench)
        return ["process", path, "--json", "--out", bench.folder / "out.h5"]

    return spoil


def _put(name: str, **options: object) -> Callable[[h5py.File, Bench], None]:
    def write(file: h5py.File, bench: Bench) -> None:
        file.create_dataset(name, **options)

    return write


def _external_storage(file: h5py.File, bench: Bench) -> None:
    file.create_dataset("data", (1, 10, 10), "u1", external=[("/etc/passwd", 0, 100)])


def _virtual(name: str) -> Callable[[h5py.File, Bench], None]:
    def write(file: h5py.File, bench: Bench) -> None:
        layout = h5py.VirtualLayout((3, *SHAPE), "i4")
        layout[:] = h5py.VirtualSource(name, "data", (3, *SHAPE))
        file.create_virtual_dataset("data", layout)

    return write


def _linked(name: str) -> Callable[[h5py.File, Bench], None]:
    def write(file: h5py.File, bench: Bench) -> None:
        group = file.create_group("entry/data")
        group["data_000001"] = h5py.ExternalLink(name, "/data")

    return write


def _soft_circle(file: h5py.File, bench: Bench) -> None:
    file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")


def _hard_circle(file: h5py.File, bench: Bench) -> None:
    group = file.create_group("a")
    group["again"] = group


def _many(file: h5py.File, bench: Bench) -> None:
    group = file.create_group("g")
    for number in range(20_000):
        group.create_group(str(number))


def _unknown_filter(file: h5py.File, bench: Bench) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((1, *SHAPE))
    settings.set_filter(31999, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((3, *SHAPE))
    h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_INT32, space, settings)


def _deep(file: h5py.File, bench: Bench) -> None:
    group = file
    for number in range(300):
        group = group.create_group(f"g{number}")
    group["data"] = np.zeros((2, 4, 4))


def _stacks() -> list[Case]:
    writes = {
        "nothing in it": lambda *_: None,
        "one number": _put("data", data=7),
        "one line of numbers": _put("data", data=np.zeros(1000)),
        "text": _put("data", data=np.array([b"a"] * 10)),
        "complex numbers": _put("data", data=np.zeros((2, 8, 8), complex)),
        "four dimensions": _put("data", data=np.zeros((2, 2, 8, 8))),
        "no frames": _put("data", shape=(0, *SHAPE), dtype="i4", maxshape=(None, *SHAPE), chunks=(1, *SHAPE)),
        "frames of 2^40 pixels": _put("data", shape=(3, 1 << 20, 1 << 20), dtype="i4", chunks=(1, 64, 64)),
        "2^40 frames": _put("data", shape=(1 << 40, 4, 4), dtype="i4", chunks=(1, 4, 4)),
        "external storage": _external_storage,
        "a virtual source that is a system file": _virtual("/etc/passwd"),
        "a virtual source out of the folder": _virtual("../../other.h5"),
        "a virtual source that is missing": _virtual("lost.h5"),
        "a link to a system file": _linked("/etc/passwd"),
        "a link out of the folder": _linked("../run.h5"),
        "a link to itself": _linked("stack.h5"),
        "a link to a missing file": _linked("lost.h5"),
        "soft links in a circle": _soft_circle,
        "a group in itself": _hard_circle,
        "twenty thousand groups": _many,
        "groups too deep": _deep,
        "a filter that is not known": _unknown_filter,
    }
    found: list[tuple[str, Spoil]] = [(name, _stack_of(write)) for name, write in writes.items()]

    def contents(make: object, bench: Bench) -> list[object]:
        path = bench.scan / "stack.h5"
        make(path) if callable(make) else path.write_bytes(make)  # type: ignore[arg-type]
        return ["process", path, "--json", "--out", bench.folder / "out.h5"]

    found += [
        (name, functools.partial(contents, make))
        for name, make in {**CONTENTS, **NO_FILES}.items()
        if name != "a folder"
    ]
    found += [(f"cut at {cut}", functools.partial(_cut_stack, cut)) for cut in (8, 100, 600, 2000, 20_000)]
    other = _stack_of(_put("data", data=np.zeros((2, 5, 5), "i4")))
    return [*numbered("stack", found, "stack.h5"), Case("stack: of another detector", other, ("5x5", "geometry.poni"))]


def _cut_stack(cut: int, bench: Bench) -> list[object]:
    path = bench.scan / "stack.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.ones((3, *SHAPE), "i4")
    os.truncate(path, cut)
    return ["process", path, "--json", "--out", bench.folder / "out.h5"]


def _way(number: int, path: Path) -> list[object]:
    """One of the commands that read run files, in turn."""
    command, *options = WAYS[number % len(WAYS)]
    return [command, path, *options]


def _changed_run(number: int, change: Callable[[Path], object], bench: Bench) -> list[object]:
    path = bench.run()
    change(path)
    return _way(number, path)


def _without(name: str, path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["entry"][name]


def _instead(name: str, put: Callable[[h5py.Group, str], None], path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["entry"][name]
        put(file["entry"], name)


INSTEAD: dict[str, Callable[[h5py.Group, str], None]] = {
    "text": lambda group, name: group.__setitem__(name, "text"),
    "another shape": lambda group, name: group.__setitem__(name, np.zeros((2, 2, 2))),
    "external storage": lambda group, name: (
        group.create_dataset(name, (3,), "f8", external=[("/etc/passwd", 0, 24)]) and None
    ),
    "an external link": lambda group, name: group.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/x")),
    "a soft link to itself": lambda group, name: group.__setitem__(name, h5py.SoftLink(f"/entry/{name}")),
    "2^40 rows": lambda group, name: group.create_dataset(name, (1 << 40,), "f8", chunks=(1024,)) and None,
}


def _runs() -> list[Case]:
    found: list[tuple[str, Spoil]] = []

    def add(name: str, change: Callable[[Path], object]) -> None:
        found.append((name, functools.partial(_changed_run, len(found), change)))

    for name, content in CONTENTS.items():
        add(name, functools.partial(_rewritten, content))
    for name, make in NO_FILES.items():
        add(name, functools.partial(_replaced_by, make))
    for cut in (8, 96, 500, 3000, 30_000, 200_000):
        add(f"cut at {cut}", lambda path, cut=cut: os.truncate(path, cut))
    for name in DATASETS:
        if not name.startswith(("marks", "states", "lattice")):  # the views can be told from the rest
            add(f"without {name}", functools.partial(_without, name))
    for place, name in enumerate(DATASETS[:10]):
        for kind in list(INSTEAD)[place % 2 :: 2]:
            add(f"{kind} for {name}", functools.partial(_instead, name, INSTEAD[kind]))
    add("another kind of HDF5 file", _another_file)
    return numbered("run", found, "run.h5")


def _rewritten(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _replaced_by(make: Callable[[Path], None], path: Path) -> None:
    path.unlink()
    make(path)


def _another_file(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.zeros((2, 3, 3))
