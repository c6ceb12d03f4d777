"""Entries on disk, in order, until the server has confirmed them: a JSON and a PNG each."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path
from pydantic import ValidationError

from latticewatch.app.logbook.entry import LogbookEntry
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_regular
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.record.run_file.lock import try_acquire

LARGEST_BYTES, LARGEST_PICTURE = 16_000_000, 100_000_000
PATIENCE_S, STEP_S = 5.0, 0.1
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits. path: of its JSON; the picture lies beside it."""

    path: Path
    entry: LogbookEntry

    @property
    def picture(self) -> bytes:
        """The PNG. Raises UserError where it cannot be read."""
        try:
            return read_regular(self.path.with_suffix(".png"), LARGEST_PICTURE)
        except OSError as error:
            raise UserError(
                f"{self.path.with_suffix('.png')}: cannot be read ({error.strerror}); discard the entry "
                f"(--discard {self.entry.key}) and post the run again"
            ) from None


def queue_folder() -> Path:
    return user_data_path("latticewatch", appauthor=False) / "logbook"


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Within, nobody else posts from this folder; False where another process does."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + PATIENCE_S
        while (lock := try_acquire(folder / "queue")) is None and time.monotonic() < deadline:
            time.sleep(STEP_S)
    except OSError as error:
        raise UserError(f"{folder}: entries cannot be kept here ({error.strerror}); check the folder") from None
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


def waiting(folder: Path) -> list[Waiting]:
    """Every entry that waits, the oldest first. What cannot be read is logged and left where it is."""
    return [found for path in sorted(folder.glob("*.json")) if (found := _read(path)) is not None]


def add(folder: Path, entry: LogbookEntry, picture: bytes) -> Waiting:
    """Keep this entry. One that waits already with the same words on the same run is not added again."""
    for each in waiting(folder):
        if each.entry.key == entry.key:
            return each
    path = folder / f"{round(entry.written_s * 1000):016d}-{entry.key}.json"
    write_whole(path.with_suffix(".png"), picture)
    return rewrite(Waiting(path, entry), entry)


def rewrite(kept: Waiting, entry: LogbookEntry) -> Waiting:
    """Keep the entry as it is now, in its old place. Raises UserError where it cannot be written."""
    write_whole(kept.path, entry.model_dump_json(indent=1).encode())
    return Waiting(kept.path, entry)


def remove(kept: Waiting) -> None:
    """The entry is where it belongs, or nobody wants it any more."""
    kept.path.unlink(missing_ok=True)
    kept.path.with_suffix(".png").unlink(missing_ok=True)


def _read(path: Path) -> Waiting | None:
    try:
        return Waiting(path, LogbookEntry.model_validate_json(read_regular(path, LARGEST_BYTES)))
    except (OSError, ValueError, ValidationError) as error:
        log.warning("%s: not an entry (%s); it is left there and not posted", path, type(error).__name__)
        return None
