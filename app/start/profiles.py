"""Profiles: set-ups in TOML, the same as experiment.toml, kept per user and per beamline."""

from collections.abc import Sequence
from pathlib import Path

import tomlkit
from platformdirs import site_config_path, user_config_path

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


def saved_profile(phases: Sequence[str]) -> Path:
    """Keep a set-up of these shipped phases as the user's profile and return its file.

    It has no composition scale: the cells of the phases' CIFs are not those of the user's end members. Raises UserError
    where it cannot be written.
    """
    text = profile_text(phases)
    path = profile_folders()[0] / f"{'_'.join(phases)}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One that was edited since is kept: the new one gets the next name.
        path = next(each for each in numbered(path) if not each.exists() or _holds(each, text))
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); check the folder") from None
    return path


def profile_text(phases: Sequence[str]) -> str:
    document = tomlkit.document()
    document["experiment"] = {"title": " + ".join(phases)}
    components = tomlkit.aot()
    for phase in phases:
        table = tomlkit.table()
        table.update({"name": phase, "phase": phase})
        components.append(table)
    document["component"] = components
    if len(phases) == 2:
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
