"""What the banner has no room for is left out by whole parts: never half a number."""

import pytest
from pytestqt.qtbot import QtBot

from latticewatch.widgets.banner import Banner, fitting
from latticewatch.widgets.theme import LIGHT

DETAIL = "ALARM: pause (over) · complete in 10.5 min (9.1–11.8) · press A once seen"


@pytest.mark.parametrize(
    ("room_for", "shown"),
    [
        (DETAIL, DETAIL),
        (DETAIL[:-1], "ALARM: pause (over) · complete in 10.5 min (9.1–11.8) …"),
        ("ALARM: pause (over) · complete in 10.", "ALARM: pause (over) …"),
    ],
)
def test_whole_parts_that_fit(qtbot: QtBot, room_for: str, shown: str) -> None:
    banner = Banner(LIGHT)
    qtbot.addWidget(banner)
    metrics = banner.fontMetrics()
    assert fitting(DETAIL, metrics, metrics.horizontalAdvance(room_for)) == shown


def test_one_part_alone_ends_in_an_ellipsis(qtbot: QtBot) -> None:
    banner = Banner(LIGHT)
    qtbot.addWidget(banner)
    assert fitting(DETAIL, banner.fontMetrics(), 60).endswith("…")
