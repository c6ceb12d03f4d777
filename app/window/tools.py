"""Windows for work beside a run: they neither hold it up nor end with it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtWidgets import QApplication, QDialog, QWidget

from latticewatch.app.run.decisions import RunPlan
from latticewatch.app.run.given import Given
from latticewatch.app.window.geometry_window import GeometryWindow
from latticewatch.app.window.keys import Command
from latticewatch.widgets.theme import applied_theme

MENU = "&Tools"


def tool_commands(plan: RunPlan) -> list[Command]:
    """What the menu offers beside this run; the windows begin with its files."""
    given = given_of(plan)
    return [Command(MENU, "Geometry by a standard …", ("Ctrl+G",), partial(_open, partial(_geometry, given)), "tools")]


def given_of(plan: RunPlan) -> Given:
    """The files that this run corrects its images with, as a start for the tools."""
    if plan.inputs is None:
        return Given()
    geometry = plan.inputs.geometry
    poni = Path(geometry.source)
    return Given(geometry=poni if poni.is_file() else None, mask=plan.inputs.mask, orientation=geometry.orientation)


def _geometry(given: Given, parent: QWidget | None) -> QDialog:
    return GeometryWindow(parent, applied_theme(), given)


def _open(make: Callable[[QWidget | None], QDialog]) -> None:
    """Open this window beside the active one, which stays in use."""
    window = make(QApplication.activeWindow())
    window.finished.connect(window.deleteLater)
    window.show()
