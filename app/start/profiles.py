"""Profiles: set-ups in TOML, the same as experiment.toml, kept per user and per beamline."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from platformdirs import site_config_path, user_config_path

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.record.run_file.names import numbered

FOLDER = "profiles"
LARGEST_BYTES = 1_000_000
SCALE_HINT = (
    "For the composition give the cells of your own two end members, measured in this set-up, and take the # away:",
    "[composition]",
    "first_A = ",
    "second_A = ",
)


def profile_folders() -> tuple[Path, Path]:
    """The user's own profiles, and those of the beamline (the machine's)."""
    own = user_config_path("latticewatch", appauthor=False) / FOLDER
    return own, site_config_path("latticewatch", appauthor=False) / FOLDER


def profiles() -> list[Path]:
    """Every profile, the user's own first."""
    return [path for folder in profile_folders() for path in sorted(folder.glob("*.toml"))]


@dataclass(frozen=True, slots=True)
class Choice:
    """One component of a new set-up. source: a shipped phase, or a CIF file. start_A: None: as the phase has it."""

    source: str | Path
    name: str
    is_spectator: bool = False
    start_A: float | None = None


def name_of(source: str | Path) -> str:
    """What a component of this phase is called: the columns of the trace take letters, digits and _ only."""
    stem = source.stem if isinstance(source, Path) else source
    return re.sub(r"[^A-Za-z0-9_]+", "_", stem).strip("_")[:32] or "phase"


def saved_profile(choices: Sequence[Choice], title: str = "") -> Path:
    """Keep a set-up of these components as the user's profile and return its file.

    Raises UserError where the set-up is not valid or cannot be written.
    """
    text = profile_text(choices, title)
    name = "_".join(choice.name for choice in choices)[:100]
    path = profile_folders()[0] / f"{name}.toml"
    experiment = parse_experiment(text, "the new set-up")
    for component in experiment.component:
        if component.role == "sample":
            read_phase(component.cif or component.phase or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One that was edited since is kept: the new one gets the next name.
        path = next(each for each in numbered(path) if not each.exists() or _holds(each, text))
        write_whole(path, text.encode(), lambda there: _holds(there, text))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); check the folder") from None
    return path


def profile_text(choices: Sequence[Choice], title: str = "") -> str:
    """The set-up as TOML. A composition is written only between two start cells that the user gave: nanocrystals are
    not of the CIFs' cells, and a scale between those would tell wrong fractions.
    """
    document = tomlkit.document()
    document["experiment"] = {"title": title or " + ".join(choice.name for choice in choices)}
    components = tomlkit.aot()
    for choice in choices:
        table = tomlkit.table()
        is_file = isinstance(choice.source, Path)
        table.update({"name": choice.name, "cif" if is_file else "phase": str(choice.source)})
        if choice.start_A is not None:
            table["lattice_parameter_A"] = choice.start_A
        if choice.is_spectator:
            table["role"] = "spectator"
        components.append(table)
    document["component"] = components
    cells = [choice.start_A for choice in choices if not choice.is_spectator]
    if len(cells) == 2 and None not in cells and cells[0] != cells[1]:
        document["composition"] = {"first_A": cells[0], "second_A": cells[1]}
    elif len(cells) == 2:
        document.add(tomlkit.nl())
        for line in SCALE_HINT:
            document.add(tomlkit.comment(line))
    return tomlkit.dumps(document)


def _holds(path: Path, text: str) -> bool:
    """Whether this file is there and holds this text; what cannot be read holds another."""
    try:
        return read_regular(path, LARGEST_BYTES) == text.encode()
    except OSError:
        return False
