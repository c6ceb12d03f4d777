"""Whether the page follows the run is said, and one button goes back."""

import math
from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.window.view_state import RunKind, view_state
from tests.window.synthetic import make_series
from tests.window.windows import shown_window

ROWS = make_series(119, bins=50)[0].snapshot().rows()
NEWEST, CHOSEN = ROWS[118], ROWS[38]


@pytest.mark.parametrize(
    ("looks_back", "follows", "run", "kind", "said", "button"),
    [
        (False, True, RunKind.LIVE, "live", "LIVE: newest frame 118 at 4:55 min", ""),
        (
            True,
            True,
            RunKind.LIVE,
            "back",
            "LOOKING BACK: frame 38 at 1:35 min · the newest is 118 at 4:55 min",
            "Back to live",
        ),
        (
            False,
            False,
            RunKind.LIVE,
            "held",
            "ZOOMED: map and trace are held where they are · newest frame 118 at 4:55 min",
            "Back to live",
        ),
        (
            True,
            False,
            RunKind.LIVE,
            "back",
            "LOOKING BACK: frame 38 at 1:35 min · the newest is 118 at 4:55 min · zoomed",
            "Back to live",
        ),
        (False, True, RunKind.ENDED, "live", "LAST FRAME: frame 118 at 4:55 min", ""),
        (
            True,
            True,
            RunKind.ENDED,
            "back",
            "LOOKING BACK: frame 38 at 1:35 min · the newest is 118 at 4:55 min",
            "Back to the last frame",
        ),
        (False, True, RunKind.REPLAY, "live", "NEWEST PLAYED: frame 118 at 4:55 min", ""),
    ],
)
def test_what_is_said_of_the_view(
    looks_back: bool, follows: bool, run: RunKind, kind: str, said: str, button: str
) -> None:
    state = view_state(NEWEST, CHOSEN if looks_back else None, follows=follows, run=run)
    assert (state.kind, f"{state.words}: {state.detail}", state.button) == (kind, said, button)


def test_without_a_row_or_a_time() -> None:
    assert view_state(None, None, follows=True, run=RunKind.LIVE).detail == ""
    timeless = replace(NEWEST, time_s=math.nan)
    assert view_state(timeless, None, follows=True, run=RunKind.LIVE).detail == "newest frame 118"


def test_one_button_goes_back_from_a_chosen_frame_and_a_zoom(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    bar = page.view_bar
    assert bar.words().startswith("LAST FRAME frame 79")
    assert not bar.button.isVisible()
    box = page.map.plot.getPlotItem().getViewBox()
    box.setXRange(20.0, 40.0, padding=0.0)
    box.sigRangeChangedManually.emit([True, True])
    assert bar.words().startswith("ZOOMED")
    qtbot.keyClick(window, Qt.Key.Key_Left)
    assert bar.words().startswith("LOOKING BACK frame 78")
    assert bar.words().endswith("zoomed")
    qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert page.chosen is None
    assert box.viewRange()[0][1] > 190.0
    assert bar.words().startswith("LAST FRAME frame 79")
    assert not bar.button.isVisible()


def test_numbers_of_the_newest_and_of_the_chosen_frame_are_told_apart(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    assert not window.banner.facts().startswith("newest")
    assert page.trace.numbers.text().startswith("newest | Br 5.")
    page.choose(20)
    assert window.banner.facts().startswith("newest: Br 5.")
    assert page.trace.numbers.text().startswith("frame 20 | Br 5.")
    assert page.pattern.caption().startswith("chosen frame: 20")
