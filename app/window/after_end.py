"""After a run has ended: frames that are in its folder and not in the run. Nobody else would notice them."""

import logging
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from latticewatch.app.run.outcome_line import counted
from latticewatch.processing.config.frame_selection import FrameSelection, names_in
from latticewatch.processing.text import printable

LOOK_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScanFolder:
    """The folder that the detector writes to, and which of its files are frames."""

    path: Path
    selection: FrameSelection

    def unrecorded(self, recorded: Collection[str]) -> int:
        """How many of its frames are not among these names. Raises OSError where it cannot be listed."""
        names = names_in(self.path, self.selection.recursive)
        return sum(self.selection.is_frame(name) and printable(name) not in recorded for name in names)


class FolderAfterEnd:
    """Counts them in a thread of its own: a disk that does not answer must not hold up the window.

    unrecorded: how many, as of the last look. recorded: names of the frames of the run.
    """

    def __init__(self, folder: ScanFolder, recorded: Collection[str]) -> None:
        self.unrecorded = 0
        # Of a file with several images each has a name of its own.
        self._folder, self._recorded = folder, frozenset(name.partition("::")[0] for name in recorded)
        self._over = threading.Event()
        # A daemon: a listing that never returns must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="after-end", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            try:
                count = self._folder.unrecorded(self._recorded)
            except OSError:  # the folder is gone: there is nothing to say of it
                continue
            if count and not self.unrecorded:
                told = counted(count, "frame")
                log.warning("the run has ended, and its folder has %s that it does not record", told)
            self.unrecorded = count
