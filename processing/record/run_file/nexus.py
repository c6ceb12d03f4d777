"""The run as a NeXus file: opens on its 2θ-time map in silx view, NexPy and h5web without a setting."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.files.closed_hdf5 import close_hdf5, opened_hdf5
from latticewatch.processing.files.error_latching_file import ErrorLatchingFile, failure_raised
from latticewatch.processing.files.guarded_hdf5 import DAMAGE
from latticewatch.processing.flow.accuracy import Accuracy, signs_of
from latticewatch.processing.flow.row_fields import Column, Value, columns_of, values_of
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.record.run_file.account import write_account
from latticewatch.processing.record.run_file.changes import Change, kept_after, read_changes, write_change
from latticewatch.processing.record.run_file.header import RunHeader, header_to_json
from latticewatch.processing.record.run_file.nexus_fills import extend, note_fills, write_fill, write_parameters

FORMAT = "latticewatch-run/1"
MAP_CHUNK_BYTES = 1 << 20
COLUMN_CHUNK = 512
PARAMETER_CHUNK = (64, 32)
NOTES = {"time_s": "f8", "written_s": "f8", "kind": "text", "text": "text"}
STATES = {"state": "text", "declared_s": "f8", "frame": "i8", "since_s": "f8"}


class NexusFile:
    """Appends to a run's HDF5. Rows come in blocks: one block costs about 3 ms, however short it is.

    Its handle does not fail, since HDF5 must not meet an error; it is not closed here.
    """

    def __init__(self, handle: ErrorLatchingFile, header: RunHeader, mode: str) -> None:
        self._handle = handle
        self._file = opened_hdf5(handle, mode)
        self._header = header
        self._columns: Sequence[Column] = header.columns
        self._changes: list[Change] = []
        self._datasets: dict[str, Any] = {}
        self._state = ""

    @classmethod
    def create(
        cls, handle: ErrorLatchingFile, header: RunHeader, two_theta: NDArray[np.float64], run_id: str
    ) -> "NexusFile":
        made = cls(handle, header, "w")
        with made._closed_on_error():
            made._lay_out(two_theta, run_id)
            made._find_datasets()
        return made

    @classmethod
    def reopen(cls, handle: ErrorLatchingFile, header: RunHeader) -> Self:
        """A file made by ``create``, to be continued. Columns that the version which made it did not have are added."""
        made = cls(handle, header, "r+")
        with made._closed_on_error():
            made._add_columns(read_changes(made._file, "the run file"))
            states = made._entry["states/state"]
            made._state = states.asstr()[-1] if len(states) else ""
        return made

    def append(self, rows: Sequence[Row]) -> None:
        values = [self._values(row) for row in rows]
        for path, dataset in self._datasets.items():
            extend(dataset, [each[path] for each in values])
        for name, attribute in (("intensity", "intensity"), ("intensity_errors", "sigma")):
            _extend_map(self._entry["map"][name], rows, attribute)
        parameters = self._entry["fits/parameters"]
        write_parameters(parameters, len(parameters), rows)
        self._append_states(rows)
        note_fills(self._entry, rows)

    def fill(self, row: Row) -> None:
        """Put this row in the place of the gap of its frame; the states stay as they were declared."""
        write_fill(self._entry, self._datasets, self._values(row), row)

    def append_change(self, change: Change) -> None:
        write_change(self._entry, change)
        self._add_columns([change])

    def append_notes(self, notes: Sequence[tuple[float, float, str, str]]) -> None:
        """Add notes: seconds from the first frame, clock, kind, text."""
        for name, values in zip(NOTES, zip(*notes, strict=True), strict=True):
            extend(self._entry["marks"][name], list(values))

    def set_defects(self, hot: NDArray[np.int64], dead: NDArray[np.int64]) -> None:
        """Keep the pixels found hot and dead: (n, 2) row and column. Replaces an earlier finding."""
        group = self._entry["defects"]
        for name, pixels in (("hot", hot), ("dead", dead)):
            if name in group:
                del group[name]
            group.create_dataset(name, data=pixels.reshape(-1, 2))

    def names(self) -> frozenset[str]:
        return frozenset(self._entry["trace/file"].asstr()[:])

    def newest_frame(self) -> int:
        """The frame of the last row; -1 while there is none."""
        frames = self._entry["trace/frame"]
        return int(frames[-1]) if len(frames) else -1

    def set_account(self, waiting: int, left_out: int) -> None:
        """Keep how many frames still wait and how many files were left out, and what the rows come to."""
        write_account(self._entry, waiting, left_out)

    def finish(self, ended_s: float) -> None:
        if "end_time" in self._entry:
            del self._entry["end_time"]
        self._entry["end_time"] = _iso(ended_s)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        close_hdf5(self._handle)

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """An open HDF5 file never outlives the handle that it writes to. Raises OSError where the handle met one."""
        try:
            with failure_raised(self._handle):
                yield
        except BaseException:
            with contextlib.suppress(*DAMAGE):
                self.close()
            raise

    @property
    def _entry(self) -> Any:
        return self._file["entry"]

    def _add_columns(self, changes: Sequence[Change]) -> None:
        """Those of the peaks that these changes follow, and what else the file lacks."""
        self._changes += changes
        self._columns = columns_of(kept_after(self._header, self._changes))
        rows = len(self._entry["trace/frame"])
        for column in self._columns:
            if column.path not in self._entry:
                _column(self._entry, column, rows)
        self._find_datasets()

    def _find_datasets(self) -> None:
        """Looked up once: it costs more than writing to them."""
        self._datasets = {column.path: self._entry[column.path] for column in self._columns}

    def _values(self, row: Row) -> dict[str, Value]:
        return values_of(row, self._columns, self._header.setup.accuracy)

    def _append_states(self, rows: Sequence[Row]) -> None:
        changes = []
        for row in rows:
            if row.verdict.state != self._state:
                self._state = str(row.verdict.state)
                changes.append((self._state, row.time_s, row.index, row.verdict.since_s))
        if changes:
            for name, values in zip(STATES, zip(*changes, strict=True), strict=True):
                extend(self._entry["states"][name], list(values))

    def _lay_out(self, two_theta: NDArray[np.float64], run_id: str) -> None:
        header = self._header
        _mark(self._file, "NXroot", default="entry", creator="LatticeWatch", file_time=_iso(header.started_s))
        entry = _group(self._file, "entry", "NXentry", default="map")
        entry["title"] = header.title or "LatticeWatch run"
        entry["start_time"] = _iso(header.started_s)
        entry["program_name"] = "LatticeWatch"
        entry["program_name"].attrs["version"] = header.software.get("latticewatch", "unknown")
        _lay_out_columns(entry, header.columns)
        _lay_out_map(entry, two_theta, header)
        # As plots the Lp trace, and the composition where there is one; their columns are the trace's own.
        crystals = header.kept.crystals
        names = [f"lp_{each.name}" if each.is_cubic else f"a_{each.name}" for each in crystals]
        means = ["lp_mean"] if all(each.is_cubic for each in crystals) else []
        note = f" ({signs_of(header.setup.accuracy)})"
        if names:
            _plot(entry, "lattice_parameters", "lattice parameter (Å)", "_A", [*means, *names], note)
        peaks = [f"peak_{peak.name}" for peak in header.setup.peaks]
        if peaks:
            _plot(entry, "peak_positions", "2θ (deg)", "_deg", [f"{peak}_two_theta" for peak in peaks])
            _plot(entry, "peak_areas", "area (counts deg)", "", [f"{peak}_area" for peak in peaks])
        if header.setup.composition is not None:
            _plot(entry, "composition", "fraction", "", ["fraction"])
        _lay_out_about(entry, header, run_id)


def _lay_out_columns(entry: Any, columns: Sequence[Column]) -> None:
    for name in dict.fromkeys(column.path.split("/")[0] for column in columns):
        _group(entry, name, "NXcollection")
    for column in columns:
        _column(entry, column)
    entry["fits"].create_dataset(
        "parameters", (0, 0), "f8", maxshape=(None, None), chunks=PARAMETER_CHUNK, fillvalue=NAN
    )
    for name, dtypes in (("states", STATES), ("marks", NOTES)):
        group = _group(entry, name, "NXcollection")
        for path, dtype in dtypes.items():
            _extendable(group, path, dtype, unit="s" if path.endswith("_s") else "")
    _group(entry, "defects", "NXcollection")


def _lay_out_map(entry: Any, two_theta: NDArray[np.float64], header: RunHeader) -> None:
    group = _group(entry, "map", "NXdata", signal="intensity", axes=["time_s", "two_theta"], two_theta_indices=1)
    group.attrs["time_s_indices"] = 0
    group["title"] = header.title or "LatticeWatch run"
    group["two_theta"] = two_theta
    group["two_theta"].attrs.update(units="degree", long_name="2θ (deg)")
    group["time_s"] = entry["trace/time_s"]
    group["time_s"].attrs["long_name"] = "time (s)"
    bins = len(two_theta)
    lines = int(np.clip(MAP_CHUNK_BYTES // (4 * bins), 1, 32))
    for name, label in (("intensity", "intensity (counts per pixel)"), ("intensity_errors", "sigma")):
        made = group.create_dataset(name, (0, bins), "f4", maxshape=(None, bins), chunks=(lines, bins), fillvalue=NAN)
        made.attrs.update(units="counts", long_name=label)
    instrument = _group(entry, "instrument", "NXinstrument")
    monochromator = _group(instrument, "monochromator", "NXmonochromator")
    monochromator["wavelength"] = header.setup.wavelength_A
    monochromator["wavelength"].attrs["units"] = "angstrom"
    _lay_out_accuracy(instrument, header.setup.accuracy)


def _lay_out_accuracy(instrument: Any, accuracy: Accuracy | None) -> None:
    """What a standard said of the geometry; always there, so that nobody takes the esd for all there is."""
    group = _group(instrument, "geometry_accuracy", "NXcollection", description=signs_of(accuracy))
    if accuracy is not None:
        group["accuracy_ppm"] = accuracy.ppm
        group["accuracy_ppm"].attrs["units"] = "ppm"
        for name in ("calibrant", "frame", "poni", "poni_sha256"):
            group[name] = getattr(accuracy, name).replace("\0", "")
        group["orientation"], group["rings"] = accuracy.orientation, accuracy.rings
        group["checked"] = accuracy.checked.isoformat()


def _plot(entry: Any, name: str, label: str, unit: str, curves: list[str], note: str = "") -> None:
    signals = [f"{curve}{unit}" for curve in curves]
    group = _group(entry, name, "NXdata", signal=signals[0], axes=["time_s"], time_s_indices=0)
    if signals[1:]:
        group.attrs["auxiliary_signals"] = signals[1:]
    group["title"] = f"{label} against time{note}"
    group["time_s"] = entry["trace/time_s"]
    for curve, signal in zip(curves, signals, strict=True):
        group[signal] = entry[f"trace/{signal}"]
        group[signal].attrs["long_name"] = label if signal == signals[0] else signal
        group[f"{signal}_errors"] = entry[f"trace/{curve}_esd{unit}"]


def _lay_out_about(entry: Any, header: RunHeader, run_id: str) -> None:
    about = _group(entry, "latticewatch", "NXcollection")
    about["format"] = FORMAT
    about["run_id"] = run_id
    about["header"] = header_to_json(header)
    software = _group(about, "software", "NXcollection")
    for name, version in header.software.items():
        software[name.replace("/", "_")] = version
    inputs = _group(about, "inputs", "NXcollection")
    for number, each in enumerate(header.inputs):
        note = _group(inputs, f"{number}_{each.role}", "NXcollection")
        note["file_name"] = each.name.replace("\0", "")
        note["sha256"] = each.sha256
        if each.text is not None:
            note["text"] = each.text
    components = _group(about, "components", "NXcollection")
    for component in header.setup.components:
        group = _group(components, component.name, "NXcollection")
        group["cif"] = component.phase.cif_text.replace("\0", "")
        group["lattice_parameter_start"] = component.lattice_parameter_A
        group["lattice_parameter_start"].attrs["units"] = "angstrom"


def _group(parent: Any, name: str, kind: str, **attributes: Any) -> Any:
    made = parent.create_group(name)
    _mark(made, kind, **attributes)
    return made


def _mark(group: Any, kind: str, **attributes: Any) -> None:
    group.attrs["NX_class"] = kind
    for name, value in attributes.items():
        group.attrs[name] = value


def _column(entry: Any, column: Column, rows: int = 0) -> None:
    """A dataset for this column; the rows that are there do not know their value."""
    quantity = column.field.quantity
    _extendable(entry, column.path, quantity.dtype, quantity.unit)
    extend(entry[column.path], [quantity.unknown] * rows)


def _extendable(group: Any, path: str, dtype: str, unit: str) -> None:
    kind = h5py.string_dtype() if dtype == "text" else dtype
    made = group.create_dataset(path, (0,), kind, maxshape=(None,), chunks=(COLUMN_CHUNK,))
    if unit:
        made.attrs["units"] = unit


def _extend_map(dataset: Any, rows: Sequence[Row], values: str) -> None:
    block = np.full((len(rows), dataset.shape[1]), NAN, np.float32)
    for line, row in zip(block, rows, strict=True):
        if row.pattern is not None:
            line[:] = getattr(row.pattern, values)
    start = len(dataset)
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = block


def _iso(clock_s: float) -> str:
    """Empty where no calendar has it, as in a journal that somebody made."""
    try:
        return datetime.fromtimestamp(clock_s, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return ""
