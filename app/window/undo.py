"""What can be taken back where it can hurt: done and undone by key, and said each time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject
from PyQt6.QtGui import QUndoCommand, QUndoStack

from latticewatch.processing.flow.pattern import Pattern

if TYPE_CHECKING:
    from latticewatch.app.window.main_window import MainWindow

Act = Callable[[], object]


class _Step(QUndoCommand):
    """One thing that was done, and how it is taken back."""

    def __init__(self, text: str, act: Act, take_back: Act) -> None:
        super().__init__(text)
        self._act, self._take_back = act, take_back

    def redo(self) -> None:
        self._act()

    def undo(self) -> None:
        self._take_back()


class Undo:
    """The steps that were taken, the newest first to be undone. ``say`` shows one line to the user."""

    def __init__(self, parent: QObject, say: Callable[[str], object]) -> None:
        self._stack = QUndoStack(parent)
        self._say = say

    def do(self, text: str, act: Act, take_back: Act) -> None:
        """Do it now; ``text`` names it: ``mark “flow stopped” at 60 s``."""
        self._stack.push(_Step(text, act, take_back))
        self._say(f"{text}: done (Ctrl+Z takes it back)")

    def undo(self) -> None:
        """Take the newest step back."""
        text = self._stack.undoText()
        self._stack.undo()
        self._say(f"taken back: {text} (Ctrl+Shift+Z does it again)" if text else "nothing to take back")

    def redo(self) -> None:
        """Do again what was taken back last."""
        text = self._stack.redoText()
        self._stack.redo()
        self._say(f"done again: {text}" if text else "nothing to do again")


def unpin(window: "MainWindow") -> None:
    """Take the pinned patterns away; that can be taken back, whatever page shows the run by then."""

    def show(pins: list[tuple[str, Pattern]]) -> None:
        if window.page is not None:
            window.page.pattern.show_pins(pins)

    pins = window.page.pattern.pins() if window.page is not None else []
    if pins:
        window.undo.do("unpinning all patterns", lambda: show([]), lambda: show(pins))
