"""The window of ``compare``: recorded runs laid over one another; more are dropped onto it."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QDockWidget, QFileDialog, QMainWindow

from latticewatch.app.window.access import name_plots
from latticewatch.app.window.application import WINDOW_SIZE, closed_by_signals, make_application
from latticewatch.app.window.compared_table import Column, as_csv, as_latex, as_text, header_of, lines_of
from latticewatch.app.window.keys import Command, install
from latticewatch.app.window.path_box import dropped_on
from latticewatch.app.window.placement import fitted_size
from latticewatch.app.window.preferences import preferences_path, read_preferences, theme_of
from latticewatch.app.window.results_table import results_of
from latticewatch.app.window.screenshot import shoot
from latticewatch.app.window.undo import Undo
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.export.compared import ComparedRun, compared
from latticewatch.processing.record.export.figures import compare_runs
from latticewatch.processing.record.export.summary import summarise
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.text import one_line, printable
from latticewatch.widgets.compare_view import CompareView
from latticewatch.widgets.key_list import KeyList
from latticewatch.widgets.results_view import ResultsView
from latticewatch.widgets.theme import Theme, apply_theme

log = logging.getLogger(__name__)

FIGURES = "PDF (*.pdf);;SVG (*.svg);;PNG (*.png);;CSV (*.csv)"


def show_compare(paths: Sequence[Path]) -> int:
    """Open the window on these run files; 0 when it was closed. Raises UserError for one that cannot be read."""
    application = make_application()
    theme = theme_of(read_preferences(preferences_path()))
    apply_theme(application, theme)
    window = CompareWindow(theme)
    for path in paths:
        window.add_run(path, *read_compared(path))
    window.resize(fitted_size(window, *WINDOW_SIZE))
    window.show()
    with closed_by_signals():
        application.exec()
    return 0


def read_compared(path: Path) -> tuple[ComparedRun, Column]:
    """The run of this file as it is drawn, and its results. Raises UserError where it cannot be read."""
    with read_run(path) as run:
        one = compared(run)
        summary = summarise(run.header, run.traced, one.kinetics)
        return one, Column(one.label, tuple(results_of(summary, next(iter(run.header.component_names), ""))))


class CompareWindow(QMainWindow):
    """The overlay, and ways to add runs to it and to take them away. Files are read in a thread, in their order."""

    _was_read = pyqtSignal(Path, Future)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="compared runs")
        self._was_read.connect(self._take)
        self.view = CompareView(theme)
        self.paths: list[Path] = []
        self._columns: list[Column] = []
        self.results: ResultsView | None = None
        self._dock = QDockWidget("Results", self)
        self._dock.setObjectName("results")
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._dock)
        self._dock.hide()
        self.view.redrawn.connect(self._fill_results)
        self.undo = Undo(self, self.say)
        self.setCentralWidget(self.view)
        self.setWindowTitle("Compare – LatticeWatch")
        self.setAcceptDrops(True)
        install(self, self._commands())
        name_plots({"runs laid over one another": self.view.plot})

    def _commands(self) -> list[Command]:
        return [
            Command("&Runs", "Add a run …", ("Ctrl+O",), self.ask),
            Command("&Runs", "Remove the chosen run", ("Del",), self.drop, can=lambda: self.view.chosen() is not None),
            Command("&Runs", "Undo", ("Ctrl+Z",), self.undo.undo, can=self.undo.can_undo),
            Command("&Runs", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), self.undo.redo, can=self.undo.can_redo),
            Command("&Runs", "Screenshot for the logbook", ("S",), self.shoot),
            Command("&Runs", "Figure for the paper …", ("Ctrl+S",), self.save_figure),
            Command("&Runs", "Close", ("Ctrl+W", "Ctrl+Q"), self.close),
            Command("&View", "Whole view, after a zoom", ("F",), self.view.whole),
            Command("&View", "Logarithmic time", ("L",), self.view.log_time.toggle, is_on=self.view.log_time.isChecked),
            Command("&View", "Results of the runs", ("R",), self.toggle_results, is_on=self._dock.isVisible),
            Command("&Help", "Keys", ("F1",), self.show_keys),
        ]

    def say(self, text: str) -> None:
        self.view.hint.setText(text)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Add these runs once they are read; what cannot be read is said under the plot."""
        for path in paths:
            self.say(f"reading {printable(path.name)} …")
            reading = self._reading.submit(read_compared, path)
            reading.add_done_callback(partial(self._was_read.emit, path))

    def _take(self, path: Path, reading: "Future[tuple[ComparedRun, Column]]") -> None:
        if reading.cancelled():
            return
        try:
            self.add_run(path, *reading.result())
        except UserError as error:
            self.say(str(error))
        except Exception as error:  # whatever is wrong with one run: it is said, and the window stays
            log.exception("%s could not be read", path)
            self.say(one_line(f"{path.name}: internal error ({type(error).__name__}: {error}); the log has details"))

    def add_run(self, path: Path, one: ComparedRun, column: Column) -> None:
        """One more run, read from this file."""
        self.view.add_run(one)
        self._columns.append(column)
        self.paths.append(path)
        self.view.draw(anew=True)

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        if a0 is not None:
            self.add_files(dropped_on(a0))

    def drop(self) -> None:
        number = self.view.chosen()
        if number is None:
            self.say("choose a run in the list first")
            return
        take, bring = partial(self.view.drop, number), partial(self.view.drop, number, dropped=False)
        self.undo.do(f"removing {self.view.label(number)}", take, bring)

    def shown_paths(self) -> list[Path]:
        return [self.paths[number] for number in self.view.drawn_runs()]

    def facts(self) -> dict[str, str]:
        choice = f"{self.view.quantity.currentText()}, aligned at {self.view.alignment.currentText()}"
        return {"Title": "comparison", "Compared": choice, "Runs": ", ".join(path.name for path in self.shown_paths())}

    def shoot(self) -> None:
        """A picture beside the first run file, its facts as JSON beside it, and the picture in the clipboard."""
        if not self.paths:
            self.say("nothing to take a picture of: add a run first")
            return
        self.say(shoot(self, self.facts(), self.paths[0].with_name("comparison")))

    def save_figure(self) -> None:
        if not self.view.drawn_runs():
            self.say("nothing to save: no run is drawn")
            return
        beside = str(self.paths[0].absolute().with_name("comparison.pdf"))
        name, _ = QFileDialog.getSaveFileName(self, "Save figure", beside, FIGURES)
        if name:
            self.save_to(Path(name))

    def save_to(self, path: Path) -> None:
        """Save what is shown: these runs, this quantity, this zero, and the part that is zoomed to."""
        view = self.view
        numbers = view.drawn_runs()
        try:
            compare_runs(
                [view.run(number) for number in numbers],
                path,
                view.quantity.currentText(),
                view.alignment.currentText(),
                numbers=numbers,
                limits=view.limits(),
                log_time=view.log_time.isChecked(),
            )
        except UserError as error:
            self.say(str(error))
            return
        self.say(f"saved {path.absolute()}")

    def toggle_results(self) -> None:
        self._dock.setVisible(not self._dock.isVisible())
        self._fill_results()

    def _fill_results(self) -> None:
        """A column for each run that is ticked; the table is made anew with them."""
        if not self._dock.isVisible():
            return
        columns = self._shown_columns()
        if self.results is not None:
            self.results.deleteLater()  # the dock would keep it, hidden
        self.results = ResultsView(header_of(columns))
        self.results.copy_wanted.connect(self._copy)
        accuracy = "value ± esd ± accuracy where that is known; times are from the first frame"
        self.results.show_lines(lines_of(columns), accuracy)
        self._dock.setWidget(self.results)

    def _shown_columns(self) -> list[Column]:
        return [self._columns[number] for number in self.view.visible_runs()]

    def _copy(self, form: str) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            text = {"text": as_text, "CSV": as_csv, "LaTeX": as_latex}[form](self._shown_columns())
            clipboard.setText(text)
            self.say(f"the results are in the clipboard as {form}")

    def show_keys(self) -> None:
        KeyList(self, self.actions()).show()

    def ask(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add runs", "", "Run files (*.h5)")
        self.add_files([Path(name) for name in names])

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        """Wait for the file that is being read."""
        self._reading.shutdown(cancel_futures=True)
        super().closeEvent(a0)
