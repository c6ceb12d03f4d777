"""Gaps that were filled, in a run's HDF5: the row holds what was found, ``fills`` what it was before."""

from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from latticewatch.processing.files import guarded_hdf5 as untrusted
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import NAN, Filled, Row
from latticewatch.processing.text import one_line

FILLS = {"frame": "i8", "reason": h5py.string_dtype(), "time_s": "f8"}
CHUNK = 64


def write_fill(entry: Any, datasets: Mapping[str, Any], values: Mapping[str, Any], row: Row) -> None:
    """Put this row with its values by path in the place of the gap of its frame, and keep what it was."""
    places = np.flatnonzero(entry["trace/frame"][:] == row.index)
    if not len(places):
        return
    place = int(places[-1])
    for path, dataset in datasets.items():
        dataset[place] = values[path]
    if row.pattern is not None:
        entry["map/intensity"][place], entry["map/intensity_errors"][place] = row.pattern.intensity, row.pattern.sigma
    write_parameters(entry["fits/parameters"], place, [row])
    note_fills(entry, [row])


def note_fills(entry: Any, rows: Sequence[Row]) -> None:
    """Keep what these rows were before their gaps were filled; of the others nothing."""
    kept = [(row.index, one_line(row.filled.reason), row.filled.time_s) for row in rows if row.filled is not None]
    if not kept:
        return
    if "fills" not in entry:
        group = entry.create_group("fills")
        group.attrs["NX_class"] = "NXcollection"
        for name, kind in FILLS.items():
            group.create_dataset(name, (0,), kind, maxshape=(None,), chunks=(CHUNK,))
    for name, values in zip(FILLS, zip(*kept, strict=True), strict=True):
        extend(entry["fills"][name], list(values))


def read_fills(file: Any, where: str) -> dict[int, Filled]:
    """What the rows of these frames were before they were filled. Raises UserError."""
    if "fills" not in file["entry"]:
        return {}
    count = min(len(untrusted.dataset(file, f"entry/fills/{name}", where)) for name in FILLS)
    frames = untrusted.numbers(file, "entry/fills/frame", where, count)
    reasons = untrusted.texts(file, "entry/fills/reason", where, count)
    times = untrusted.numbers(file, "entry/fills/time_s", where, count)
    lines = zip(frames, reasons, times, strict=True)
    return {int(frame): Filled(one_line(reason), float(time_s)) for frame, reason, time_s in lines}


def extend(dataset: Any, values: list[Any]) -> None:
    """Put these values behind the others."""
    start = len(dataset)
    dataset.resize((start + len(values),))
    dataset[start:] = values


def write_parameters(dataset: Any, start: int, rows: Sequence[Row]) -> None:
    """The parameters of these rows' fits, from line ``start`` on; the dataset grows where it is too small."""
    found = [np.empty(0) if isinstance(row.fit, NoResult) else row.fit.parameters for row in rows]
    lines, width = dataset.shape
    block = np.full((len(rows), max([width, *map(len, found)])), NAN)
    for line, each in zip(block, found, strict=True):
        line[: len(each)] = each
    dataset.resize((max(lines, start + len(rows)), block.shape[1]))
    if block.size:
        dataset[start : start + len(rows)] = block
