"""What can be opened beside the run: the list of frames and the log."""

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtWidgets import QDockWidget, QMainWindow, QWidget

from latticewatch.app.window_log import RecentLines
from latticewatch.app.window_run import RunPage
from latticewatch.widgets.frames_view import FramesView
from latticewatch.widgets.log_view import LogView

FRAMES_WIDTH, LOG_HEIGHT = 340, 130


class Docks(QObject):
    """Closed at the start; filled only while they are open."""

    frame_chosen = pyqtSignal(int)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._lines = RecentLines()
        self._lines.begin()
        self.frames, self.log = FramesView(), LogView()
        self.frames.frame_chosen.connect(self.frame_chosen)
        self._frames_dock = _dock(window, "Frames", self.frames, Qt.DockWidgetArea.RightDockWidgetArea)
        self._log_dock = _dock(window, "Log", self.log, Qt.DockWidgetArea.BottomDockWidgetArea)

    def toggle_frames(self) -> None:
        """The list of frames, or not."""
        self._frames_dock.setVisible(not self._frames_dock.isVisible())
        self._window.resizeDocks([self._frames_dock], [FRAMES_WIDTH], Qt.Orientation.Horizontal)

    def toggle_log(self) -> None:
        """What the program did and why, or not."""
        self._log_dock.setVisible(not self._log_dock.isVisible())
        self._window.resizeDocks([self._log_dock], [LOG_HEIGHT], Qt.Orientation.Vertical)

    def close_all(self) -> None:
        """Neither."""
        for dock in (self._frames_dock, self._log_dock):
            dock.setVisible(False)

    def fill(self, page: RunPage | None) -> None:
        """Show what is new in what is open."""
        if self._frames_dock.isVisible() and page is not None:
            self.frames.show_rows(page.snapshot(), page.history.count, page.history.gaps)
        if self._log_dock.isVisible():
            self.log.add_lines(self._lines.take())

    def end(self) -> None:
        """Stop listening to the log."""
        self._lines.end()


def _dock(window: QMainWindow, title: str, view: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    dock = QDockWidget(title, window)
    dock.setObjectName(title)
    dock.setWidget(view)
    window.addDockWidget(area, dock)
    dock.hide()
    return dock
