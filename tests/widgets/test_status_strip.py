"""The counters at the foot: bold means that something is to be done, and only as long as it is."""

from pytestqt.qtbot import QtBot

from latticewatch.widgets.elided import ElidedLabel
from latticewatch.widgets.status_strip import Status, StatusStrip


def test_a_counter_is_bold_only_while_it_is_a_reason_to_act(qtbot: QtBot) -> None:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    healthy = Status(found=5, recorded=5, gaps=1, last_gap="unreadable: cut short", lag="lag 1 s", lag_s=1.0)
    failing = Status(found=5, recorded=5, gaps=1, last_gap="unreadable: cut short", failing=True, lag="lag 1 s")
    for status, strong in ((healthy, False), (failing, True), (healthy, False)):
        strip.show_status(status)
        assert strip.text("gaps") == "of them gaps 1 (last: unreadable: cut short)"
        assert strip.is_strong("gaps") is strong


def test_a_start_in_solvent_shows_nothing_in_bold(qtbot: QtBot) -> None:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    strip.show_status(Status(found=4, recorded=4, gaps=4, last_gap="no peaks", lag="lag < 0.1 s", place="run.h5"))
    assert not [name for name in ("found", "recorded", "gaps", "waiting", "lag", "place") if strip.is_strong(name)]
    assert (strip.text("recorded"), strip.text("gaps")) == ("recorded 4", "of them gaps 4 (last: no peaks)")


def test_frames_that_wait_and_a_long_lag_are_bold(qtbot: QtBot) -> None:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    strip.show_status(Status(found=17, recorded=5, waiting=12, lag="lag 27 s", lag_s=27.0))
    assert strip.is_strong("waiting")
    assert strip.is_strong("lag")
    strip.show_status(Status(found=17, recorded=None, lag="lag 27 s", lag_s=1.0))
    assert not strip.is_strong("lag")
    assert (strip.text("recorded"), strip.text("gaps")) == ("", "gaps 0")


def test_where_there_is_little_room_the_number_of_gaps_and_what_is_said_stay(qtbot: QtBot) -> None:
    strip = StatusStrip()
    qtbot.addWidget(strip)
    strip.resize(760, 30)
    strip.show()
    strip.show_status(Status(found=5000, recorded=5000, gaps=370, last_gap="fit refused: the peaks are not those"))
    strip.say("saved picture.png")
    gaps, place = strip._labels["gaps"], strip._labels["place"]
    assert isinstance(gaps, ElidedLabel)
    assert isinstance(place, ElidedLabel)
    qtbot.waitUntil(lambda: place.shown() == "saved picture.png")
    assert gaps.shown().startswith("of them gaps 370 ")
    assert gaps.shown().endswith("…")
    assert "the peaks are not those" in gaps.toolTip()
