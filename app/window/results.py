"""What a run came to so far, worked out in a thread while the window stays in use: the summary that `export` writes."""

import logging
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.rest_level import rest_level
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.flow.wording import quoted_quantity
from latticewatch.processing.record.run_file.changes import alike_segments
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.widgets.history import Episode
from latticewatch.widgets.marks import Rest

# Times of the summary are rounded.
SAME_TIME_S = 1e-5
# Of a pause, where a quantity is watched by its name.
NAMED = ("value", "esd")

log = logging.getLogger(__name__)

Summary = Mapping[str, Any]
"""The summary of the contract."""


class Results:
    """The summary of the rows that were there when it was last asked for; None until then."""

    def __init__(self, run: ShownRun) -> None:
        self._run = run
        self._thread: threading.Thread | None = None
        self._answer: Summary | None = None
        self._of: object = None
        self.summary: Summary | None = None

    def follow(self, snapshot: Snapshot, occasion: object) -> bool:
        """Work it out again where the occasion is another than the last; True where a new one is there now."""
        if self._thread is not None and not self._thread.is_alive():
            self._thread, self.summary = None, self._answer
            return True
        if self._thread is None and snapshot.count and occasion != self._of:
            self._of = occasion
            self._thread = threading.Thread(target=self._work, args=(snapshot.rows(),), name="results")
            self._thread.start()
        return False

    def end(self) -> None:
        """Wait for what is being worked out."""
        if self._thread is not None:
            self._thread.join()

    def work_out(self, snapshot: Snapshot, occasion: object) -> None:
        """At once, in this thread: for a picture of a finished run."""
        if snapshot.count and (self.summary is None or occasion != self._of):
            self._of = occasion
            self._work(snapshot.rows())
            self.summary = self._answer

    def _work(self, rows: Sequence[Row]) -> None:
        try:
            self._answer = _summary_of(self._run, rows)
        except Exception:  # whatever it is, the run and its window continue without
            log.exception("the results so far could not be worked out")


def _summary_of(run: ShownRun, rows: Sequence[Row]) -> Summary:
    from latticewatch.processing.reaction.afterwards.kinetics import describe  # slow to load: scipy.optimize
    from latticewatch.processing.record.export.summary import summarise  # slow to load: scipy.optimize

    header = RunHeader(
        setup=run.setup,
        experiment_toml="",
        inputs=run.inputs,
        software={},
        title=run.setup.title,
        started_s=math.nan,
    )
    alike = alike_segments(run.settings[0], run.changes)
    kinetics = describe(run.setup, [row for row in rows if row.segment in alike])
    return summarise(header, rows, kinetics, changes=run.changes, alike=alike)


def rests_of(pauses: Sequence[Episode], snapshot: Snapshot, summary: Summary | None) -> list[Rest]:
    """The pauses as they are drawn: their limits and level as the summary has them; while it has none yet, or a pause
    lasts, those of the verdicts and the mean of their frames.
    """
    told = summary["pauses"] if summary is not None else []
    return [_rest(episode, snapshot, told) for episode in pauses]


def _rest(episode: Episode, snapshot: Snapshot, told: Sequence[Mapping[str, float | None]]) -> Rest:
    for pause in told:
        declared_s, start_s, end_s, lp_A, esd_A = (
            math.nan if (value := pause[key]) is None else value
            for key in ("declared_s", "start_s", "end_s", *(NAMED if "value" in pause else ("lp_A", "lp_esd_A")))
        )
        if abs(declared_s - episode.declared_s) < SAME_TIME_S and math.isfinite(end_s + lp_A):
            return Rest(start_s, end_s, _level(snapshot, lp_A, esd_A))
    level = rest_level(snapshot, episode.start_s, episode.end_s)
    return Rest(episode.start_s, episode.end_s, _level(snapshot, *level))


def _level(snapshot: Snapshot, lp_A: float, esd_A: float) -> str:
    """``Br 5.86700 ± 0.00002 Å``; nameless where there is one component."""
    if snapshot.quantities:
        return quoted_quantity(snapshot.quantities[0], lp_A, esd_A) if math.isfinite(lp_A) else ""
    name = f"{snapshot.component_names[0]} " if len(snapshot.component_names) > 1 else ""
    return f"{name}{quoted(lp_A, esd_A)}" if math.isfinite(lp_A) else ""
