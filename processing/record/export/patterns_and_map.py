"""Patterns and map in the formats of other programs."""

import math
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.closed_hdf5 import close_hdf5, opened_hdf5
from latticewatch.processing.files.error_latching_file import ErrorLatchingFile, failure_raised
from latticewatch.processing.files.guarded_hdf5 import child, damage_said, open_hdf5
from latticewatch.processing.files.regular_file import open_regular
from latticewatch.processing.files.write_whole import replace_whole, write_whole
from latticewatch.processing.flow.accuracy import Accuracy, source_of
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.export.figures import FIGURE_SUFFIXES, draw_map
from latticewatch.processing.record.run_file.reader import Run

FRAME_SUFFIX = re.compile(r"(\.(cbf|tiff?|edf|mar\w*|mccd|img|sfrm|gfrm|raw|h5|nxs|hdf5?))?(\.(gz|bz2|xz))?$", re.I)
LONGEST_NAME = 180
BLOCK_ROWS = 256
HDF5_SUFFIXES = (".h5", ".hdf5", ".nxs")


def export_patterns(run: Run, folder: Path) -> int:
    """Write every pattern as ``FRAME.xye`` (2θ in deg, intensity, sigma) into the folder, made if need be.

    Bins without a valid pixel are left out; intensities have all the digits they were recorded with.
    Returns the number of files. Raises UserError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from None
    count = 0
    taken: set[str] = set()
    for row in run.rows:
        if row.pattern is not None:
            text = pattern_text(row, run.setup.accuracy)
            write_whole(folder / _free_name(row, taken), text.encode())
            count += 1
    return count


def pattern_text(row: Row, accuracy: Accuracy | None = None) -> str:
    """One pattern as .xye: comment lines that begin with #, then 2θ, intensity and sigma on each line."""
    pattern = row.pattern
    if pattern is None:
        raise ValueError("a row without a pattern")
    lines = [f"# {row.name}", f"# time {row.time_s:.6f} s from the first frame", *_lp(row, accuracy)]
    lines.append("# 2theta (deg), intensity, sigma")
    valid = np.isfinite(pattern.intensity) & np.isfinite(pattern.sigma)
    table = zip(pattern.two_theta[valid], pattern.intensity[valid], pattern.sigma[valid], strict=True)
    lines += [f"{angle:.6f} {intensity!s} {sigma!s}" for angle, intensity, sigma in table]
    return "\n".join(lines) + "\n"


def export_map(run: Run, path: Path) -> None:
    """Write the 2θ-time map: .npz, .csv, .h5 with all bins, .png, .svg, .pdf as a picture of the run's window.

    Raises UserError for other suffixes and where it cannot be written.
    """
    suffix = path.suffix.lower()
    writers = {".npz": _map_npz, ".csv": _map_csv, **dict.fromkeys(HDF5_SUFFIXES, _map_hdf5)}
    if suffix in FIGURE_SUFFIXES:
        draw_map(run, path)
    elif suffix in writers:
        replace_whole(path, partial(writers[suffix], run), _is_map)
    else:
        known = ", ".join((*writers, *FIGURE_SUFFIXES))
        raise UserError(f"{path}: no map of this kind; end the name with one of {known}")


def _lp(row: Row, accuracy: Accuracy | None) -> tuple[str, ...]:
    fit = row.fit
    if isinstance(fit, NoResult):
        return (f"# no lattice parameter: {fit.reason}",)
    if math.isnan(fit.lp_mean_A):
        return ("# unlike crystals have no mean lattice parameter; the trace has the cell of each",)
    mean = f"# mean lattice parameter {fit.lp_mean_A:.7f} +- {fit.lp_mean_esd_A:.7f} angstrom (esd of the fit)"
    if accuracy is None:
        return (f"{mean}, accuracy not determined",)
    off = f"{accuracy.of(fit.lp_mean_A):.7f} angstrom (accuracy: {source_of(accuracy)})"
    return (f"{mean} +- {off}",)


def _free_name(row: Row, taken: set[str]) -> str:
    """A file name in one folder, whatever the frame is called, and not one that was given before."""
    name = FRAME_SUFFIX.sub("", row.name)
    name = re.sub(r"[^\w.,+=#%@ -]", "_", name)[-LONGEST_NAME:].lstrip(". ") or f"frame_{row.index}"
    if name.lower() in taken:
        name = f"{name}_{row.index}"
    taken.add(name.lower())
    return f"{name}.xye"


def _times(run: Run) -> list[float]:
    return [row.time_s for row in run.traced]


def _blocks(run: Run) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    for start in range(0, len(run.rows), BLOCK_ROWS):
        yield run.intensity(start, start + BLOCK_ROWS)


def _map_npz(run: Run, path: Path) -> None:
    np.savez(path, two_theta_deg=run.two_theta, time_s=_times(run), intensity=run.intensity())


def _map_csv(run: Run, path: Path) -> None:
    with path.open("w", encoding="utf-8") as lines:
        lines.write(_csv_line(["time_s", *(f"{angle:.6f}" for angle in run.two_theta)]))
        times = iter(_times(run))
        for block in _blocks(run):
            for values in block:
                cells = ("" if np.isnan(value) else str(value) for value in values)
                lines.write(_csv_line([f"{next(times):.6f}", *cells]))


def _csv_line(cells: Iterable[str]) -> str:
    return ",".join(cells) + "\n"


def _map_hdf5(run: Run, path: Path) -> None:
    out = ErrorLatchingFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    with failure_raised(out), closing(out):
        try:
            _write_hdf5(run, out, opened_hdf5(out, "w"))
        finally:
            close_hdf5(out)


def _is_map(path: Path) -> bool:
    """Whether this file is one that ``_map_hdf5`` or ``_map_npz`` wrote."""
    try:
        if path.suffix.lower() == ".npz":
            with open_regular(path) as archive, zipfile.ZipFile(archive) as arrays:
                return arrays.namelist() == ["two_theta_deg.npy", "time_s.npy", "intensity.npy"]
        with open_hdf5(path) as file, damage_said(str(path)):
            return list(child(file, "entry", str(path))) == ["map"] and list(file) == ["entry"]
    except (UserError, OSError, zipfile.BadZipFile):
        return False


def _write_hdf5(run: Run, out: ErrorLatchingFile, file: Any) -> None:
    file.attrs.update(NX_class="NXroot", default="entry")
    entry = file.create_group("entry")
    entry.attrs.update(NX_class="NXentry", default="map")
    group = entry.create_group("map")
    group.attrs.update(NX_class="NXdata", signal="intensity", axes=["time_s", "two_theta"])
    group["title"] = run.header.title or "LatticeWatch run"
    group["time_s"], group["two_theta"] = _times(run), run.two_theta
    group["time_s"].attrs["units"], group["two_theta"].attrs["units"] = "s", "degree"
    made = group.create_dataset("intensity", (len(run.rows), len(run.two_theta)), "f4")
    for number, block in enumerate(_blocks(run)):
        if out.failure is not None:
            return
        made[number * BLOCK_ROWS : number * BLOCK_ROWS + len(block)] = block
