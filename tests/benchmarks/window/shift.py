"""Memory of the whole program over two hours of a shift, replayed at 100 times its pace: 72 s.

    python -m tests.benchmarks.window.shift [--scan FOLDER] [--speed 100]

Without --scan the two hours (2880 frames of a PILATUS 300K, 2.5 s each) are simulated first, which takes minutes. The
images are read, integrated, fitted, judged and shown as live; nothing is recorded. The rows of a run stay in memory,
with their patterns, and so do its maps: that is told apart from the rest, which must not grow.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from latticewatch.app.run.decisions import decide
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.request import Request
from latticewatch.app.window.collecting import collected_in_this_thread
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.worker import Worker
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.processing.sources.pacing import Transport
from latticewatch.widgets.theme import LIGHT, apply_theme, ensure_font
from tests.benchmarks.window.memory import resident_mib

FRAMES = 2880


def kept_mib(window: MainWindow) -> float:
    """What the run's rows and maps account for: arrays and objects, the shared grid and set-up left out."""
    if window.page is None:
        return 0.0
    rows = sum(size_of(row, row.pattern.two_theta if row.pattern else None) for row in window.page.snapshot().rows())
    maps = window.page.history
    return (rows + maps.window_map.nbytes + maps.whole_map.nbytes) / 2**20


def size_of(thing: object, shared: object) -> int:
    """Bytes of a row with all that it alone holds."""
    if thing is shared or thing is None or isinstance(thing, bool | StrEnum):
        return 0
    if isinstance(thing, np.ndarray):
        return thing.nbytes + 112
    inside: Iterable[object] = ()
    if is_dataclass(thing):
        inside = (getattr(thing, each.name) for each in fields(thing))
    elif isinstance(thing, dict):
        inside = thing.values()
    elif isinstance(thing, tuple):
        inside = thing
    return sys.getsizeof(thing) + sum(size_of(each, shared) for each in inside)


def replay(scan: Path, speed: float, every_s: float) -> None:
    """Replay it once and print as it goes."""
    transport = Transport(speed=speed)
    worker = Worker(partial(run_session, decide(Request(scan, transport=transport))))
    window = MainWindow("shift", worker=worker, transport=transport)
    window.resize(1600, 900)
    began = time.monotonic()

    def tell() -> None:
        rows, kept, resident = window.page.history.count if window.page else 0, kept_mib(window), resident_mib()
        sys.stdout.write(
            f"{time.monotonic() - began:6.1f} s {rows:6d} frames: {resident:6.0f} MiB resident, "
            f"{kept:6.1f} MiB of it the run, {resident - kept:6.0f} MiB the rest\n"
        )
        sys.stdout.flush()

    timer = QTimer()
    timer.timeout.connect(tell)
    window.run_ended.connect(QApplication.quit)
    with collected_in_this_thread():
        window.show()
        worker.start()
        timer.start(round(1000 * every_s))
        QApplication.exec()
        timer.stop()
        tell()
    window.close()
    window.deleteLater()


def main() -> None:
    """Replay it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--speed", type=float, default=100.0)
    parser.add_argument("--every", type=float, default=8.0, metavar="SECONDS")
    given = parser.parse_args()
    application = QApplication([])
    ensure_font(application)
    apply_theme(application, LIGHT)
    with tempfile.TemporaryDirectory() as folder:
        scan = given.scan or Path(folder) / "scan"
        if given.scan is None:
            write_scan("iodide", scan, frames=FRAMES, detector="pilatus300k")
        replay(scan, given.speed, given.every)


if __name__ == "__main__":
    main()
