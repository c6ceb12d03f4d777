"""Changes of a running scan's settings, as the run file keeps them: since which frame, when, why, from what to what."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import h5py
from pydantic import TypeAdapter, ValidationError

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.errors import UserError
from latticewatch.processing.files import guarded_hdf5 as untrusted
from latticewatch.processing.flow.row_fields import Kept
from latticewatch.processing.record.run_file.header import Decision, InputFile, RunHeader, with_parsed_phases
from latticewatch.processing.record.run_file.nexus_fills import extend

COLUMNS = {"segment": "i8", "frame": "i8", "time_s": "f8", "changed_s": "f8", "why": "text", "what": "text"}
RECORD = "record"
CHUNK = 8
# What frames are corrected with before they are patterns: files by their role, and keys of experiment.toml.
IMAGE_ROLES = {"mask", "dark", "flat"}
IMAGE_KEYS = {"[geometry] mask_nonzero", "[geometry] mask_orientation", "[geometry] polarization"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting before and after."""

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.name}: {self.old} → {self.new}"


@dataclass(frozen=True, slots=True)
class Change:
    """The settings of all rows of one segment, and how they differ from those of the segment before.

    segment: 1 for the first change. frame: number of its first row. time_s: of the newest row before, from the first
    frame. changed_s: clock. why: the user's words. is_undo: the settings are those before the last change. keeps_fits:
    frames are integrated and fitted as before, and only judged otherwise. setup, experiment_toml, inputs, decided: as
    in ``RunHeader``.
    """

    segment: int
    frame: int
    time_s: float
    changed_s: float
    why: str
    what: tuple[Difference, ...]
    is_undo: bool
    keeps_fits: bool
    setup: Setup
    experiment_toml: str
    inputs: tuple[InputFile, ...]
    decided: tuple[Decision, ...]

    @property
    def label(self) -> str:
        """In few words, why or else what: what a mark says."""
        first = str(self.what[0]).removeprefix("[[component]] ") if self.what else "settings"
        more = f" and {len(self.what) - 1} more" if self.what[1:] else ""
        return f"{'undone' if self.is_undo else 'changed'}: {self.why or f'{first}{more}'}"

    def __str__(self) -> str:
        told = "; ".join(map(str, self.what))
        return f"{'undone' if self.is_undo else 'changed'}: {told}{f' ({self.why})' if self.why else ''}"


def header_after(header: RunHeader, changes: Sequence[Change]) -> RunHeader:
    """What a run's header would say had it begun with the settings that it had last."""
    if not changes:
        return header
    last = changes[-1]
    return dataclasses.replace(
        header, setup=last.setup, experiment_toml=last.experiment_toml, inputs=last.inputs, decided=last.decided
    )


def kept_after(header: RunHeader, changes: Sequence[Change]) -> Kept:
    """What decides the columns of a run with these changes: they may follow further peaks."""
    peaks = (peak.name for change in changes for peak in change.setup.peaks)
    return dataclasses.replace(header.kept, peaks=tuple(dict.fromkeys((*header.kept.peaks, *peaks))))


class Settings(Protocol):
    """What a run began with (its header), or what a change made of that."""

    @property
    def setup(self) -> Setup: ...

    @property
    def inputs(self) -> Sequence[InputFile]: ...

    @property
    def decided(self) -> Sequence[Decision]: ...


def fits_alike(one: Settings, other: Settings) -> bool:
    """Whether frames are integrated and fitted in the same way, however they are judged."""
    return _what_fits_depend_on(one) == _what_fits_depend_on(other)


def alike_segments(began: Settings, changes: Sequence[Change]) -> frozenset[int]:
    """The segments whose frames were integrated and fitted as those of the last one. began: what the run began with."""
    numbered: list[tuple[int, Settings]] = [(0, began), *((change.segment, change) for change in changes)]
    last = _what_fits_depend_on(numbered[-1][1])
    return frozenset(number for number, each in numbered if _what_fits_depend_on(each) == last)


def _what_fits_depend_on(settings: Settings) -> tuple[bytes, frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    # What only says how fits are shown, judged and told; a key that is not named here is taken to change them. Peaks
    # are fitted beside the lattices, each pattern by itself.
    fitted = dataclasses.replace(
        settings.setup,
        title="",
        window_deg=(0.0, 0.0),
        reflection=(0, 0, 1),
        composition=None,
        mixing_time_s=None,
        frame_period_s=None,
        tolerance=0.0,
        end="merge",
        accuracy=None,
        library=(),
        peaks=() if settings.setup.components else settings.setup.peaks,
    )
    return (
        TypeAdapter(Setup).dump_json(fitted),
        frozenset((each.role, each.sha256) for each in settings.inputs if each.role in IMAGE_ROLES),
        frozenset((each.name, each.value) for each in settings.decided if each.name in IMAGE_KEYS),
    )


def lost_segments(changes: Sequence[Change], segments: Iterable[int]) -> list[int]:
    """Segments that rows have and no change tells of."""
    known = {0, *(change.segment for change in changes)}
    return sorted({max(0, int(segment)) for segment in segments} - known)


def change_to_json(change: Change) -> bytes:
    """The change as JSON; floats come back bit for bit."""
    return TypeAdapter(Change).dump_json(change)


def change_from_json(text: str | bytes, where: str) -> Change:
    """The change in this JSON, its phases parsed anew from their CIF text. Raises UserError naming ``where``."""
    try:
        change = TypeAdapter(Change).validate_json(text)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"]) or "all of it"
        raise UserError(f"{where}: the record of a change is damaged ({key}); give an intact run file") from None
    return dataclasses.replace(change, setup=with_parsed_phases(change.setup, where))


def write_change(entry: Any, change: Change) -> None:
    """Put this change behind the others of the run's HDF5; the group is there only where there are any."""
    if "changes" not in entry:
        group = entry.create_group("changes")
        group.attrs["NX_class"] = "NXcollection"
        for name, kind in (*COLUMNS.items(), (RECORD, "text")):
            dtype = h5py.string_dtype() if kind == "text" else kind
            group.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(CHUNK,))
            if name.endswith("_s"):
                group[name].attrs["units"] = "s"
    for name in COLUMNS:
        value = "\n".join(map(str, change.what)) if name == "what" else getattr(change, name)
        extend(entry[f"changes/{name}"], [value.replace("\0", " ") if isinstance(value, str) else value])
    extend(entry[f"changes/{RECORD}"], [change_to_json(change).decode()])


def read_changes(file: Any, where: str) -> tuple[Change, ...]:
    """The changes that the run's HDF5 holds, in their order. Raises UserError."""
    if "changes" not in file["entry"]:
        return ()
    return tuple(change_from_json(text, where) for text in untrusted.texts(file, f"entry/changes/{RECORD}", where))
