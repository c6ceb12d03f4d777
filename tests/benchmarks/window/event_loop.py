"""Blocking of the event loop at 100 frames a second on a run of 20 000 rows, and how it grows with the run.

    python -m tests.benchmarks.window.event_loop [--json] [--seconds 10]

A heartbeat of 2 ms runs in the event loop while a thread appends rows; what a heartbeat is late by is time in which
the window could not react. On a machine that is busy otherwise that is mostly waiting for a core. So two more figures
stand beside it: ``own`` is the lateness less the time that the window's thread and the appending one, which may hold
the interpreter, stood ready and were given no core (Linux tells it); and the CPU time of the window's thread between
two heartbeats is what the window itself costs. Garbage is collected as in the program.
"""

import argparse
import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QElapsedTimer, Qt, QTimer
from PyQt6.QtWidgets import QApplication

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

BEAT_MS = 2
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
    return _watched(window, series, template, rows, seconds, size)


def core_wait_ms() -> float:
    """How long this process's threads have stood ready without a core so far; 0 where the system does not tell."""
    waited = 0
    for thread in threading.enumerate():
        with suppress(OSError):
            path = f"/proc/self/task/{thread.native_id}/schedstat"
            waited += int(Path(path).read_text().split()[1])
    return waited / 1e6


def _watched(window, series, template, rows, seconds, size) -> Result:  # type: ignore[no-untyped-def]
    from latticewatch.app.window.collecting import collected_in_this_thread
    from tests.window.synthetic import PERIOD_S

    late: list[float] = []
    waited: list[float] = []
    turns: list[float] = []
    ticks: list[float] = []
    clock = QElapsedTimer()
    clock.start()

    def beat() -> None:
        late.append(max(0.0, clock.nsecsElapsed() / 1e6 - BEAT_MS))
        turns.append(1000.0 * time.thread_time())
        waited.append(core_wait_ms())
        clock.restart()

    def tick() -> None:
        began = time.thread_time()
        window.tick()
        ticks.append(1000.0 * (time.thread_time() - began))

    beats, pulls = QTimer(), QTimer()
    beats.setTimerType(Qt.TimerType.PreciseTimer)
    beats.timeout.connect(beat)
    pulls.timeout.connect(tick)
    stop = threading.Event()

    def append() -> None:
        number, began = rows, time.monotonic()
        while not stop.wait(max(0.0, began + (number - rows) / RATE_HZ - time.monotonic())):
            series.append(replace(template[-1 - number % 20], index=number, time_s=number * PERIOD_S))
            number += 1

    worker = threading.Thread(target=append)
    with collected_in_this_thread():
        QApplication.processEvents()
        worker.start()
        busy = time.thread_time()
        beats.start(BEAT_MS)
        pulls.start(100)
        QTimer.singleShot(round(1000 * seconds), QApplication.quit)
        QApplication.exec()
        stop.set()
        worker.join()
        beats.stop()
        pulls.stop()
    shown = window.page.history.count - rows
    window.close()
    p50, p99 = np.percentile(late, (50, 99))
    work = np.diff(turns)
    own = np.maximum(0.0, late[1:] - np.diff(waited))
    return Result(
        rows=rows,
        size=f"{size[0]}x{size[1]}",
        frames_shown=shown,
        blocked_p50_ms=float(p50),
        blocked_p99_ms=float(p99),
        blocked_max_ms=float(np.max(late)),
        own_p99_ms=float(np.percentile(own, 99)),
        own_max_ms=float(np.max(own)),
        work_p99_ms=float(np.percentile(work, 99)),
        work_max_ms=float(np.max(work)),
        loop_cpu_percent=100.0 * (time.thread_time() - busy) / seconds,
        tick_cpu_median_ms=float(np.median(ticks)),
        tick_cpu_max_ms=float(np.max(ticks)),
        ticks=len(ticks),
    )


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
