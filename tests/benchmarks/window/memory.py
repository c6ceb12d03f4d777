"""Memory of the window over a long run: two hours of frames at 2.5 s, drawn at each tenth.

    python -m tests.benchmarks.window.memory [--rows 2880]

The rows share a few patterns, so that what grows is the window's own: the map's pyramid and the row objects.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6.QtWidgets import QApplication


def resident_mib() -> float:
    """Resident memory of this process in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Print resident memory as the run grows, and what the window's maps account for."""
    from latticewatch.app.window.main_window import MainWindow
    from latticewatch.app.window.shown_run import ShownRun
    from latticewatch.widgets.theme import LIGHT, apply_theme, ensure_font
    from tests.window.synthetic import PERIOD_S, make_series, make_setup

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2880)
    rows = parser.parse_args().rows
    application = QApplication([])
    ensure_font(application)
    apply_theme(application, LIGHT)
    series, refinement = make_series(200, bins=3000)
    template = list(series.snapshot().rows())
    window = MainWindow("memory")
    window.show_run(ShownRun(make_setup(), series, refinement))
    window.resize(1600, 900)
    window.show()
    for number in range(200, rows + 1):
        row = template[number * 200 // (rows + 1)]
        series.append(replace(row, index=number, time_s=number * PERIOD_S))
        if number % 10 == 0:
            window.tick()
            for _ in range(5):
                application.processEvents()
        if number % (rows // 8) == 0:
            maps = window.page.history
            kept = sum(each.nbytes for each in (maps.window_map, maps.whole_map)) / 2**20
            sys.stdout.write(f"{number:6d} rows: {resident_mib():.0f} MiB resident, {kept:.1f} MiB of maps\n")
    window.close()


if __name__ == "__main__":
    main()
