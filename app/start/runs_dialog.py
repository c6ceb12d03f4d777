"""The list of tonight's runs, from which one is shown, continued, or several are compared."""

import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QItemSelectionModel, Qt, QTimer
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from latticewatch.app.run.request import Request
from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.start.known_runs import KnownRun, known_runs
from latticewatch.app.window.newest import Newest
from latticewatch.app.window.placement import fitted_size
from latticewatch.processing.text import local_time, printable
from latticewatch.widgets.theme import applied_theme

HEADINGS = ("run", "state", "frames", "gaps", "last frame", "file")
POLL_MS, LOOK_AGAIN_S = 80, 10.0


class RunsDialog(QDialog):
    """``chosen`` is the scan whose recording is to be continued, None where none is.

    start: starts a command of this program in a process of its own. What is shown or compared neither ends the run of
    the window nor holds it up.
    """

    def __init__(
        self,
        current: Path | None,
        find: Callable[[Path | None], list[KnownRun]] = known_runs,
        start: Callable[[Sequence[str]], object] | None = None,
    ) -> None:
        super().__init__()
        self.chosen: Request | None = None
        self._current, self._find, self._start = current, find, start or start_apart
        self.runs: list[KnownRun] = []
        self._newest = Newest("runs of the night")
        self._asked_s = -math.inf
        self.setWindowTitle("Runs of the last 24 hours – LatticeWatch")
        self.table = QTableWidget(0, len(HEADINGS))
        self.table.setAccessibleName("runs")
        self.table.setHorizontalHeaderLabels(HEADINGS)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.doubleClicked.connect(lambda _: self.show_chosen())
        self.table.itemSelectionChanged.connect(self._offer)
        header, numbers = self.table.horizontalHeader(), self.table.verticalHeader()
        if header is not None and numbers is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setStretchLastSection(True)
            numbers.hide()
        self.said = QLabel("Looking for runs …")
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(POLL_MS)

    def _lay_out(self) -> None:
        self.show_button, self.continue_button = QPushButton("&Show"), QPushButton("&Continue recording …")
        self.compare_button = QPushButton("Co&mpare")
        self.show_button.clicked.connect(lambda _: self.show_chosen())
        self.continue_button.clicked.connect(lambda _: self.continue_chosen())
        self.compare_button.clicked.connect(lambda _: self.compare_chosen())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        for button in (self.show_button, self.continue_button, self.compare_button):
            row.addWidget(button)
        row.addWidget(self.said, 1)
        row.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        self._offer()
        self.resize(fitted_size(self, 900, 420))

    def _poll(self) -> None:
        """Look now, and again every few seconds: one of the runs may be recorded now."""
        self._newest.poll()
        if not self._newest.busy() and time.monotonic() - self._asked_s > LOOK_AGAIN_S:
            self._asked_s = time.monotonic()
            self._newest.ask(lambda _: self._find(self._current), self._show_runs, self.said.setText)

    def _show_runs(self, runs: list[KnownRun]) -> None:
        self._asked_s = time.monotonic()
        selected = {self.runs[number].path for number in self._rows()}
        self.runs = runs
        self.said.setText("" if runs else "No run was recorded in the last 24 hours.")
        model, flags = self.table.selectionModel(), QItemSelectionModel.SelectionFlag
        self.table.clearSelection()
        self.table.setRowCount(len(runs))
        for number, run in enumerate(runs):
            for column, text in enumerate(cells_of(run)):
                item = QTableWidgetItem(text)
                item.setToolTip(printable(str(run.path)))
                self.table.setItem(number, column, item)
            if run.path in selected and model is not None:
                model.select(self.table.indexFromItem(item), flags.Select | flags.Rows)
        self._offer()

    def _rows(self) -> list[int]:
        model = self.table.selectionModel()
        return sorted(index.row() for index in model.selectedRows()) if model is not None else []

    def selected(self) -> list[KnownRun]:
        return [self.runs[number] for number in self._rows() if number < len(self.runs)]

    def _offer(self) -> None:
        """What can be done with the chosen runs."""
        chosen = self.selected()
        one = chosen[0] if len(chosen) == 1 else None
        self.show_button.setEnabled(one is not None and one.is_whole)
        ended = one is not None and one.is_whole and not one.state.startswith("recording")
        self.continue_button.setEnabled(ended and one is not None and one.folder is not None)
        self.compare_button.setEnabled(bool(chosen) and all(run.is_whole for run in chosen))

    def show_chosen(self) -> None:
        """Show the chosen run as it was recorded, at its last frame."""
        chosen = self.selected()
        if len(chosen) == 1 and chosen[0].is_whole:
            self._start(["replay", str(chosen[0].path), "--speed", "max"])

    def continue_chosen(self) -> None:
        """Ask in the start dialog, which offers to continue the run that was last watched of this folder."""
        chosen = self.selected()
        if len(chosen) == 1 and chosen[0].folder is not None:
            dialog = StartDialog(applied_theme())
            dialog.take_folder(chosen[0].folder)
            dialog.exec()
            self.chosen = dialog.start
            dialog.deleteLater()
            if self.chosen is not None:
                self.accept()

    def compare_chosen(self) -> None:
        self._start(["compare", *(str(run.path) for run in self.selected())])

    def done(self, a0: int) -> None:
        """Wait for the runs that are being read."""
        self._timer.stop()
        self._newest.end()
        super().done(a0)


def cells_of(run: KnownRun) -> tuple[str, ...]:
    """A line of the list."""
    ended = local_time("%H:%M", run.ended_s) if math.isfinite(run.ended_s) else ""
    counts = (str(run.frames), str(run.gaps)) if run.is_whole else ("", "")
    return (printable(run.title), printable(run.state), *counts, ended, printable(run.path.name))


def start_apart(arguments: Sequence[str]) -> None:
    """Start this program with these arguments, in a process that outlives this one."""
    command = [sys.executable, "-m", "latticewatch.app", *arguments]
    subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
