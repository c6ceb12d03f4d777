"""The main window: banner, page of the run, transport bar, status strip, and the one timer that pulls."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QResizeEvent
from PyQt6.QtWidgets import QApplication, QLabel, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from latticewatch.app.window.access import order_tabs
from latticewatch.app.window.after_end import FolderAfterEnd, ScanFolder
from latticewatch.app.window.alarms import WindowAlarms
from latticewatch.app.window.collecting import look_again
from latticewatch.app.window.commands import (
    RUN,
    VIEW,
    alarm_commands,
    frame_commands,
    list_commands,
    replay_commands,
    unpin,
    view_commands,
    writing_commands,
)
from latticewatch.app.window.docks import Docks
from latticewatch.app.window.facts import (
    Arrivals,
    Lag,
    before_a_row,
    facts_of,
    frame_and_lag,
    headline_of,
    lag_s,
    numbers_told,
    status_of,
)
from latticewatch.app.window.keys import Command, install
from latticewatch.app.window.logbook import LogbookKey
from latticewatch.app.window.marks import MarkBook
from latticewatch.app.window.next_run import NextRun, dismiss_dialogs
from latticewatch.app.window.preferences import Preferred
from latticewatch.app.window.preferences_dialog import ask_for_preferences
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.saving import Saver
from latticewatch.app.window.screenshot import shoot
from latticewatch.app.window.settings_change import SettingsChange
from latticewatch.app.window.shown_run import Recall, ShownRun
from latticewatch.app.window.tools import Tools
from latticewatch.app.window.transport import ReplayControl
from latticewatch.app.window.undo import Undo
from latticewatch.app.window.view_menu import ViewMenu
from latticewatch.app.window.view_state import RunKind
from latticewatch.app.window.worker import Worker
from latticewatch.processing.flow.wording import Headline, alarms_told, headline
from latticewatch.processing.record.run_file.header import DEFAULT
from latticewatch.processing.sources.pacing import Transport
from latticewatch.processing.text import printable
from latticewatch.widgets.alarm_strip import AlarmStrip
from latticewatch.widgets.banner import Banner
from latticewatch.widgets.key_list import KeyList
from latticewatch.widgets.marks import Mark
from latticewatch.widgets.note_bar import NoteBar
from latticewatch.widgets.status_strip import StatusStrip
from latticewatch.widgets.theme import DARK, LIGHT, Theme, apply_theme
from latticewatch.widgets.transport_bar import TransportBar

PULL_MS, SLOWEST_MS, SHARE = 100, 1000, 4.0
WALL_SCALE_PER_PIXEL = 1.8 / 1280.0
WAITING = "Waiting for the first image …"


class MainWindow(QMainWindow):
    """Looks at a worker's session and paints it; it never waits for the worker, but at closing.

    interrupted: the run was stopped from outside before the window closed. may_close: asked while a run is recorded;
    None: closes without asking. folder: where the frames of a live run come from. next_run: how the user goes on to
    another run; None: closing is all there is. preferred: the user's; None: the usual ones. tools: windows beside it.
    """

    run_ended = pyqtSignal()
    banner: Banner
    alarm_strip: AlarmStrip
    status: StatusStrip
    bar: TransportBar
    note: NoteBar
    docks: Docks
    undo: Undo
    logbook: LogbookKey

    def __init__(
        self,
        title: str,
        *,
        theme: Theme = LIGHT,
        worker: Worker | None = None,
        transport: Transport | None = None,
        may_close: Callable[[QWidget], bool] | None = None,
        folder: ScanFolder | None = None,
        next_run: NextRun | None = None,
        preferred: Preferred | None = None,
        tools: Tools | None = None,
    ) -> None:
        super().__init__()
        self._theme, self.title, self._tools = theme, title, tools
        self._worker, self._may_close, self._next = worker, may_close, next_run or NextRun({})
        self.replay = ReplayControl(transport) if transport is not None else None
        self.shown_run: ShownRun | None = None
        self._arrivals, self._recall = Arrivals(), Recall()
        self.preferred = preferred or Preferred()
        self.alarms = WindowAlarms(self, self.preferred)
        self.wall = self.interrupted = self._was_maximised = False
        self._ended_s: float | None = None  # seconds since the epoch
        self._folder = folder
        self._after_end: FolderAfterEnd | None = None
        self.page: RunPage | None = None
        self.undo = Undo(self, self.say)
        self.marks = MarkBook(self.undo, self._show_marks, self.say)
        self.change = SettingsChange(
            self, self._next.ask_change, self._next.again, self.undo, self.say, self._mark_newest
        )
        self.docks = Docks(self)
        self.logbook = LogbookKey(
            self, self._run_file, self.facts, lambda *words: self.note.ask_words(*words), self.say
        )
        self.logbook.said.connect(self.say)
        self.logbook.not_kept.connect(
            lambda *said: self.marks.keep_words(self.page.shown_row() if self.page is not None else None, *said)
        )
        self.saver = Saver(self)
        self.saver.said.connect(self.say)
        self.view_menu = ViewMenu(self, self.saver, lambda time_s: self.note.ask(time_s), self._run_file)
        self.view_menu.change = self.change
        self.view_menu.edit_mask = None if tools is None else partial(tools.edit_mask, self.change.ask)
        self._build()
        self._connect_docks()
        install(self, self._commands(), after=lambda: self.docks.fill(self.page))
        self.name(title)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.tick)
        if worker is not None:
            self._timer.start(PULL_MS)

    def _commands(self) -> list[Command]:
        """Everything that a key does in the window; F1 and the menus are made from this list."""
        page, holds = self._on_page, self._holds
        return [
            *frame_commands(page, holds, self.to_change, partial(unpin, self.undo, lambda: self.page)),
            *view_commands(page, holds),
            *list_commands(self.docks),
            Command(VIEW, "Wall: banner and trace, large", ("F11",), self.toggle_wall, "look", lambda: self.wall),
            Command(VIEW, "Dark", ("Ctrl+D",), self.toggle_dark, "look", lambda: self._theme is DARK),
            Command(VIEW, "Preferences …", ("Ctrl+,",), self.ask_preferences, "preferences"),
            *self._run_commands(),
            *alarm_commands(self.alarms, self.acknowledge),
            Command("&Alarms", "Run a command for each …", (), self.ask_preferences, "ways"),
            *(self._tools.commands(lambda: self.page, self.change.ask) if self._tools is not None else ()),
            Command("&Help", "Keys", ("F1",), self.show_keys),
        ]

    def _run_commands(self) -> list[Command]:
        written = writing_commands(
            self.undo,
            {"M": self.ask_note, "S": self.shoot, "B": self.logbook.ask},
            lambda: self.page is not None,
            lambda: self._run_file() is not None,
        )
        replayed = replay_commands(lambda: self.bar) if self.replay is not None else []
        going_on = self._next.commands(self, self._worker if self.replay is None else None, self.say)
        close = Command(RUN, "Close", ("Ctrl+Q", "Ctrl+W"), self.close, "close")
        return [*written, *replayed, *self.change.commands(RUN), *going_on, close]

    def _holds(self, holds: Callable[[RunPage], bool]) -> Callable[[], bool]:
        """Whether this holds of the page that is shown."""
        return lambda: self.page is not None and holds(self.page)

    def _on_page(self, act: Callable[[RunPage], object]) -> Callable[[], None]:
        """What does this on the page that is shown."""

        def on_page() -> None:
            if self.page is not None:
                act(self.page)
                self.show_words()

        return on_page

    def sizeHint(self) -> QSize:
        return QSize(1280, 720)

    def _build(self) -> None:
        """Everything that has colours of its own; made anew when the theme changes."""
        self.banner, self.status, self.bar, self.note = Banner(self._theme), StatusStrip(), TransportBar(), NoteBar()
        self.alarm_strip = AlarmStrip(self._theme)
        self.alarm_strip.seen.connect(self.acknowledge)
        self._stack = QStackedWidget()
        self._waiting = QLabel(WAITING)
        self._waiting.setTextFormat(Qt.TextFormat.PlainText)
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack.addWidget(self._waiting)
        if self.replay is not None:
            self.replay.connect(self.bar)
        self.note.note_written.connect(self.marks.add)
        self.note.words_written.connect(self.logbook.post)
        central = QWidget()
        layout = QVBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.banner, self.alarm_strip, self._stack, self.note, self.bar, self.status):
            layout.addWidget(widget, 1 if widget is self._stack else 0)
        self.setCentralWidget(central)
        self.bar.setVisible(self.replay is not None)  # not earlier: without a parent it would be a window of its own
        self.banner.show_sample(printable(self.title))

    def _connect_docks(self) -> None:
        self.docks.frame_chosen.connect(lambda number: self.page.choose(number) if self.page else None)
        self.docks.marks.mark_chosen.connect(lambda time_s: self.page.choose_time(time_s) if self.page else None)
        self.docks.marks.removal_wanted.connect(self.marks.remove)
        self.docks.marks.change_wanted.connect(self.marks.change)

    def name(self, title: str) -> None:
        self.title = title
        self.setWindowTitle(f"{printable(title)} – LatticeWatch")
        self.banner.show_sample(printable(title))

    def say(self, text: str) -> None:
        self.status.say(text)

    def show_run(self, run: ShownRun, marks: Sequence[Mark] = ()) -> None:
        self.shown_run, self._recall = run, Recall(run.notes)
        page = RunPage(self._theme, run)
        page.prefer(self.preferred.now)
        self._show_page(page)
        self.marks.begin(marks, run.add_note)
        self.docks.add_lines([f"decided: {each}" for each in run.decided if each.source != DEFAULT])
        self.name(run.setup.title or self.title)

    def _show_page(self, page: RunPage) -> None:
        self.page = page
        page.chosen_changed.connect(self.show_words)
        page.pointing.menu_wanted.connect(partial(self.view_menu.open, page))
        page.show_marks(self.marks.marks)
        if self.replay is not None:
            self.replay.show_page(page)
        self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)
        order_tabs((page, self.note, self.bar, self.docks.frames, self.docks.marks, self.docks.results, self.docks.log))
        self._scale_type()
        page.setFocus()

    def tick(self) -> None:
        """Pull what is new and paint it; the next pull waits longer where painting is slow."""
        began = time.perf_counter()
        if self.page is None and self._worker is not None and self._worker.session is not None:
            self.show_run(ShownRun.of(self._worker.session))
            self.change.begin(self._worker.session.changes)
        self._show_changes()
        if self.page is None:  # what the run does meanwhile: compile, look for files
            self._waiting.setText(f"{WAITING}\n{printable(self.docks.newest_line())}")
        new = self.page is not None and self.page.refresh()
        self._recall_notes()
        if self.page is not None and self._worker is not None and self.replay is None:
            resumed = self.shown_run.resumed if self.shown_run is not None else 0
            period_s = self.page.history.timeline.period_s
            self.alarms.follow(self.page.snapshot(), period_s, live=self._is_live(), resumed=resumed)
        self.show_words()
        self.docks.fill(self.page)
        if self._worker is not None and self._worker.finished and not new and self._ended_s is None:
            self.end_run(time.time())
        if self._worker is not None and self._worker.finished and self._worker.interrupted.is_set():
            self.close()
            return
        spent_ms = 1000.0 * (time.perf_counter() - began)
        self._timer.setInterval(round(min(SLOWEST_MS, max(PULL_MS, SHARE * spent_ms))))

    def _show_changes(self) -> None:
        """Show the settings that the run has taken up: its page is made anew with them."""
        new = self.change.follow(self.page.snapshot().count if self.page is not None else 0)
        if new and self._worker is not None and self._worker.session is not None:
            self.shown_run = ShownRun.of(self._worker.session)
            self._make_anew()
            self.marks.recall([Mark(each.time_s, each.label) for each in new])

    def end_run(self, at_s: float) -> None:
        """The run has ended (seconds since the epoch): from now on its folder is looked at for frames that nobody
        records.
        """
        self._ended_s = at_s
        self.change.begin(None)
        if self._folder is not None and self.page is not None and self.replay is None:
            self._after_end = FolderAfterEnd(self._folder, [row.name for row in self.page.snapshot().rows()])
        self.run_ended.emit()

    def _recall_notes(self) -> None:
        """Of a run that is shown again: what was written down by the time that is played."""
        if self.page is not None and self.page.history.count:
            marks, lines = self._recall.due(self.page.history.timeline.span()[1])
            self.marks.recall(marks)
            self.docks.add_lines(lines)
        if self.replay is not None:
            self.replay.arrive()

    def lay_out_unseen(self) -> None:
        """Give every view its size without a window on the screen."""
        self.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self.show()

    def catch_up(self) -> None:
        """Show everything that is there: for a picture of a finished run."""
        if self.page is not None:
            self.page.catch_up()
        self._recall_notes()
        self.show_words()
        self.docks.fill(self.page)
        QCoreApplication.sendPostedEvents()
        if self.page is not None:
            self.page.repaint_run()

    def _run_kind(self) -> RunKind:
        if self.replay is not None:
            return RunKind.REPLAY
        return RunKind.LIVE if self._is_live() and self._ended_s is None else RunKind.ENDED

    def show_words(self) -> None:
        """Banner, counters and transport as of now."""
        page, run = self.page, self.shown_run
        lag = self._lag(page)
        self.banner.show_headline(self._headline(lag.silent_s))
        standing = self.alarms.standing()
        self.alarm_strip.show_alarms(alarms_told(standing), urgent=any(one.is_urgent for one in standing))
        if page is None or run is None:
            return
        snapshot, row = page.snapshot(), page.newest_row() if self.replay is None else page.shown_row()
        if row is not None:
            number = page.history.count - 1 if self.replay is None or page.chosen is None else page.chosen
            told = numbers_told(run.names, snapshot, number)
            looks_back = self.replay is None and page.chosen is not None
            self.banner.show_facts(f"newest: {told}" if looks_back else told, frame_and_lag(snapshot, row, lag))
        page.show_view(self._run_kind())
        self.status.show_status(status_of(snapshot, lag, self._place(run), page.last_gap))
        if self.replay is not None:
            self.replay.show(self.bar)

    def _lag(self, page: RunPage | None) -> Lag:
        """How far behind the numbers of a live run are; nothing of any other."""
        if page is None or self.replay is not None or self._ended_s is not None:
            return Lag()
        snapshot, period_s = page.snapshot(), page.history.timeline.period_s
        silent_s = self._arrivals.silent_s(snapshot, period_s) if self._is_live() else 0.0
        return Lag(lag_s(snapshot, period_s, self._arrivals.began_s, time.time()), silent_s)

    def _headline(self, silent_s: float) -> Headline:
        error = self._worker.error if self._worker is not None else None
        if error is not None or self.page is None:
            return before_a_row(self.title, error)
        if self.replay is not None:
            return headline(self.page.shown_snapshot())
        unrecorded = self._after_end.unrecorded if self._after_end is not None else 0
        return headline_of(self.page.snapshot(), silent_s, self._ended_s, unrecorded)

    def _place(self, run: ShownRun) -> Path | None:
        """Where it is recorded now: in the fallback folder, where the run file's own took no more."""
        session = None if self._worker is None else self._worker.session
        return run.out if session is None or session.writer is None else session.writer.path

    def _is_live(self) -> bool:
        return self._worker is not None and not self._worker.finished and self.replay is None

    def acknowledge(self) -> None:
        self.alarms.acknowledge()
        self.show_words()

    def toggle_wall(self) -> None:
        """Banner and trace alone, in large type, to be read across the hutch; and back."""
        self.wall = not self.wall
        self._scale_type()
        self.bar.setVisible(self.replay is not None and not self.wall)
        bar = self.menuBar()
        for widget in (self.status, *([bar] if bar is not None else [])):
            widget.setVisible(not self.wall)
        self.docks.close_all()
        if self.isVisible() and self.wall:
            self._was_maximised = self.isMaximized()
            self.showFullScreen()
        elif self.isVisible():
            (self.showMaximized if self._was_maximised else self.showNormal)()

    def _scale_type(self) -> None:
        scale = max(1.1, WALL_SCALE_PER_PIXEL * self.width()) if self.wall else 1.0
        self.banner.set_scale(scale)
        self.alarm_strip.set_scale(scale)
        if self.page is not None:
            self.page.set_wall(self.wall, scale)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """On the wall the type grows with the screen."""
        super().resizeEvent(a0)
        if self.wall:
            self._scale_type()

    def toggle_dark(self) -> None:
        """The other theme, here and in windows to come; the run stays where it is."""
        self._theme = LIGHT if self._theme is DARK else DARK
        self.preferred.change(dark=self._theme is DARK)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, self._theme)
        self._make_anew()
        look_again()

    def _make_anew(self) -> None:
        """Everything that is shown, where it was."""
        before, self.page = self.page, None  # the old page stays as it is while the rest is made anew
        # What has the focus is about to go: without this the window is no longer the active one.
        self.setFocus()
        self._build()
        self._scale_type()
        if before is not None and self.shown_run is not None:
            is_alike = before.run.setup.window_deg == self.shown_run.setup.window_deg
            page = RunPage(self._theme, self.shown_run, before.history if is_alike else None)
            self._show_page(page)
            page.take_over(before)
            self.catch_up()

    def ask_preferences(self) -> None:
        chosen = ask_for_preferences(self, self.preferred.now, self.alarms.try_out)
        if chosen is None:
            return
        before = self.preferred.now
        self.preferred.take(chosen)
        if chosen.command != before.command:
            self.alarms.tell_command()
        if chosen.dark != (self._theme is DARK):
            self.toggle_dark()
        if self.page is not None:
            self.page.prefer(chosen)
            self.show_words()

    def ask_note(self) -> None:
        row = self.page.shown_row() if self.page else None
        if row is not None and self.page is not None:
            self.note.ask(self.page.shown_time_s())

    def _mark_newest(self, text: str) -> None:
        row = self.page.newest_row() if self.page is not None else None
        self.marks.add(0.0 if row is None else row.time_s, text)

    def facts(self) -> dict[str, str]:
        row = self.page.shown_row() if self.page else None
        return facts_of(self.title, self.banner.words(), self.shown_run, row)

    def shoot(self) -> None:
        beside = self._run_file()
        self.say(shoot(self, self.facts(), beside.with_suffix("") if beside else None))

    def _run_file(self) -> Path | None:
        return (self.shown_run.out or self.shown_run.seen_in) if self.shown_run is not None else None

    def _show_marks(self) -> None:
        self.docks.marks.show_marks(self.marks.marks)
        if self.page is not None:
            self.page.show_marks(self.marks.marks)

    def to_change(self, direction: int) -> None:
        """Show the change of state before the shown frame, or the next; a replay plays up to it."""
        if self.replay is not None:
            self.replay.to_change(direction)
        elif self.page is not None:
            self.page.step_change(direction)

    def show_keys(self) -> None:
        KeyList(self, self.actions()).show()

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        """End the run in order: what was seen is recorded. While it is being recorded the user is asked."""
        worker = self._worker
        runs = worker is not None and not worker.finished and not worker.stop.is_set()
        recording = runs and self.shown_run is not None and self.shown_run.out is not None
        may_close = self._may_close if recording and self._next.plan is None else None
        if a0 is not None and may_close is not None and not may_close(self):
            a0.ignore()
            return
        self._timer.stop()
        self.change.end()
        if self._after_end is not None:
            self._after_end.end()
        if worker is not None:  # first: a disk that does not answer must not keep the run from ending
            self.interrupted = worker.interrupted.is_set()
            worker.end()
        self.alarms.end()
        self.saver.end()
        if self.page is not None:
            self.page.results.end()
        self.docks.end()
        super().closeEvent(a0)
        dismiss_dialogs()
