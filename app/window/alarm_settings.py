"""How alarms reach the operator, as chosen in the window: kept in the user's own state folder."""

import json
import logging
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from platformdirs import user_state_path

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular_text
from latticewatch.processing.files.write_whole import write_whole

log = logging.getLogger(__name__)

LARGEST_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """sound: one for each alarm. repeat: again every minute until somebody has seen it. notice: of the desktop."""

    sound: bool = True
    repeat: bool = True
    notice: bool = True


def settings_path() -> Path:
    return user_state_path("latticewatch", appauthor=False) / "alarms.json"


def read_settings(path: Path) -> AlarmSettings:
    """What was chosen; where that is not known, or is nonsense, everything is on: an alarm must not be lost by it."""
    try:
        kept = json.loads(read_regular_text(path, LARGEST_BYTES))
        return AlarmSettings(**{each.name: kept.get(each.name) is not False for each in fields(AlarmSettings)})
    except (OSError, ValueError, AttributeError):
        return AlarmSettings()


def keep_settings(settings: AlarmSettings, path: Path) -> None:
    """A folder that cannot be written is no reason to complain."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(settings)).encode())
    except (OSError, UserError) as error:
        log.info("how alarms are given is not kept: %s", error)
