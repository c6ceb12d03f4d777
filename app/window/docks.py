"""What can be opened beside the run: the list of frames, the marks, the results and the log."""

import logging

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from latticewatch.app.run.run_log import LogLines
from latticewatch.app.window.results_table import SHOWN_HEADER, Result, as_csv, as_latex, as_text, note_of, results_of
from latticewatch.app.window.run_page import RunPage
from latticewatch.widgets.frames_view import FramesView
from latticewatch.widgets.log_view import LogView
from latticewatch.widgets.marks_view import MarksView
from latticewatch.widgets.results_view import ResultsView

SIDE_WIDTH, SIDE_SHARE, LOG_HEIGHT = 260, 0.28, 130
FORM = logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S")


class Docks(QObject):
    """Closed at the start; filled only while they are open."""

    frame_chosen = pyqtSignal(int)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._lines = LogLines(FORM)
        self._lines.begin()
        self.frames, self.marks, self.log = FramesView(), MarksView(), LogView()
        self.results = ResultsView(SHOWN_HEADER)
        self.results.copy_wanted.connect(self._copy_results)
        self._told: list[Result] = []
        self.frames.frame_chosen.connect(self.frame_chosen)
        self._frames_dock = _dock(window, "Frames", self.frames, Qt.DockWidgetArea.RightDockWidgetArea)
        self._marks_dock = _dock(window, "Marks", self.marks, Qt.DockWidgetArea.RightDockWidgetArea)
        self._results_dock = _dock(window, "Results", self.results, Qt.DockWidgetArea.RightDockWidgetArea)
        self._log_dock = _dock(window, "Log", self.log, Qt.DockWidgetArea.BottomDockWidgetArea)

    def toggle_frames(self) -> None:
        self._toggle(self._frames_dock, self._side(), Qt.Orientation.Horizontal)

    def toggle_marks(self) -> None:
        self._toggle(self._marks_dock, self._side(), Qt.Orientation.Horizontal)
        if self._marks_dock.isVisible():
            self.marks.setFocus()

    def toggle_results(self) -> None:
        self._toggle(self._results_dock, self._side(), Qt.Orientation.Horizontal)

    def toggle_log(self) -> None:
        self._toggle(self._log_dock, LOG_HEIGHT, Qt.Orientation.Vertical)

    def shows_frames(self) -> bool:
        return self._frames_dock.isVisible()

    def shows_marks(self) -> bool:
        return self._marks_dock.isVisible()

    def shows_results(self) -> bool:
        return self._results_dock.isVisible()

    def shows_log(self) -> bool:
        return self._log_dock.isVisible()

    def _toggle(self, dock: QDockWidget, size: int, across: Qt.Orientation) -> None:
        dock.setVisible(not dock.isVisible())
        self._window.resizeDocks([dock], [size], across)

    def _side(self) -> int:
        return max(SIDE_WIDTH, round(SIDE_SHARE * self._window.width()))

    def close_all(self) -> None:
        for dock in (self._frames_dock, self._marks_dock, self._results_dock, self._log_dock):
            dock.setVisible(False)

    def add_lines(self, lines: list[str]) -> None:
        """Lines that are not of this program's log: of the run's, or what it was put together from."""
        self._lines.put(lines)

    def newest_line(self) -> str:
        """The last line of this program's log; empty: there was none."""
        return self._lines.newest

    def fill(self, page: RunPage | None) -> None:
        if self._frames_dock.isVisible() and page is not None:
            self.frames.show_rows(page.snapshot(), page.history.count, page.history.gaps)
        if page is not None:
            page.results_wanted = self.shows_results()
        if page is not None and self.shows_results() and page.results.summary is not None:
            self._told = results_of(page.results.summary, next(iter(page.run.names), ""))
            self.results.show_lines([one.shown for one in self._told], note_of(page.results.summary))
        if self._log_dock.isVisible():
            self.log.add_lines(self._lines.take())

    def _copy_results(self, form: str) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText({"text": as_text, "CSV": as_csv, "LaTeX": as_latex}[form](self._told))

    def end(self) -> None:
        self._lines.end()


def _dock(window: QMainWindow, title: str, view: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    dock = QDockWidget(title, window)
    dock.setObjectName(title)
    dock.setWidget(view)
    window.addDockWidget(area, dock)
    dock.hide()
    return dock
