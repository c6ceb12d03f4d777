"""What was chosen before: folders, geometries and set-ups, offered again by the start dialog."""

import json
import logging
from pathlib import Path

from platformdirs import user_state_path

from latticewatch.app.run.given import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular_text
from latticewatch.processing.files.write_whole import write_whole

log = logging.getLogger(__name__)

KINDS = ("folder", "geometry", "setup")
MOST, LARGEST_BYTES = 8, 100_000
Recent = dict[str, list[Path]]


def recent_path() -> Path:
    return user_state_path("latticewatch", appauthor=False) / "recent.json"


def recent() -> Recent:
    """For each kind what is still there, the newest first; a file that does not read as one counts for nothing."""
    try:
        kept = json.loads(read_regular_text(recent_path(), LARGEST_BYTES))
        return {kind: [path for path in map(Path, kept[kind]) if path.exists()] for kind in KINDS}
    except (OSError, ValueError, KeyError, TypeError):
        return {kind: [] for kind in KINDS}


def remember(folder: Path, given: Given) -> None:
    """These were chosen now. A folder that cannot be written is no reason to complain."""
    kept = recent()
    for kind, path in zip(KINDS, (folder, given.geometry, given.experiment), strict=True):
        if path is not None:
            kept[kind] = list(dict.fromkeys((path.resolve(), *kept[kind])))[:MOST]
    try:
        recent_path().parent.mkdir(parents=True, exist_ok=True)
        write_whole(recent_path(), json.dumps(kept, indent=1, default=str).encode())
    except (OSError, UserError) as error:
        log.info("what was chosen is not kept: %s", error)
