"""``latticewatch`` in this process, with the times at which the window and its first frame were painted.

The first argument is the clock at which the process was begun; the others are those of ``latticewatch``.
"""

import json
import sys
import time

BEGAN_S, *ARGUMENTS = sys.argv[1:]
seen: dict[str, float] = {}


def note(name: str) -> None:
    """The first time that this was seen."""
    if name not in seen:
        seen[name] = time.time() - float(BEGAN_S)
        seen[f"{name}, CPU"] = time.process_time()


def main() -> None:
    """Run, watched."""
    from PyQt6.QtCore import QTimer

    from latticewatch.app.main import run
    from latticewatch.app.window.main_window import MainWindow
    from latticewatch.app.window.run_page import RunPage

    def painted(window: MainWindow, event: object) -> None:
        del event
        QTimer.singleShot(0, lambda: note("window"))

    shown = RunPage._show_frame

    def show_frame(page: RunPage) -> None:
        shown(page)
        QTimer.singleShot(0, lambda: shot(page))

    def shot(page: RunPage) -> None:
        page.pattern.repaint()
        note("first frame")
        sys.stdout.write(json.dumps(seen) + "\n")
        sys.stdout.flush()
        page.window().close()

    MainWindow.paintEvent = painted
    RunPage._show_frame = show_frame
    sys.exit(run(ARGUMENTS))


if __name__ == "__main__":
    main()
