"""Undo and Redo of what could hurt; each step is said."""

from collections.abc import Callable

from PyQt6.QtCore import QObject
from PyQt6.QtGui import QUndoCommand, QUndoStack

Act = Callable[[], object]


class _Step(QUndoCommand):
    """One step, and how it is undone."""

    def __init__(self, text: str, act: Act, undo: Act) -> None:
        super().__init__(text)
        self._act, self._undo = act, undo

    def redo(self) -> None:
        self._act()

    def undo(self) -> None:
        self._undo()


class Undo:
    """The steps so far. ``say`` shows one line to the user."""

    def __init__(self, parent: QObject, say: Callable[[str], object]) -> None:
        self._stack = QUndoStack(parent)
        self._say = say

    def do(self, text: str, act: Act, undo: Act) -> None:
        """Do it now; ``text`` names it: ``mark “flow stopped” at 60 s``."""
        self._stack.push(_Step(text, act, undo))
        self._say(f"{text}: done (Undo: Ctrl+Z)")

    def can_undo(self) -> bool:
        return self._stack.canUndo()

    def can_redo(self) -> bool:
        return self._stack.canRedo()

    def undo(self) -> None:
        text = self._stack.undoText()
        self._stack.undo()
        self._say(f"undone: {text} (Redo: Ctrl+Shift+Z)" if text else "nothing to undo")

    def redo(self) -> None:
        text = self._stack.redoText()
        self._stack.redo()
        self._say(f"redone: {text}" if text else "nothing to redo")
