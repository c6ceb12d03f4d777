"""What is changed most often of a set-up, as a form shows it, and the text of experiment.toml with it."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from latticewatch.app.run.given import CORRECTIONS
from latticewatch.app.start.profiles import Choice, profile_folders
from latticewatch.processing.config.experiment import ComponentTable, Experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.flow.peak import PeakRange
from latticewatch.processing.record.run_file.names import numbered

Range = tuple[float, float]
# Keys of [geometry] that name files, beside those that are chosen in boxes of their own.
FILES = ("poni", "accuracy")


@dataclass(frozen=True, slots=True)
class Setting:
    """components in their order. left_out: angles in degrees that are not fitted. tolerance: of the total change.
    peaks: followed without a structure."""

    components: tuple[Choice, ...]
    left_out: tuple[Range, ...]
    tolerance: float
    peaks: tuple[PeakRange, ...] = ()


def setting_of(experiment: Experiment, folder: Path) -> Setting:
    """What this set-up says. folder: what its paths are relative to."""
    return Setting(
        tuple(_choice(table, folder) for table in experiment.component),
        experiment.fit.exclude_two_theta_deg,
        experiment.plateau.tolerance,
        tuple(PeakRange(table.name, table.two_theta_deg) for table in experiment.peak),
    )


def changed_text(text: str, folder: Path, setting: Setting) -> str:
    """This experiment.toml with another setting; all else stays, comments too. Its paths become absolute, and mask,
    dark, flat and background are left out: they are chosen apart. So is [alarm]: a command that was found beside the
    frames must not become one of the user's own. Raises UserError where the text is no TOML."""
    try:
        document: Any = tomlkit.parse(text)
    except ValueError as error:
        raise UserError(f"the set-up is not valid TOML: {error}; fix it") from None
    document.pop("alarm", None)
    geometry = document.get("geometry", {})
    for key in CORRECTIONS:
        geometry.pop(key, None)
    for table, keys in ((geometry, FILES), (document.get("phases", {}), ("library",))):
        for key in keys:
            if key in table:
                table[key] = str((folder / table[key]).resolve())
    before = {table["name"]: table for table in document.pop("component", ())}
    components = tomlkit.aot()
    for choice in setting.components:
        components.append(_table(choice, before.get(choice.name), folder))
    if setting.components:
        document["component"] = components
    _put(document, "fit", "exclude_two_theta_deg", [list(each) for each in setting.left_out], [])
    _put(document, "plateau", "tolerance", setting.tolerance, 0.03)
    _put_peaks(document, setting.peaks)
    return tomlkit.dumps(document)


def _put_peaks(document: Any, peaks: Sequence[PeakRange]) -> None:
    there = [(table["name"], tuple(table["two_theta_deg"])) for table in document.get("peak", ())]
    if there == [(peak.name, peak.two_theta_deg) for peak in peaks]:
        return
    document.pop("peak", None)
    tables = tomlkit.aot()
    for peak in peaks:
        table = tomlkit.table()
        table.update({"name": peak.name, "two_theta_deg": list(peak.two_theta_deg)})
        tables.append(table)
    if peaks:
        document["peak"] = tables


def saved_setup(text: str, name: str) -> Path:
    """Keep this set-up among the user's profiles under this name, or with a number. Raises UserError."""
    path = profile_folders()[0] / f"{name}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path = next(each for each in numbered(path) if not each.exists())
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); check the folder") from None
    return path


def angles_told(ranges: Sequence[Range]) -> str:
    """``9.5-9.8, 12-12.4``"""
    return ", ".join(f"{low:.10g}-{high:.10g}" for low, high in ranges)


def angles_in(text: str) -> tuple[Range, ...]:
    """The ranges in such a text. Raises UserError.

    >>> angles_in("9.5-9.8, 12 - 12.4")
    ((9.5, 9.8), (12.0, 12.4))
    """
    found = []
    for part in filter(None, (part.strip() for part in text.replace(";", ",").replace("–", "-").split(","))):
        low, _, high = part.partition("-")
        try:
            limits = float(low), float(high)
        except ValueError:
            limits = math.nan, math.nan
        if not 0.0 <= limits[0] < limits[1] <= 180.0:
            raise UserError(f"“{part}” is no range of angles; write from-to in degrees, such as 9.5-9.8, 12-12.4")
        found.append(limits)
    return tuple(found)


def peaks_told(peaks: Sequence[PeakRange]) -> str:
    """``p211 14.2-15.7, other 16-16.5``"""
    return ", ".join(f"{peak.name} {angles_told([peak.two_theta_deg])}" for peak in peaks)


def peaks_in(text: str) -> tuple[PeakRange, ...]:
    """The peaks in such a text. Raises UserError.

    >>> peaks_in("p211 14.2-15.7")
    (PeakRange(name='p211', two_theta_deg=(14.2, 15.7)),)
    """
    found = []
    for part in filter(None, (part.strip() for part in text.replace(";", ",").split(","))):
        name, _, angles = part.partition(" ")
        if not angles.strip():
            raise UserError(f"“{part}” is no peak; write its name and a range in degrees, such as p211 14.2-15.7")
        found += [PeakRange(name, limits) for limits in angles_in(angles)]
    return tuple(found)


def another_peak(peaks: Sequence[PeakRange], two_theta_deg: Range) -> tuple[PeakRange, ...]:
    """These and one more, with a name that is free."""
    names = {peak.name for peak in peaks}
    name = next(name for number in itertools.count(1) if (name := f"p{number}") not in names)
    return (*peaks, PeakRange(name, two_theta_deg))


def _choice(table: ComponentTable, folder: Path) -> Choice:
    source: str | Path = (folder / table.cif).resolve() if table.cif else str(table.phase)
    return Choice(source, table.name, table.role == "spectator", table.lattice_parameter_A)


def _table(choice: Choice, before: Any, folder: Path) -> Any:
    """The component's table with this choice; what else it said of a component of this name stays."""
    table = tomlkit.table()
    for key, value in (before or {}).items():
        table[key] = value
    if "cif" in table:
        table["cif"] = str((folder / table["cif"]).resolve())
    is_file = isinstance(choice.source, Path)
    key, other = ("cif", "phase") if is_file else ("phase", "cif")
    wanted: dict[str, Any] = {"name": choice.name, key: str(choice.source)}
    if choice.is_spectator:
        wanted["role"] = "spectator"
    if choice.start_A is not None:
        wanted["lattice_parameter_A"] = choice.start_A
    for name, value in wanted.items():
        if table.get(name) != value:
            table[name] = value
    for name in {other, "role", "lattice_parameter_A"} - wanted.keys():
        table.pop(name, None)
    return table


def _put(document: Any, table: str, key: str, value: Any, default: Any) -> None:
    """The value in its table, where it is another one than is there."""
    there = document.get(table, {}).get(key, default)
    if there == value:
        return
    if table not in document:
        document[table] = tomlkit.table()
    document[table][key] = value
