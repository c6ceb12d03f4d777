"""The main window: banner, page of the run, transport bar, status strip, and the one timer that pulls."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QCloseEvent, QKeySequence
from PyQt6.QtWidgets import QLabel, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from latticewatch.app.screenshot import save_screenshot
from latticewatch.app.window_facts import Arrivals, frame_and_lag, lag_s, lattices_text, status_of
from latticewatch.app.window_run import RunPage, ShownRun
from latticewatch.app.window_transport import connect_transport, show_transport
from latticewatch.app.worker import Worker
from latticewatch.processing.refinement.fit import Refinement
from latticewatch.processing.series import Series
from latticewatch.processing.setup import Setup
from latticewatch.processing.sources.replay import Transport
from latticewatch.widgets.banner import Banner
from latticewatch.widgets.status_strip import StatusStrip
from latticewatch.widgets.theme import LIGHT, Theme
from latticewatch.widgets.transport_bar import TransportBar
from latticewatch.widgets.wording import Headline, headline

PULL_MS, SLOWEST_MS, SHARE = 100, 1000, 4.0
PAGE_ACTIONS: tuple[tuple[str, tuple[str, ...], Callable[[RunPage], None]], ...] = (
    ("show the newest frame", ("N", "Home", "Esc"), lambda page: page.choose(None)),
    ("one frame back", ("Left",), lambda page: page.step(-1)),
    ("one frame on", ("Right",), lambda page: page.step(1)),
    ("change of state before", ("Ctrl+Left",), lambda page: page.step_change(-1)),
    ("next change of state", ("Ctrl+Right",), lambda page: page.step_change(1)),
    ("the whole run in view, followed as it grows", ("F",), lambda page: page.follow()),
    ("map of the whole pattern, or of the reflection", ("W",), lambda page: page.map.toggle_whole()),
)


class MainWindow(QMainWindow):
    """Looks at a worker's session and paints it; it never waits for the worker, but at closing.

    interrupted: the run was stopped from outside before the window closed.
    """

    run_ended = pyqtSignal()

    def __init__(
        self, title: str, *, theme: Theme = LIGHT, worker: Worker | None = None, transport: Transport | None = None
    ) -> None:
        super().__init__()
        self._theme, self._title = theme, title
        self._worker, self._transport = worker, transport
        self._out: Path | None = None
        self._run: ShownRun | None = None
        self._arrivals = Arrivals()
        self._told_end = False
        self.interrupted = False
        self.page: RunPage | None = None
        self.banner, self.status, self.bar = Banner(theme), StatusStrip(theme), TransportBar()
        self._lay_out()
        self._make_actions()
        self.setWindowTitle(f"{title} – LatticeWatch")
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.tick)
        if worker is not None:
            self._timer.start(PULL_MS)

    def sizeHint(self) -> QSize:
        """Fits a small screen."""
        return QSize(1280, 720)

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        waiting = QLabel("Waiting for the first image …")
        waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack.addWidget(waiting)
        self.bar.setVisible(self._transport is not None)
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.banner, self._stack, self.bar, self.status):
            layout.addWidget(widget, 1 if widget is self._stack else 0)
        self.setCentralWidget(central)

    def show_run(self, setup: Setup, series: Series, refinement: Refinement, out: Path | None = None) -> None:
        """From now on show this run."""
        self._run, self._out = ShownRun(setup, series, refinement), out
        self.page = RunPage(self._theme, self._run)
        self.page.chosen_changed.connect(self._show_words)
        if self._transport is not None:
            connect_transport(self.bar, self._transport, self.page)
        self._stack.addWidget(self.page)
        self._stack.setCurrentWidget(self.page)
        if setup.title:
            self._title = setup.title
            self.setWindowTitle(f"{setup.title} – LatticeWatch")

    def tick(self) -> None:
        """Pull what is new and paint it; the next pull waits longer where painting is slow."""
        began = time.perf_counter()
        if self.page is None and self._worker is not None and self._worker.session is not None:
            session = self._worker.session
            self.show_run(session.setup, session.pipeline.series, session.pipeline.refinement, session.out)
        new = self.page is not None and self.page.refresh()
        self._show_words()
        if self._worker is not None and self._worker.finished and not new and not self._told_end:
            self._told_end = True
            self.run_ended.emit()
        spent_ms = 1000.0 * (time.perf_counter() - began)
        self._timer.setInterval(round(min(SLOWEST_MS, max(PULL_MS, SHARE * spent_ms))))

    def lay_out_unseen(self) -> None:
        """Give every view its size without a window on the screen."""
        self.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self.show()

    def catch_up(self) -> None:
        """Show everything that is there: for a picture of a finished run."""
        if self.page is not None:
            self.page.catch_up()
        self._show_words()

    def save_screenshot(self, path: Path) -> None:
        """Picture of the window with its facts as a caption and as PNG text. Raises UserError."""
        save_screenshot(self, path, self._facts())

    def _facts(self) -> dict[str, str]:
        row = self.page.shown_row() if self.page else None
        facts = {"Title": self._title, "State": self.banner.words(), "Time": time.strftime("%Y-%m-%d %H:%M:%S")}
        if row is not None and self._run is not None:
            facts["Frame"] = f"{row.index} {row.name}"
            facts["Lattice parameter"] = lattices_text(self._run.names, row).replace("\n", "    ")
        facts["Run file"] = str(self._out.name) if self._out else "not recorded"
        return facts

    def _show_words(self) -> None:
        self.banner.show_headline(self._headline())
        page, run = self.page, self._run
        if page is None or run is None:
            return
        snapshot, row = page.snapshot(), page.newest_row()
        lag = lag_s(snapshot, self._arrivals.began_s) if self._transport is None else float("nan")
        if row is not None:
            self.banner.show_facts(lattices_text(run.names, row), frame_and_lag(snapshot, row, lag))
        self.status.show_status(status_of(snapshot, lag, self._out, page.last_gap))
        if self._transport is not None:
            show_transport(self.bar, self._transport, page)

    def _headline(self) -> Headline:
        worker, page = self._worker, self.page
        if worker is not None and worker.error is not None:
            return Headline("error", "STOPPED", str(worker.error))
        if page is None:
            return Headline("waiting", "WAITING", "for the first image")
        live = worker is not None and not worker.finished and self._transport is None
        silent_s = self._arrivals.silent_s(page.snapshot(), page.history.timeline.period_s) if live else 0.0
        return headline(page.snapshot(), silent_s)

    def _make_actions(self) -> None:
        for text, keys, act in PAGE_ACTIONS:
            action = QAction(text, self)
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.triggered.connect(partial(self._on_page, act))
            self.addAction(action)

        if self._transport is not None:
            for text, key, slot in (
                ("play or pause the replay", "Space", self.bar.play_button.click),
                ("one frame of the replay", ".", self._transport.step),
            ):
                action = QAction(text, self)
                action.setShortcut(QKeySequence(key))
                action.triggered.connect(lambda _, slot=slot: slot())
                self.addAction(action)

    def _on_page(self, act: Callable[[RunPage], None], checked: bool = False) -> None:
        del checked
        if self.page is not None:
            act(self.page)
            self._show_words()

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        """End the run in order: what was seen is recorded."""
        self._timer.stop()
        if self._worker is not None:
            self.interrupted = self._worker.stop.is_set()
            self._worker.end()
        super().closeEvent(a0)
