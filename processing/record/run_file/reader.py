"""Opening a run file for reading, whatever became of the program that wrote it."""

import logging
from pathlib import Path
from typing import BinaryIO

from latticewatch.processing.record.run_file.lock import try_acquire
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.rebuild import heal, rebuild_aside
from latticewatch.processing.record.run_file.stored_run import Run, read_stored

__all__ = ["Run", "read_run", "read_while_written"]
log = logging.getLogger(__name__)


def read_run(path: Path) -> Run:
    """Open a run file. One that was not closed is first made whole from its journal, without asking; where nothing can
    be written, and for one that is being written by another process, that is done aside and the files left alone.

    Raises UserError where it is no run file of ours, or damaged, or leads out of itself.
    """
    handle, notices = _made_whole(path)
    for notice in notices:
        log.warning("%s", notice)
    return read_stored(path, handle, notices)


def read_while_written(path: Path) -> Run:
    """What the run that this process writes holds so far. Raises UserError."""
    return read_stored(path, rebuild_aside(path, is_written=True)[0])


def _made_whole(path: Path) -> tuple[BinaryIO | None, tuple[str, ...]]:
    """A temporary file that holds the run where the run file itself does not; and what there is to say."""
    if not journal_path(path).exists():
        return None, ()
    is_written = False
    try:
        lock = try_acquire(path)
        is_written = lock is None
        if lock is not None:
            try:
                return None, (heal(path).story,)
            finally:
                lock.release()
    except FileNotFoundError:
        return None, ()
    except OSError as error:
        log.info("%s: not repaired in place (%s)", path, error.strerror)
    handle, story = rebuild_aside(path, is_written=is_written)
    return handle, (story,)
