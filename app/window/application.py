"""A run in the window: the loop in a thread, the window looking on."""

import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from PyQt6.QtCore import QCoreApplication, QMessageLogContext, QSize, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtWidgets import QApplication, QWidget

from latticewatch.app.checks.machine import display
from latticewatch.app.checks.qt_platform import why_no_window
from latticewatch.app.exit_status import DONE, INTERRUPTED, UNUSABLE
from latticewatch.app.output import write_line
from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.json_rows import tell
from latticewatch.app.run.outcome_line import outcome_line
from latticewatch.app.run.segments import segments_of
from latticewatch.app.run.session import Session
from latticewatch.app.run.signals import stopped_by_signals
from latticewatch.app.window import placement as window_state
from latticewatch.app.window.after_end import ScanFolder
from latticewatch.app.window.collecting import collected_in_this_thread, uncollected
from latticewatch.app.window.made_again import MadeAgain
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.next_run import NextRun, ask, dismiss_dialogs
from latticewatch.app.window.preferences import Preferred, preferences_path, read_preferences, theme_of
from latticewatch.app.window.screenshot import picture_of_window, png_bytes, save_picture
from latticewatch.app.window.settings_change import Ask
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.app.window.tools import Tools
from latticewatch.app.window.worker import Worker
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row, Series
from latticewatch.processing.record.run_file.reader import Run
from latticewatch.processing.text import printable
from latticewatch.widgets.theme import DARK, LIGHT, applied_theme, apply_theme, ensure_font

Taken = TypeVar("Taken")
Choosers = Mapping[tuple[str, str], Callable[[RunPlan], RunPlan | None]]
log = logging.getLogger(__name__)

SCREENSHOT_SIZE, WINDOW_SIZE = (1600, 1000), (1280, 720)
LOOK_MS = 200
UNSEEN = ("offscreen", "minimal")  # platforms of Qt


def run_windowed(
    plan: RunPlan,
    *,
    as_json: bool,
    screenshot: Path | None = None,
    dark: bool = False,
    choosers: Choosers | None = None,
    ask_change: Ask | None = None,
) -> int:
    """Show a run while it happens, and those that the user goes on to. The exit status of the contract.

    Without a display the same window is drawn offscreen, and closes by itself when the run has ended. choosers: by
    their words and key, what lets the user choose another run, given the one that is shown. ask_change: asks the user
    for other settings of the run.
    """
    application = make_application()
    preferred = Preferred(None if offscreen() else preferences_path())
    apply_theme(application, DARK if dark else theme_of(preferred.now))
    shown: RunPlan | None = plan
    status = DONE
    while shown is not None:
        again = MadeAgain(shown)
        offered = {words: partial(_choose, choose, again) for words, choose in (choosers or {}).items()}
        asked = None if offscreen() else ask_change
        next_run = NextRun({} if offscreen() else offered, ask_change=asked, again=again)
        status = _show_run(application, shown, next_run, preferred, as_json=as_json, screenshot=screenshot)
        shown = next_run.plan
    return status


def _choose(choose: Callable[[RunPlan], RunPlan | None], shown: MadeAgain) -> RunPlan | None:
    """The run that the user goes on to, given the one that is shown with the settings that it has by then."""
    return choose(shown.plan)


def _show_run(
    application: QApplication,
    plan: RunPlan,
    next_run: NextRun,
    preferred: Preferred,
    *,
    as_json: bool,
    screenshot: Path | None,
) -> int:
    """One run in one window, until that is closed; its exit status."""

    def on_row(session: Session, row: Row) -> None:
        if as_json:
            tell(session, row)
        if window.replay is not None:
            window.replay.on_row(row)

    worker = Worker(partial(_run, plan), on_row)
    may_close = None if offscreen() else ask_to_close
    window = MainWindow(
        plan.title,
        theme=applied_theme(),
        worker=worker,
        transport=plan.request.transport,
        may_close=may_close,
        folder=_folder_of(plan),
        next_run=next_run,
        preferred=preferred,
        tools=None if offscreen() else Tools.of(plan),
    )
    window.alarms.tell_command()
    window.run_ended.connect(partial(_close_unless_watched, window, worker))
    window.resize(QSize(*SCREENSHOT_SIZE) if offscreen() else window_state.fitted_size(window, *WINDOW_SIZE))
    if not offscreen():
        window_state.restore(window, window_state.state_path())
    with (
        collected_in_this_thread(),
        stopped_by_signals(worker.stop, worker.interrupted),
        faults_kept(lambda text: window.say(text)) as faults,
    ):
        window.show()
        worker.start()
        application.exec()
        worker.end()
        window.logbook.end()
    if not offscreen():
        window_state.keep(window, window_state.state_path())
    if next_run.plan is None:  # a run that the user went on from said its errors in its window and in the log
        _raise_again(worker, faults)
    if screenshot:
        window.catch_up()
        save_picture(window, window.facts(), screenshot)
    if worker.session and not as_json:
        write_line(outcome_line(worker.session))
    return INTERRUPTED if window.interrupted else DONE


def _folder_of(plan: RunPlan) -> ScanFolder | None:
    """The folder that the detector of a live run writes to. None beside a stream: its frames have other names than the
    files, so that every file would count as not recorded.
    """
    request, inputs = plan.request, plan.inputs
    if not request.live or request.stream is not None or request.scan is None or inputs is None:
        return None
    given = request.given
    return ScanFolder(request.scan, inputs.experiment.source.given(given.recursive, given.include, given.dataset))


def _run(
    plan: RunPlan, stop: threading.Event, on_open: Callable[[Session], None], on_row: Callable[[Row], None]
) -> object:
    from latticewatch.app.run.open_session import run_session  # slow to load: the window is on the screen meanwhile

    return run_session(plan, stop, on_open, on_row)


def make_application() -> QApplication:
    """The application; offscreen where there is no display. One per process.

    Where Qt cannot open one it would abort the process: instead it ends with a line that says why, and status 2.
    """
    if sys.platform == "linux" and not display() and "QT_QPA_PLATFORM" not in os.environ:
        log.info("no display: the window is drawn offscreen")
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    said: list[tuple[QtMsgType, str]] = []
    qInstallMessageHandler(partial(_said_at_start, said))
    application = _application()
    qInstallMessageHandler(_log_of_qt)
    for kind, text in said:
        _log_of_qt(kind, QMessageLogContext(), text)
    ensure_font(application)
    return application


@functools.cache
def _application() -> QApplication:
    """Kept to the end of the process: after a first one is gone, windows of a second one crash."""
    existing = QApplication.instance()
    size = read_preferences(preferences_path()).size
    if size != 1.0 and os.environ.get("QT_QPA_PLATFORM") not in UNSEEN:  # pictures that nobody sees stay as they are
        os.environ.setdefault("QT_SCALE_FACTOR", f"{size:g}")
    return existing if isinstance(existing, QApplication) else QApplication(["latticewatch"])


@contextmanager
def closed_by_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM close every window and dialog. Raises KeyboardInterrupt at the end, where one came."""
    stop, timer = threading.Event(), QTimer()

    def look() -> None:
        if stop.is_set():
            dismiss_dialogs()
            QApplication.closeAllWindows()

    timer.timeout.connect(look)
    timer.start(LOOK_MS)
    try:
        with stopped_by_signals(stop):
            yield
    finally:
        timer.stop()
    if stop.is_set():
        raise KeyboardInterrupt


def offscreen() -> bool:
    """True where nobody can see or close the window."""
    return QApplication.platformName() in UNSEEN


def save_run_picture(run: Run, target: Path) -> None:
    """Write a picture of the window on a recorded run. Raises UserError where it cannot be written."""
    _in_window(run, lambda window: save_picture(window, window.facts(), target))


def png_of(run: Run) -> bytes:
    """The same picture; nothing is written."""
    return _in_window(run, lambda window: png_bytes(picture_of_window(window, window.facts())))


def _in_window(run: Run, take: Callable[[MainWindow], Taken]) -> Taken:
    """What is taken of a window on this run, which nobody sees."""
    series = Series(run.two_theta, tuple(component.name for component in run.setup.components), run.setup.quantities)
    for row in run.rows:
        series.append(row)
    apply_theme(make_application(), LIGHT)
    segments = segments_of(run)
    with uncollected():
        window = MainWindow(run.setup.title or run.path.stem)
        shown = ShownRun(run.setup, series, segments[-1].refinement, run.path, segments=segments)
        window.show_run(replace(shown, inputs=run.latest.inputs, notes=run.notes))
        window.resize(*SCREENSHOT_SIZE)
        window.lay_out_unseen()
        window.catch_up()
        taken = take(window)
        window.close()
        window.deleteLater()
    return taken


@contextmanager
def faults_kept(say: Callable[[str], None]) -> Iterator[list[BaseException]]:
    """Errors in the event loop are logged once each, said to the user and kept; the program continues.

    An error in a view must not end a run that is being recorded: Qt would abort the program.

    A second Ctrl-C, which the signal's handler raises as KeyboardInterrupt, ends the event loop.
    """
    faults: list[BaseException] = []
    seen: set[str] = set()

    def keep(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QCoreApplication.quit()
            return
        what = f"{kind.__name__}: {fault}"
        if what not in seen:
            seen.add(what)
            faults.append(fault)
            log.error("error in a view", exc_info=(kind, fault, trace))
            say(f"a view failed ({what}); the run continues, the log has details")

    before, sys.excepthook = sys.excepthook, keep
    try:
        yield faults
    finally:
        sys.excepthook = before


def _close_unless_watched(window: MainWindow, worker: Worker) -> None:
    if offscreen() or worker.session is None:
        window.close()


def _said_at_start(
    said: list[tuple[QtMsgType, str]], kind: QtMsgType, context: QMessageLogContext, text: str | None
) -> None:
    """What Qt says while the application is made; its last word, after which it would abort, is replaced by ours."""
    del context
    said.append((kind, text or ""))
    if kind is QtMsgType.QtFatalMsg:
        for _, words in said:
            log.debug("%s", words)
        write_line(f"latticewatch: {printable(why_no_window(words for _, words in said))}", sys.stderr)
        os._exit(UNUSABLE)


def _log_of_qt(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    """What Qt has to say goes to the log file, not to the terminal."""
    del context
    minor = kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg) or "propagateSizeHints" in (text or "")
    logging.getLogger("latticewatch.qt").log(logging.DEBUG if minor else logging.WARNING, "%s", text)


def ask_to_close(window: QWidget) -> bool:
    """Whether the user means to end a run that is being recorded."""
    return ask(window, "A run is being recorded. End it and close?\nWhat was recorded is kept; frames to come are not.")


def _raise_again(worker: Worker, faults: list[BaseException]) -> None:
    if isinstance(worker.error, UserError):
        raise worker.error
    fault = worker.error or next(iter(faults), None)
    if fault is not None:
        raise RuntimeError(f"the {'run ended by' if worker.error else 'window had'} an error: {fault}") from fault
