"""Nothing that is shown may widen the window or squeeze what stands beside it."""

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.placement import fitting_size
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.series import Series
from latticewatch.processing.flow.wording import Headline
from latticewatch.widgets.elided import ElidedLabel
from tests.window.synthetic import make_series, make_setup

# What a screen of 1920 x 1080 leaves at twice the scale, without panels and title bars.
SMALL = (960, 480)
LONG = "br_shell2_i_shell1_capillary_07_after_annealing_second_injection_0001p_" + "x" * 40


def window_of(qtbot: QtBot, size: tuple[int, int] = (1280, 720)) -> MainWindow:
    made, refinement = make_series(200, bins=600)
    series = Series(made.two_theta, ("Br", "I"))
    for row in made.snapshot().rows():
        series.append(replace(row, name=f"{LONG}_{row.index:05d}.cbf"))
    window = MainWindow("test")
    qtbot.addWidget(window)
    out = Path("/data/visitor/ch7001/id31/20260301") / f"{LONG}.h5"
    window.show_run(ShownRun(replace(make_setup(), title=LONG), series, refinement, out))
    window.resize(*size)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.catch_up()
    return window


def test_long_names_and_messages_leave_the_window_as_narrow_as_the_smallest_screen(qtbot: QtBot) -> None:
    window = window_of(qtbot, SMALL)
    window.say("saved " + LONG)
    qtbot.keyClick(window, Qt.Key.Key_Left)
    hint = window.minimumSizeHint()
    assert (hint.width() <= SMALL[0], hint.height() <= SMALL[1]) == (True, True), hint
    assert (window.width(), window.height()) == SMALL


def test_a_message_at_the_foot_leaves_the_docks_their_room(qtbot: QtBot) -> None:
    window = window_of(qtbot)
    window.docks.toggle_frames()
    qtbot.wait(50)
    before = window.docks.frames.width(), window.width()
    window.say("an entry could not be posted: " + LONG)
    qtbot.wait(50)
    assert (window.docks.frames.width(), window.width()) == before


def test_the_wall_and_back_leave_the_size_as_it_was(qtbot: QtBot) -> None:
    window = window_of(qtbot)
    for _ in range(2):
        qtbot.keyClick(window, Qt.Key.Key_F11)
        qtbot.keyClick(window, Qt.Key.Key_F11)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == (1280, 720))
    assert window.minimumSizeHint().width() <= SMALL[0]


def test_a_window_that_was_maximised_is_so_again_after_the_wall(qtbot: QtBot) -> None:
    window = window_of(qtbot)
    window.showMaximized()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isMaximized()


def test_on_the_wall_the_sample_is_named_and_lines_are_thick_however_long_the_run(qtbot: QtBot) -> None:
    window = window_of(qtbot)
    curve = window.page.trace._curves[0] if window.page is not None else None
    assert curve is not None
    assert curve._line.opts["pen"].widthF() == 1.0  # 200 rows: more than can be told apart
    assert not window.banner._sample.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert curve._line.opts["pen"].widthF() >= 1.8
    assert window.banner._sample.isVisible()
    shown = window.banner._sample.text()
    assert shown.startswith(LONG[:5])
    assert shown.endswith(LONG[-5:])


def test_what_does_not_fit_is_cut_in_the_middle_and_whole_in_the_tip(qtbot: QtBot) -> None:
    label = ElidedLabel("a" * 100 + "_00042.cbf\nsecond line")
    qtbot.addWidget(label)
    label.resize(200, 40)
    first, second = label.shown().split("\n")
    assert first.endswith("00042.cbf")
    assert "…" in first
    assert second == "second line"
    assert label.toolTip().count("a") >= 100
    # Whatever the font: room for the words, and for a part of the name.
    words = "newest frame: 42 at 1:45 min, "
    label.resize(label.fontMetrics().horizontalAdvance(words + "a" * 20), 40)
    label.setText(words + "a" * 100 + "_00042.cbf")
    assert label.shown().startswith(f"{words}a")
    assert label.shown().endswith("042.cbf")


@pytest.mark.parametrize(
    ("screen", "size"),
    [((1920, 1040), (1280, 720)), ((1280, 720), (1264, 680)), ((960, 510), (944, 470))],
)
def test_a_first_window_fits_the_screen_with_its_title_bar(screen: tuple[int, int], size: tuple[int, int]) -> None:
    assert fitting_size((1280, 720), screen) == size


def test_on_a_small_screen_a_dock_leaves_the_pattern_its_share_and_no_number_is_cut(qtbot: QtBot) -> None:
    window = window_of(qtbot, SMALL)
    page = window.page
    assert page is not None
    window.docks.toggle_frames()
    qtbot.waitUntil(lambda: page.pattern.width() >= 180)
    labels = [label for pair in page.trace.numbers._cells for label in pair if label.isVisible() and label.text()]
    assert len(labels) >= 3

    def cut() -> list[str]:
        """Labels that have not the room they need within the table."""
        room = page.trace.numbers.rect()
        return [
            label.text()
            for label in labels
            if not room.contains(label.geometry()) or label.width() < label.sizeHint().width()
        ]

    qtbot.waitUntil(lambda: not cut())


def test_the_state_is_not_cut_for_the_numbers_that_stand_over_the_trace_as_well(qtbot: QtBot) -> None:
    window = window_of(qtbot, (1280, 720))
    banner = window.banner
    banner.show_headline(Headline("silent", "DETECTOR SILENT 72 s", "no new frame"))
    assert banner._facts.isVisible()
    banner.setFixedWidth(660)
    banner.show_headline(Headline("silent", "DETECTOR SILENT 72 s", "no new frame"))
    qtbot.waitUntil(lambda: not banner._facts.isVisible())
    wanted = banner._words.fontMetrics().horizontalAdvance(banner.words())
    qtbot.waitUntil(lambda: banner._words.width() >= wanted)
