"""Blocking of the event loop at 100 frames a second on a run of 20 000 rows, and how it grows with the run.

    python -m tests.benchmarks.window.event_loop [--json] [--seconds 10]

A heartbeat of 2 ms runs in the event loop while a thread appends rows; what a heartbeat is late by is time in which
the window could not react. On a machine that is busy otherwise that is mostly waiting for a core. So two more figures
stand beside it: ``own`` is the lateness less the time that the window's thread and the appending one, which may hold
the interpreter, stood ready and were given no core (Linux tells it); and the CPU time of the window's thread between
two heartbeats is what the window itself costs. Garbage is collected as in the program. The pointer moves over the map
meanwhile, thirty times a second.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PyQt6.QtCore import QElapsedTimer, Qt, QTimer
from PyQt6.QtWidgets import QApplication

from latticewatch.processing.flow.series import Row, Series

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

BEAT_MS = 2
POINTER_MS = 33
RATE_HZ = 100.0


@dataclass(frozen=True)
class Result:
    """Milliseconds; blocked: lateness of the heartbeats."""

    rows: int
    size: str
    frames_shown: int
    blocked_p50_ms: float
    blocked_p99_ms: float
    blocked_max_ms: float
    own_p99_ms: float
    own_max_ms: float
    work_p99_ms: float
    work_max_ms: float
    loop_cpu_percent: float
    tick_cpu_median_ms: float
    tick_cpu_max_ms: float
    ticks: int


def measure(rows: int, seconds: float, size: tuple[int, int] = (1920, 1080)) -> Result:
    """Fill a series with ``rows`` rows, then append at 100 a second while the window is watched."""
    from latticewatch.app.window.main_window import MainWindow
    from latticewatch.app.window.shown_run import ShownRun
    from tests.window.synthetic import PERIOD_S, make_series, make_setup

    series, refinement = make_series(min(rows, 400), bins=3000)
    template = [row for row in series.snapshot().rows() if row.pattern is not None]
    for number in range(series.snapshot().count, rows):
        series.append(replace(template[number * len(template) // rows], index=number, time_s=number * PERIOD_S))
    window = MainWindow("benchmark")
    window.show_run(ShownRun(make_setup(), series, refinement))
    window.resize(*size)
    window.show()
    window.catch_up()
    QApplication.processEvents()
    beats, ticks = Beats(), Ticks(window.tick)
    moves = QTimer(window)
    moves.timeout.connect(partial(_move_pointer, window))
    moves.start(POINTER_MS)
    with appended(series, template[-20:], rows):
        cpu_s = run_loop(beats, ticks, seconds)
    moves.stop()
    shown = 0 if window.page is None else window.page.history.count - rows
    window.close()
    return Result(
        rows=rows,
        size=f"{size[0]}x{size[1]}",
        frames_shown=shown,
        **beats.figures(),
        loop_cpu_percent=100.0 * cpu_s / seconds,
        tick_cpu_median_ms=float(np.median(ticks.cost_ms)),
        tick_cpu_max_ms=float(np.max(ticks.cost_ms)),
        ticks=len(ticks.cost_ms),
    )


def _move_pointer(window: Any) -> None:
    """The pointer goes over the map, with its crosshair and what is said of the place."""
    page = window.page
    if page is not None:
        (first_s, last_s), (low, high) = page.map.sheet.times(), page.map.sheet.angles()
        share = time.monotonic() % 1.0
        place = page.pointing.place("map", first_s + share * (last_s - first_s), low + share * (high - low))
        page.pointing.point(place)


def core_wait_ms() -> float:
    """How long this process's threads have stood ready without a core so far; 0 where the system does not tell."""
    waited = 0
    for thread in threading.enumerate():
        with suppress(OSError):
            path = f"/proc/self/task/{thread.native_id}/schedstat"
            waited += int(Path(path).read_text().split()[1])
    return waited / 1e6


class Beats:
    """The heartbeat: how late it is, what waited for a core meanwhile and what the window's thread did, all in ms."""

    def __init__(self) -> None:
        self._late, self._waited, self._turns = list[float](), list[float](), list[float]()
        self._clock = QElapsedTimer()
        self._clock.start()

    def beat(self) -> None:
        """One heartbeat."""
        self._late.append(max(0.0, self._clock.nsecsElapsed() / 1e6 - BEAT_MS))
        self._turns.append(1000.0 * time.thread_time())
        self._waited.append(core_wait_ms())
        self._clock.restart()

    def figures(self) -> dict[str, float]:
        """Of all heartbeats, by the names of the result."""
        work = np.diff(self._turns)
        own = np.maximum(0.0, self._late[1:] - np.diff(self._waited))
        return {
            "blocked_p50_ms": float(np.median(self._late)),
            "blocked_p99_ms": float(np.percentile(self._late, 99)),
            "blocked_max_ms": float(np.max(self._late)),
            "own_p99_ms": float(np.percentile(own, 99)),
            "own_max_ms": float(np.max(own)),
            "work_p99_ms": float(np.percentile(work, 99)),
            "work_max_ms": float(np.max(work)),
        }


class Ticks:
    """The window's pulls, and what each costs in ms of CPU."""

    def __init__(self, tick: Callable[[], object]) -> None:
        self._tick = tick
        self.cost_ms: list[float] = []

    def tick(self) -> None:
        """One pull."""
        began = time.thread_time()
        self._tick()
        self.cost_ms.append(1000.0 * (time.thread_time() - began))


@contextmanager
def appended(series: Series, template: Sequence[Row], rows: int) -> Iterator[None]:
    """Meanwhile a thread appends to the ``rows`` that are there."""
    from tests.window.synthetic import PERIOD_S

    stop = threading.Event()

    def append() -> None:
        number, began = rows, time.monotonic()
        while not stop.wait(max(0.0, began + (number - rows) / RATE_HZ - time.monotonic())):
            row = template[-1 - number % len(template)]
            series.append(replace(row, index=number, time_s=number * PERIOD_S))
            number += 1

    worker = threading.Thread(target=append)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def run_loop(beats: Beats, ticks: Ticks, seconds: float) -> float:
    """The event loop for so long; CPU of this thread in s."""
    from latticewatch.app.window.collecting import collected_in_this_thread

    heart, pulls = QTimer(), QTimer()
    heart.setTimerType(Qt.TimerType.PreciseTimer)
    heart.timeout.connect(beats.beat)
    pulls.timeout.connect(ticks.tick)
    with collected_in_this_thread():
        QApplication.processEvents()
        began = time.thread_time()
        heart.start(BEAT_MS)
        pulls.start(100)
        QTimer.singleShot(round(1000 * seconds), QApplication.quit)
        QApplication.exec()
        heart.stop()
        pulls.stop()
        return time.thread_time() - began


def main() -> None:
    """Print the table."""
    from latticewatch.widgets.theme import LIGHT, apply_theme, ensure_font

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 20_000])
    given = parser.parse_args()
    application = QApplication([])
    ensure_font(application)
    apply_theme(application, LIGHT)
    results = [measure(rows, given.seconds) for rows in given.rows]
    if given.json:
        sys.stdout.write(json.dumps([asdict(result) for result in results], indent=1) + "\n")
        return
    for result in results:
        sys.stdout.write(
            f"{result.rows:6d} rows, {result.size}: blocked median {result.blocked_p50_ms:.1f} ms, "
            f"99 % {result.blocked_p99_ms:.1f} ms, most {result.blocked_max_ms:.1f} ms; "
            f"own 99 % {result.own_p99_ms:.1f} ms, most {result.own_max_ms:.1f} ms; "
            f"CPU between heartbeats 99 % {result.work_p99_ms:.1f} ms, most {result.work_max_ms:.1f} ms; "
            f"loop busy {result.loop_cpu_percent:.0f} %; {result.frames_shown} frames in {result.ticks} pulls\n"
        )


if __name__ == "__main__":
    main()
