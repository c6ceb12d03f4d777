"""What the program did and why, kept in the run file beside the rows it belongs to."""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import numpy as np

from latticewatch.app.run.integrating import Integrating
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.wording import duration
from latticewatch.processing.integration.defects import Defects
from latticewatch.processing.reaction.live.alarms import SEEN_IN_A_ROW
from latticewatch.processing.record.run_file.notes import LOG
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.foreign.sightings import Sighting

log = logging.getLogger(__name__)

MOST_LINES = 2000
# Threads of the dialogs that may be open during a run: what they say is of other scans, or of what is not yet changed.
ASIDE = {"first look", "runs of the night", "other settings", "change"}


class LogLines(logging.Handler):
    """Keeps new lines until they are taken, at most 2000; any thread writes."""

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(form)
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.newest = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep this line; of an error its message alone: the traceback is in the log file."""
        self.newest = self.format(record).partition("\n")[0]
        self._lines.append(self.newest)

    def put(self, lines: list[str]) -> None:
        self._lines.extend(lines)

    def take(self) -> list[str]:
        """The lines since the last call."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def begin(self) -> None:
        logging.getLogger("latticewatch").addHandler(self)

    def end(self) -> None:
        logging.getLogger("latticewatch").removeHandler(self)


@contextmanager
def log_kept(writer: RunWriter | None) -> Iterator[Callable[[Row], None]]:
    """What is yielded is called with each row: it keeps what was said since the row before as notes of the run."""
    lines = LogLines(logging.Formatter("%(message)s"))
    lines.addFilter(lambda record: record.threadName not in ASIDE)
    newest_s = [0.0]

    def keep() -> None:
        for line in lines.take():
            if writer is not None:
                writer.append_note(newest_s[0], line, LOG)

    def on_row(row: Row) -> None:
        if math.isfinite(row.time_s):
            newest_s[0] = row.time_s
        keep()

    if writer is not None:
        lines.begin()
    try:
        yield on_row
    finally:
        lines.end()
        with suppress(UserError):
            keep()


def changes_told(recorded: int = 0) -> Callable[[Row], None]:
    """Called with each row: says in the log when the state changes, and why, and when mixing was found.

    recorded: the number of rows that a resumed run has already: what they say was said when they were recorded.
    """
    said: dict[str, object] = {}

    def on_row(row: Row) -> None:
        state, mixing_s = row.verdict.state, row.verdict.mixing_s
        when = duration(row.time_s) or f"frame {row.index}"
        # A second reaction may begin while the first one still runs.
        since_s = row.verdict.since_s if state == "reacting" else None
        if said.get("state", ("waiting", None)) != (state, since_s):
            said["state"] = state, since_s
            if row.index >= recorded:
                log.info("%s: %s. %s", when, state.replace("_", " "), row.verdict.why)
        # The first frames of a motion correct its beginning; what reads the same is not said again.
        if math.isfinite(mixing_s) and said.get("mixing") != duration(mixing_s):
            said["mixing"] = duration(mixing_s)
            if row.index >= recorded:
                log.info("%s: mixing at %s", when, duration(mixing_s))

    return on_row


def foreign_told(lines_of: Callable[[Row], Mapping[int, Sighting]], recorded: int = 0) -> Callable[[Row], None]:
    """Called with each row: says in the log where a line appears that belongs to no component, and when it goes.

    lines_of: those of a fitted row. recorded: the number of rows that a resumed run has already.
    """
    seen: dict[int, tuple[int, str]] = {}

    def on_row(row: Row) -> None:
        if not isinstance(row.fit, Fit):
            return
        when = duration(row.time_s) or f"frame {row.index}"
        now = lines_of(row)
        for slot in seen.keys() - now.keys():
            frames, said = seen.pop(slot)
            if frames >= SEEN_IN_A_ROW and row.index >= recorded:
                log.info("%s: the %s is gone", when, said)
        for slot, line in now.items():
            frames, said = seen.get(slot, (0, when))
            if frames + 1 == SEEN_IN_A_ROW:
                since, owner = said, f"line of {line.phase}" if line.phase else "unknown line"
                said = f"{owner} at {line.two_theta_deg:.2f} deg"
                if row.index >= recorded:
                    log.info("%s since %s", said, since)
            seen[slot] = frames + 1, said

    return on_row


def defects_told(integrator: Callable[[], Integrating], writer: RunWriter | None) -> Callable[[Row], None]:
    """Called with each row: says how many pixels are hot or dead, when they are found, and keeps them. integrator: the
    one that is used by then."""
    seen: Defects | None = None
    told = -1

    def on_row(_: Row) -> None:
        nonlocal seen, told
        defects = integrator().defects
        if defects is None or not defects.settled or defects is seen:  # to count them takes longer than a fit
            return
        seen = defects
        if defects.total == told:
            return
        told = defects.total
        if told:
            log.info("%d hot and %d dead pixels found and left out", defects.hot, defects.dead)
        if writer is not None:
            writer.set_defects(np.argwhere(defects.hot_mask), np.argwhere(defects.dead_mask))

    return on_row
