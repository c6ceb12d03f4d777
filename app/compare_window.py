"""The window of ``compare``: recorded runs laid over one another; more are dropped onto it."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QAction, QDragEnterEvent, QDropEvent, QKeySequence
from PyQt6.QtWidgets import QFileDialog, QMainWindow

from latticewatch.app.screenshot import picture_of_window, write_picture
from latticewatch.app.windowed import WINDOW_SIZE, make_application
from latticewatch.processing.errors import UserError
from latticewatch.processing.reaction.kinetics import describe
from latticewatch.processing.record.figure import mixing_of, watched_curve
from latticewatch.processing.record.run_file import Run, read_run
from latticewatch.widgets.compare_view import ComparedRun, CompareView
from latticewatch.widgets.theme import LIGHT, Theme, apply_theme


def show_compare(paths: Sequence[Path], screenshot: Path | None = None) -> int:
    """Open the window on these run files; 0 when it was closed. Raises UserError for one that cannot be read.

    screenshot: write a picture and return at once.
    """
    application = make_application()
    apply_theme(application, LIGHT)
    window = CompareWindow(LIGHT)
    for path in paths:
        window.add_file(path)
    window.resize(*WINDOW_SIZE)
    window.show()
    if screenshot is not None:
        facts = {"Title": "comparison", "Runs": ", ".join(path.name for path in paths)}
        write_picture(picture_of_window(window, facts), screenshot, facts)
        window.close()
        return 0
    application.exec()
    return 0


class CompareWindow(QMainWindow):
    """The overlay, and ways to add runs to it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.view = CompareView(theme)
        self.setCentralWidget(self.view)
        self.setWindowTitle("Compare – LatticeWatch")
        self.setAcceptDrops(True)
        for text, key, slot in (("add a run …", "Ctrl+O", self._ask), ("close", "Ctrl+W", self.close)):
            action = QAction(text, self)
            action.setShortcut(QKeySequence(key))
            action.triggered.connect(slot)
            self.addAction(action)
            menu = self.menuBar()
            if menu is not None:
                menu.addAction(action)

    def sizeHint(self) -> QSize:
        """Fits a small screen."""
        return QSize(1280, 720)

    def add_file(self, path: Path) -> None:
        """One more run. Raises UserError where it cannot be read."""
        with read_run(path) as run:
            self.view.add_run(compared(run))
        self.view.draw()

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        """Files are welcome."""
        if a0 is not None and _files(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        """Add what is dropped; what cannot be read is said under the plot."""
        if a0 is not None:
            self._add_all(_files(a0))

    def _ask(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Add runs", "", "Run files (*.h5)")
        self._add_all([Path(name) for name in names])

    def _add_all(self, paths: Sequence[Path]) -> None:
        for path in paths:
            try:
                self.add_file(path)
            except UserError as error:
                self.view.hint.setText(str(error))


def _files(event: QDropEvent) -> list[Path]:
    data = event.mimeData()
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()] if data is not None else []


def compared(run: Run) -> ComparedRun:
    """A run as it is laid over others."""
    kinetics, curve = describe(run.setup, run.traced), watched_curve(run)
    change = kinetics.lp_end_A - kinetics.lp_start_A
    mixing_s = mixing_of(run, kinetics)
    return ComparedRun(
        label=run.header.title or run.path.stem,
        times_s=curve.times_s,
        lp_A=curve.lp_A,
        lp_esd_A=curve.lp_esd_A,
        fraction=np.array([row.fraction for row in run.traced], float),
        progress=(curve.lp_A - kinetics.lp_start_A) / change if change else np.full_like(curve.lp_A, math.nan),
        pauses=tuple((pause.start_s, _end(pause.end_s, curve.times_s[-1:])) for pause in kinetics.pauses),
        mixing_s=mixing_s,
        half_s=mixing_s + kinetics.half_time_s,
    )


def _end(end_s: float, newest_s: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return end_s if math.isfinite(end_s) else float(newest_s[0]) if len(newest_s) else end_s


__all__ = ["CompareWindow", "compared", "show_compare"]
