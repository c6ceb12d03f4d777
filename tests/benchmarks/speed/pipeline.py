"""File to recorded lattice parameter: the session that ``process`` runs, as it stands, from frames on disk."""

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from latticewatch.app.run.decisions import decide
from latticewatch.app.run.open_session import open_session
from latticewatch.app.run.request import Request
from latticewatch.app.run.warming import warm_up
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.stages import Recorder
from latticewatch.processing.integration import integrate
from latticewatch.processing.pipeline import loop
from tests.benchmarks.speed.inputs import Scan
from tests.benchmarks.speed.staged import STAGES, Notes, staged
from tests.benchmarks.speed.table import Figure, Section, figure_of, spread_of

GSAS_II_MS = 220.0  # Le Bail, 5 cycles, two phases: as given with the task, not measured here
SETTLED = 24  # frames until the broken pixels are known and the fit tracks


def end_to_end(scan: Scan, title: str, repeats: int, yardstick_ms: float) -> Section:
    """Frames a second once the fit tracks, and what each stage costs."""
    warm_up()
    section, walls, cpus, notes = Section(title), [], [], Notes()
    for number in range(repeats):
        wall, cpu = _rate(scan, scan.folder / f"plain{number}.h5")
        walls.append(wall)
        cpus.append(cpu)
    _noted(scan, scan.folder / "noted.h5", notes)
    section.figures.append(figure_of("whole loop, a frame", walls, cpus))
    for stage in STAGES:
        cpu_ms = [1e3 * value for value in notes.cpu[stage]]
        cpu_ms = cpu_ms[min(SETTLED if stage in ("fitted", "judged") else 2, len(cpu_ms) // 2) :]
        figure = Figure(f"its thread: {stage}", float("nan"), spread_of(cpu_ms), statistics.median(cpu_ms))
        section.figures.append(figure)
    rate = 1e3 / statistics.median(walls)
    section.at_least("frames a second, recorded", rate, 200, " /s")
    against = (yardstick_ms + GSAS_II_MS) / statistics.median(walls)
    section.at_least(
        f"against {yardstick_ms:.3g} ms (pyFAI here) + {GSAS_II_MS:.0f} ms (GSAS-II as given)", against, 50
    )
    section.at_most("recording, a frame, CPU", section.figure("its thread: recorded").cpu, 0.2, " ms")
    return section


@dataclass(frozen=True, slots=True)
class _Marked:
    """A recorder that notes the clocks whenever rows are safe: rows so far, seconds, CPU seconds."""

    inner: Recorder
    marks: list[tuple[int, float, float]]

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        recorded = self.inner.append_many(rows)
        self.marks.append((self.marks[-1][0] + len(rows), time.perf_counter(), time.process_time()))
        return recorded


def _rate(scan: Scan, out: Path) -> tuple[float, float]:
    """Milliseconds a frame, of the clock and of the processor."""
    marks = [(0, time.perf_counter(), time.process_time())]
    stop = threading.Event()
    with open_session(decide(Request(scan.path, out=out)), stop) as session:
        assert session is not None
        pipeline = replace(session.pipeline, recorder=_Marked(session.pipeline.recorder, marks))
        loop.run(pipeline, stop, *session.listeners)
    settled = (mark for mark in marks[:-1] if mark[0] >= SETTLED)
    first = next(settled, marks[0])
    count = marks[-1][0] - first[0]
    return 1e3 * (marks[-1][1] - first[1]) / count, 1e3 * (marks[-1][2] - first[2]) / count


def _noted(scan: Scan, out: Path, notes: Notes) -> None:
    """With one thread to integrate, so that its time is all of it."""
    stop = threading.Event()
    with (
        patch.object(integrate, "usable_cores", lambda: 1),
        open_session(decide(Request(scan.path, out=out)), stop) as session,
    ):
        assert session is not None
        loop.run(staged(session.pipeline, notes), stop)
