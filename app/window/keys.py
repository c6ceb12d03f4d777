"""Keys of a window: what each does; the menus and the list that F1 shows are made from the same commands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu, QMenuBar


@dataclass(frozen=True, slots=True)
class Command:
    """One action: its menu, what it does, its keys."""

    menu: str
    text: str
    keys: tuple[str, ...]
    act: Callable[[], object]


def install(window: QMainWindow, commands: Sequence[Command], after: Callable[[], object] | None = None) -> None:
    """Give the window these actions, in its menus and, for when the menus are hidden, in itself.

    after: called when any of them has been done.
    """
    bar: QMenuBar | None = window.menuBar()
    menus: dict[str, QMenu | None] = {}
    for command in commands:
        action = QAction(command.text, window)
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        action.triggered.connect(partial(_run, command.act, after))
        window.addAction(action)
        if command.menu not in menus and bar is not None:
            menus[command.menu] = bar.addMenu(command.menu)
        menu = menus.get(command.menu)
        if menu is not None:
            menu.addAction(action)


def _run(act: Callable[[], object], after: Callable[[], object] | None, checked: bool = False) -> None:
    del checked
    act()
    if after is not None:
        after()
