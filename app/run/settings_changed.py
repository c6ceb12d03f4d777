"""What differs between two settings of a scan, and whether a run file can go on with the other ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from latticewatch.app.run.decisions import Inputs
from latticewatch.app.run.fingerprint import FRAMES
from latticewatch.app.run.given import Given
from latticewatch.processing.record.run_file.changes import IMAGE_KEYS, IMAGE_ROLES, Difference
from latticewatch.processing.record.run_file.header import COMMAND_LINE, Decision, InputFile

# Decisions that are files, by the role of the file.
ROLES = {"geometry": "poni", "mask": "mask", "dark": "dark", "flat": "flat", "background": "background",
         "accuracy": "accuracy"}  # fmt: skip
# What may change within a run file: decisions by name, and tables of experiment.toml. With anything else frames have,
# or may have, other angles, times or units: such rows do not belong into one file.
WITHIN = {"mask", "dark", "flat", "background", *IMAGE_KEYS, "[experiment] title", "[experiment] mixing_time_s"}
WITHIN_TABLES = ("[fit]", "[plateau]", "[phases]", "[map]", "[composition]", "[[component]]", "[[peak]]")
NONE = "none"


def differences(before: Inputs, after: Inputs) -> tuple[Difference, ...]:
    """Every setting that is another one, in the order of decision; a file counts by its content."""
    old, new = _told(before), _told(after)
    found = []
    for name in dict.fromkeys((*old, *new)):
        was, becomes = old.get(name, NONE), new.get(name, NONE)
        if name in ROLES:
            if _digest(before, ROLES[name]) == _digest(after, ROLES[name]):
                continue
            is_named_alike = Path(was).name == Path(becomes).name
            was, becomes = Path(was).name, "with other content" if is_named_alike else Path(becomes).name
        elif was == becomes:
            continue
        found.append(Difference(name, was, becomes))
    return tuple(found)


def needs_own_file(before: Inputs, after: Inputs) -> str:
    """Why rows with the other settings cannot go into the same run file; empty where they can."""
    names = [each.name for each in differences(before, after)]
    fixed = [name for name in names if name not in WITHIN and not name.startswith(WITHIN_TABLES)]
    if fixed:
        return f"{_listed(fixed)} cannot change within a run file"
    old, new = _samples(before), _samples(after)
    if old != new:
        return f"the columns of {', '.join(old)} cannot become those of {', '.join(new)} within a run file"
    if (before.experiment.composition is None) != (after.experiment.composition is None):
        return "a composition cannot begin or end within a run file"
    return ""


def changes_patterns(what: tuple[Difference, ...]) -> bool:
    """Whether images give other patterns."""
    return any(each.name in IMAGE_ROLES | IMAGE_KEYS for each in what)


def made_with(inputs: Sequence[InputFile]) -> set[tuple[str, str]]:
    """Roles and digests of what decides the numbers of a run: it is resumed only with the same."""
    return {(each.role, each.sha256) for each in inputs if each.role not in ("accuracy", FRAMES)}


def given_again(decided: tuple[Decision, ...], given: Given) -> Given:
    """What finds the settings of these decisions again. given: what the run began with, for what is never changed."""
    values = {each.name: each.value for each in decided}
    by_hand = {each.name for each in decided if each.source == COMMAND_LINE}
    mask, dark, flat, background = (
        Path(values[name]) if name in by_hand else None for name in ("mask", "dark", "flat", "background")
    )
    turned = values["orientation"] if "orientation" in by_hand else ""
    return replace(
        given,
        geometry=None if values["geometry"] == NONE else Path(values["geometry"]),
        experiment=Path(values["experiment"]),
        orientation=int(turned) if turned else None,
        mask=mask,
        dark=dark,
        flat=flat,
        background=background,
    )


def _samples(inputs: Inputs) -> list[str]:
    return [each.name for each in inputs.experiment.component if each.role == "sample"]


def _told(inputs: Inputs) -> Mapping[str, str]:
    """The decisions by name; paths of CIFs as they are found."""
    told = {each.name: each.value for each in inputs.decided if each.name != "experiment"}
    for name, value in told.items():
        if value != NONE and (name.endswith(" cif") or name == "[phases] library"):
            told[name] = str((inputs.folder / value).resolve())
    return told


def _digest(inputs: Inputs, role: str) -> str:
    return next((each.sha256 for each in inputs.files if each.role == role), "")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
