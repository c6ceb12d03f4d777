"""What was chosen before: folders, geometries and set-ups, offered again by the start dialog."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from latticewatch.app.run.given import Given
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular_text
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.sources.streams.address import is_stream

log = logging.getLogger(__name__)

KINDS = ("folder", "geometry", "setup")
PATHS = ("geometry", "experiment", "mask", "dark", "flat", "background")
MOST, MOST_SCANS, LARGEST_BYTES = 8, 50, 200_000
Recent = dict[str, list[Path]]


@dataclass(frozen=True, slots=True)
class Recalled:
    """One scan that was watched: its folder, what was chosen for it, its run file, and the stream that it filled."""

    folder: Path
    given: Given
    out: Path | None = None
    stream: str = ""


def recent_path() -> Path:
    return user_state_path("latticewatch", appauthor=False) / "recent.json"


def recent() -> Recent:
    """For each kind what is still there, the newest first; a file that does not read as one counts for nothing."""
    kept = _read()
    try:
        return {kind: [path for path in map(Path, kept[kind]) if path.exists()] for kind in KINDS}
    except (KeyError, TypeError):
        return {kind: [] for kind in KINDS}


def scans() -> list[Recalled]:
    """The scans that were watched, the newest first, each with what was chosen for it and is still there."""
    kept = _read().get("scans")
    found = []
    for each in kept if isinstance(kept, list) else ():
        try:
            found.append(_scan_of(each))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def recalled(folder: Path) -> Recalled | None:
    """What was chosen for this folder the last time; None: it was not watched before."""
    whole = folder.resolve()
    return next((each for each in scans() if each.folder == whole), None)


def streams() -> list[str]:
    """Addresses of streams that were watched, the newest first."""
    kept = _read().get("streams")
    return [each for each in kept if isinstance(each, str) and is_stream(each)] if isinstance(kept, list) else []


def remember(folder: Path | None, given: Given, out: Path | None = None, stream: str = "") -> None:
    """These were chosen now. A folder that cannot be written is no reason to complain."""
    kept: dict[str, Any] = {**recent(), "streams": list(dict.fromkeys(filter(None, (stream, *streams()))))[:MOST]}
    for kind, path in zip(KINDS, (folder, given.geometry, given.experiment), strict=True):
        if path is not None:
            kept[kind] = list(dict.fromkeys((path.resolve(), *kept[kind])))[:MOST]
    known = scans()
    if folder is not None:
        now = Recalled(folder.resolve(), _whole(given), out.absolute() if out else None, stream)
        known = [now, *(each for each in known if each.folder != now.folder)]
    kept["scans"] = [asdict(each) for each in known][:MOST_SCANS]
    try:
        recent_path().parent.mkdir(parents=True, exist_ok=True)
        write_whole(recent_path(), json.dumps(kept, indent=1, default=str).encode())
    except (OSError, UserError) as error:
        log.info("what was chosen is not kept: %s", error)


def _read() -> dict[str, Any]:
    try:
        kept = json.loads(read_regular_text(recent_path(), LARGEST_BYTES))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _whole(given: Given) -> Given:
    """The same with whole paths: it is recalled from another folder."""
    named = {name: getattr(given, name) for name in PATHS}
    return replace(given, **{name: path.resolve() for name, path in named.items() if path is not None})


def _scan_of(kept: Mapping[str, Any]) -> Recalled:
    """Raises KeyError, TypeError or ValueError where it is none. Files that are gone are left out."""
    names = {each.name for each in fields(Given)}
    values = {name: value for name, value in kept["given"].items() if name in names and value is not None}
    paths = {name: Path(values[name]) for name in PATHS if name in values}
    values |= {name: path if path.exists() else None for name, path in paths.items()}
    kinds = {"orientation": int, "recursive": bool, "include": str, "dataset": str}
    if any(not isinstance(values.get(name, kind()), kind) for name, kind in kinds.items()):
        raise TypeError("not what was kept")
    out, stream = kept.get("out"), kept.get("stream")
    named = stream if isinstance(stream, str) and is_stream(stream) else ""
    return Recalled(Path(kept["folder"]), Given(**values), Path(out) if out else None, named)
