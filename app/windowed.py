"""A run in the window: the loop in a thread, the window looking on."""

import logging
import os
import sys
from functools import partial
from pathlib import Path

from PyQt6.QtWidgets import QApplication

from latticewatch.app.headless import DONE, INTERRUPTED, stopped_by_signals
from latticewatch.app.main_window import MainWindow
from latticewatch.app.outcome import outcome_line
from latticewatch.app.session import Opening, Session, run_session
from latticewatch.app.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.trace import json_line
from latticewatch.processing.refinement.fit import Refinement
from latticewatch.processing.series import Row, Series
from latticewatch.processing.setup import Setup
from latticewatch.processing.sources.replay import Transport
from latticewatch.widgets.theme import DARK, LIGHT, Theme, apply_theme, ensure_font

log = logging.getLogger(__name__)

SCREENSHOT_SIZE = (1600, 1000)


def run_windowed(
    opening: Opening,
    *,
    json: bool = False,
    title: str,
    screenshot: Path | None = None,
    transport: Transport | None = None,
    dark: bool = False,
) -> int:
    """Show a session while it runs. The exit status of the contract.

    Without a display the same window is drawn offscreen, and closes by itself when the run has ended.
    """
    application = make_application()
    theme = DARK if dark else LIGHT
    apply_theme(application, theme)
    worker = Worker(partial(run_session, opening), _tell if json else None)
    window = MainWindow(title, theme=theme, worker=worker, transport=transport)
    window.run_ended.connect(partial(_close_unless_watched, window, worker))
    with stopped_by_signals(worker.stop):
        window.show()
        worker.start()
        application.exec()
    worker.end()
    _raise_again(worker)
    if screenshot:
        window.catch_up()
        window.save_screenshot(screenshot)
    if worker.session and not json:
        sys.stdout.write(outcome_line(worker.session) + "\n")
    return INTERRUPTED if window.interrupted else DONE


def make_application() -> QApplication:
    """The application; offscreen where there is no display. One per process."""
    if no_display() and "QT_QPA_PLATFORM" not in os.environ:
        log.info("no display: the window is drawn offscreen")
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(["latticewatch"])
    ensure_font(application)
    return application


def no_display() -> bool:
    """True on a Linux machine without X11 or Wayland."""
    return sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def screenshot_of(
    setup: Setup,
    series: Series,
    refinement: Refinement,
    path: Path,
    *,
    out: Path | None = None,
    size: tuple[int, int] = SCREENSHOT_SIZE,
    theme: Theme = LIGHT,
) -> None:
    """Write a picture of the window on a finished series. Raises UserError where it cannot be written."""
    apply_theme(make_application(), theme)
    window = MainWindow(setup.title or path.stem, theme=theme)
    window.show_run(setup, series, refinement, out)
    window.resize(*size)
    window.lay_out_unseen()
    window.catch_up()
    window.save_screenshot(path)
    window.close()


def _close_unless_watched(window: MainWindow, worker: Worker) -> None:
    unattended = QApplication.platformName() in ("offscreen", "minimal")
    if unattended or worker.stop.is_set() or worker.session is None:
        window.close()


def _tell(session: Session, row: Row) -> None:
    sys.stdout.write(json_line(row, session.pipeline.series.component_names, session.setup.composition is not None))
    sys.stdout.write("\n")
    sys.stdout.flush()


def _raise_again(worker: Worker) -> None:
    if isinstance(worker.error, UserError):
        raise worker.error
    if worker.error is not None:
        raise RuntimeError("the run ended by an error") from worker.error
