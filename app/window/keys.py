"""Keys of a window: what each does; the menus and the list that F1 shows are made from the same commands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu, QMenuBar


@dataclass(frozen=True, slots=True)
class Command:
    """One action: its menu, what it does, its keys.

    group: those of one group stand together, with a line between groups. is_on: whether a check stands before it, of
    what is on or off; None: of what just happens. can: whether it can be done now; None: always.
    """

    menu: str
    text: str
    keys: tuple[str, ...]
    act: Callable[[], object]
    group: str = ""
    is_on: Callable[[], bool] | None = None
    can: Callable[[], bool] | None = None


def install(window: QMainWindow, commands: Sequence[Command], after: Callable[[], object] | None = None) -> None:
    """Give the window these actions, in its menus and, for when the menus are hidden, in itself.

    after: called when any of them has been done.
    """
    bar: QMenuBar | None = window.menuBar()
    menus: dict[str, QMenu | None] = {}
    before: dict[str, Command] = {}
    for command in commands:
        action = QAction(command.text, window)
        action.setData(command.menu.replace("&", ""))
        action.setShortcuts([QKeySequence(key) for key in command.keys])
        action.setCheckable(command.is_on is not None)
        action.triggered.connect(partial(_run, command.act, after))
        window.addAction(action)
        if command.menu not in menus and bar is not None:
            menus[command.menu] = bar.addMenu(command.menu)
        menu = menus.get(command.menu)
        if menu is None:
            continue
        last = before.get(command.menu)
        if last is not None and last.group != command.group:
            menu.addSeparator()
        before[command.menu] = command
        menu.addAction(action)
        menu.aboutToShow.connect(partial(_show_state, action, command))
        # Its key acts at any time: what cannot be done then says so itself.
        menu.aboutToHide.connect(partial(action.setEnabled, True))


def _show_state(action: QAction, command: Command) -> None:
    if command.is_on is not None:
        action.setChecked(command.is_on())
    action.setEnabled(command.can is None or command.can())


def _run(act: Callable[[], object], after: Callable[[], object] | None, checked: bool = False) -> None:
    del checked
    act()
    if after is not None:
        after()
