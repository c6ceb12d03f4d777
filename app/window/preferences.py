"""What the user prefers in every run, as chosen in the window: kept in the user's own folder of settings."""

import json
import logging
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular_text
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.widgets.map_bar import UNITS
from latticewatch.widgets.theme import DARK, LIGHT, Theme

log = logging.getLogger(__name__)

LARGEST_BYTES = 100_000
SIZES = (1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Preferences:
    """dark: the theme of windows. size: of everything in them, 1 is usual; from the next start on. angles: unit of the
    scattering angle. clock: time of day on the axes, where the files tell it. runs: the folder of new runs that the
    start dialog offers; None: beside the scan's folder.

    sound, repeat: one for each alarm, and again every minute until somebody has seen it. notice: of the desktop.
    command: run for each alarm, with the alarm and the run's title as its last arguments; empty: none.
    """

    dark: bool = False
    size: float = 1.0
    angles: str = UNITS[0]
    clock: bool = False
    runs: Path | None = None
    sound: bool = True
    repeat: bool = True
    notice: bool = True
    command: tuple[str, ...] = ()


class Preferred:
    """The preferences as they are ``now``, read once and kept at each change.

    kept_in: their file; None: they are the usual ones, and kept nowhere.
    """

    def __init__(self, kept_in: Path | None = None) -> None:
        self._kept_in = kept_in
        self.now = read_preferences(kept_in) if kept_in is not None else Preferences()

    def take(self, preferences: Preferences) -> None:
        """A folder that cannot be written is no reason to complain."""
        self.now = preferences
        if self._kept_in is None:
            return
        try:
            self._kept_in.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._kept_in, json.dumps(asdict(preferences), indent=1, default=str).encode())
        except (OSError, UserError) as error:
            log.info("preferences are not kept: %s", error)

    def change(self, **values: Any) -> None:
        self.take(replace(self.now, **values))


def preferences_path() -> Path:
    return user_config_path("latticewatch", appauthor=False) / "preferences.json"


def read_preferences(path: Path) -> Preferences:
    """What was chosen; what is not known of it, or is nonsense, is as usual: no alarm is lost by it."""
    try:
        kept = json.loads(read_regular_text(path, LARGEST_BYTES))
    except (OSError, ValueError):
        return Preferences()
    return _read(kept) if isinstance(kept, Mapping) else Preferences()


def _read(kept: Mapping[str, Any]) -> Preferences:
    usual = Preferences()
    switches = {
        name: value
        for name in ("dark", "clock", "sound", "repeat", "notice")
        if isinstance(value := kept.get(name), bool)
    }
    runs, command = kept.get("runs"), kept.get("command")
    is_command = isinstance(command, list) and all(isinstance(each, str) and "\0" not in each for each in command)
    return replace(
        usual,
        **switches,
        size=kept["size"] if kept.get("size") in SIZES else usual.size,
        angles=kept["angles"] if kept.get("angles") in UNITS else usual.angles,
        runs=Path(runs) if isinstance(runs, str) and Path(runs).is_absolute() and "\0" not in runs else None,
        command=tuple(command) if command and is_command else (),
    )


def theme_of(preferences: Preferences) -> Theme:
    return DARK if preferences.dark else LIGHT


def command_of(text: str) -> tuple[str, ...]:
    """The command that is written there, as a shell splits it. Raises UserError where it cannot be run."""
    try:
        command = tuple(shlex.split(text))
    except ValueError as error:
        raise UserError(f"command: {str(error).lower()}; close the quotation") from None
    if command and shutil.which(command[0]) is None:
        raise UserError(f"command: {command[0]} is no program that can be run; give its path")
    return command
