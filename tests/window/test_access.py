"""The keyboard's way through the windows: every stop has a name, and the order is that of reading."""

from collections.abc import Callable

import pytest
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.start.dialog import StartDialog
from latticewatch.app.window.access import stops_tab
from latticewatch.app.window.compare_window import CompareWindow
from latticewatch.app.window.preferences import Preferences
from latticewatch.app.window.preferences_dialog import PreferencesDialog
from latticewatch.processing.sources.pacing import Transport
from latticewatch.widgets.theme import LIGHT, Theme
from tests.window.windows import shown_window


def stops(window: QWidget) -> list[str]:
    """Names of what Tab stops at, in order."""
    found: list[QWidget] = []
    widget = window.nextInFocusChain()
    while widget is not None and widget is not window:
        if stops_tab(widget) and widget.isVisibleTo(window) and widget.isEnabled():
            found.append(widget)
        widget = widget.nextInFocusChain()
    return [each.accessibleName() or getattr(each, "text", lambda: "")() for each in found]


def test_tab_goes_from_the_map_to_the_transport_and_on_to_the_lists(qtbot: QtBot) -> None:
    window = shown_window(qtbot, transport=Transport())
    for toggle in (window.docks.toggle_frames, window.docks.toggle_marks, window.docks.toggle_log):
        toggle()
    names = stops(window)
    first = names.index("range")
    assert [*names[first:], *names[:first]] == [
        *("range", "mode", "scale", "unit"),
        *("lowest intensity of the colours", "highest intensity of the colours"),
        *("Pause", "Step", "◂ change", "change ▸", "speed", "time of the replay"),
        *("gaps only", "frames", "marks", "log"),
    ]


def preferences(_: Theme) -> PreferencesDialog:
    return PreferencesDialog(None, Preferences(), lambda _: None)


@pytest.mark.parametrize("build", [StartDialog, CompareWindow, preferences])
def test_every_stop_has_a_name(qtbot: QtBot, build: Callable[[Theme], QWidget]) -> None:
    window = build(LIGHT)
    qtbot.addWidget(window)
    window.show()
    names = stops(window)
    assert len(names) > 2
    assert all(names), names
    window.close()
