"""Stop a run and keep looking at it; go on to another one in the same window's place."""

from collections.abc import Callable, Mapping
from functools import partial

from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow, QMessageBox, QToolButton, QWidget

from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.window.keys import Command
from latticewatch.app.window.made_again import MadeAgain
from latticewatch.app.window.settings_change import Ask
from latticewatch.app.window.worker import Worker
from latticewatch.processing.errors import UserError

Chooser = Callable[[], RunPlan | None]
"""Lets the user choose a run; None: none was chosen. Raises UserError where it cannot be opened."""
STOP = "Stop recording?\nWhat was recorded is kept, and can be continued later; frames to come are not recorded."


class NextRun:
    """What becomes of a window's run by the user's choice.

    choosers: by their words in the menu, with their key; the first has a button of its own. may_stop: asked before a
    run is stopped. ask_change: asks for other settings of this run; None: nobody can be asked. again: makes all of its
    frames again. plan: the run that was chosen: the window closes for it.
    """

    def __init__(
        self,
        choosers: Mapping[tuple[str, str], Chooser],
        may_stop: Callable[[QWidget, str], bool] | None = None,
        ask_change: Ask | None = None,
        again: MadeAgain | None = None,
    ) -> None:
        self.ask_change, self.again = ask_change, again
        self._choosers = choosers
        self._may_stop = may_stop or ask
        self.plan: RunPlan | None = None

    def commands(self, window: QMainWindow, worker: Worker | None, say: Callable[[str], object]) -> list[Command]:
        """What the menus offer; the first choice has a button in the menu bar's corner too."""
        commands = [
            Command("&Run", words, (key,), partial(self._choose, window, choose, say), "next")
            for (words, key), choose in self._choosers.items()
        ]
        if worker is not None:
            stop = partial(self._stop, window, worker, say)
            command = Command("&Run", "Stop recording", ("Ctrl+E",), stop, "next", can=lambda: not worker.finished)
            commands.insert(0, command)
        if self.again is not None and self.ask_change is not None:
            show = partial(self._choose, window, self.again.plan_of_it, say)
            words = "Go on with all frames made again"
            commands.append(Command("&Run", words, ("Ctrl+Shift+T",), show, "next", can=self.again.can_show))
        bar = window.menuBar()
        if self._choosers and bar is not None:
            (words, key), choose = next(iter(self._choosers.items()))
            button = QToolButton()
            button.setText(words)
            button.setToolTip(f"{words} ({key})")
            button.setAccessibleName(words)
            button.clicked.connect(lambda _: self._choose(window, choose, say))
            bar.setCornerWidget(button)
        return commands

    def _stop(self, window: QWidget, worker: Worker, say: Callable[[str], object]) -> None:
        if worker.finished or worker.stop.is_set():
            say("the run has ended already")
        elif self._may_stop(window, STOP):
            worker.stop.set()

    def _choose(self, window: QWidget, choose: Chooser, say: Callable[[str], object]) -> None:
        try:
            self.plan = choose()
        except UserError as error:
            say(str(error))
            return
        if self.plan is not None and window.isVisible():
            window.close()


def dismiss_dialogs() -> None:
    """Close every dialog: one that is left open would keep the program when its window is closed by a signal."""
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.reject()


def ask(window: QWidget, question: str) -> bool:
    """Whether the user says yes; No is the answer to Enter and Esc."""
    button = QMessageBox.StandardButton
    return QMessageBox.question(window, "LatticeWatch", question, button.Yes | button.No, button.No) == button.Yes
