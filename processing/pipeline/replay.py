"""A recorded run shown again: its rows go into the series as they are, each when its time has come."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.sources.pacing import Transport


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded run under the hand of a transport. refinement: draws the recorded fits, and fits nothing."""

    rows: Sequence[Row]
    transport: Transport
    refinement: Refinement
    series: Series


def run(replay: Replay, stop: threading.Event, *listeners: Callable[[Row], None]) -> None:
    """Show every row until the last one or until ``stop`` is set; each listener is told of each row."""
    found = len(replay.rows)
    replay.series.report(Progress(found, found))
    for number, row in enumerate(replay.rows):
        if not replay.transport.wait_for(row.time_s, stop):
            return
        replay.series.append(row)
        replay.series.report(Progress(found, found - number - 1, row.mtime_s))
        for tell in listeners:
            tell(row)
