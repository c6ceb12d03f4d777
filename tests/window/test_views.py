"""The views by keys, clicks and drags, checked by what is drawn where the data are."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QColor
from pytestqt.qtbot import QtBot

from latticewatch.app.run.images_again import Picture, picture_of
from latticewatch.app.window.image import NOT_AT_HAND
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.run_page import RunPage
from latticewatch.processing.crystal.reflections import d_spacing, two_theta_deg
from latticewatch.processing.errors import UserError
from latticewatch.widgets.axes import AngleAxis, TimeAxis
from latticewatch.widgets.map_view import MarkedAngle
from latticewatch.widgets.theme import DARK, LIGHT
from tests.window.synthetic import PERIOD_S, WAVELENGTH_A, cells_at
from tests.window.windows import shown_window

ROWS = 80
NO_BEAM_S = 40.5 * PERIOD_S
NEAR = 60
"""Of 3 x 255: how far a drawn colour may be off, by antialiasing and what lies over it."""


def page_of(window: MainWindow) -> RunPage:
    assert window.page is not None
    return window.page


def line_deg(time_s: float, component: int) -> float:
    """Where the (211) line of a component is at this time."""
    return float(two_theta_deg(d_spacing(cells_at(time_s)[component], (2, 1, 1)), WAVELENGTH_A))


def spot(page: RunPage, time_s: float, angle: float) -> QPoint:
    """The pixel of the map's widget at this time and angle."""
    point = QPointF(*((angle, time_s) if page.map.sheet.down else (time_s, angle)))
    return page.map.plot.mapFromScene(page.map.sheet.box.mapViewToScene(point))


def colour(page: RunPage, time_s: float, angle: float) -> QColor:
    """What is drawn there."""
    page.map.paint_now()
    picture = page.map.plot.grab()
    place = spot(page, time_s, angle) * picture.devicePixelRatio()
    return picture.toImage().pixelColor(place)


def is_drawn(page: RunPage, time_s: float, angle: float, wanted: str) -> bool:
    """Whether this colour is there or at most two pixels beside it."""
    page.map.paint_now()
    picture = page.map.plot.grab()
    image, place = picture.toImage(), spot(page, time_s, angle) * picture.devicePixelRatio()
    around = [place + QPoint(x, y) for x in range(-2, 3) for y in range(-2, 3)]
    return any(is_like(image.pixelColor(point), wanted) for point in around)


def is_like(one: QColor, other: str) -> bool:
    wanted = QColor(other)
    pairs = zip((one.red(), one.green(), one.blue()), (wanted.red(), wanted.green(), wanted.blue()), strict=True)
    return sum(abs(a - b) for a, b in pairs) < NEAR


def drag(qtbot: QtBot, page: RunPage, start: QPoint, end: QPoint) -> None:
    """With the left button, in steps, as a hand does."""
    view = page.map.plot.viewport()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        qtbot.mouseMove(view, start + (end - start) * step / 5)
        qtbot.wait(5)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    qtbot.wait(5)


@pytest.mark.parametrize("down", [False, True])
def test_fitted_lines_lie_where_the_lattice_parameters_say(qtbot: QtBot, down: bool) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    if down:
        qtbot.keyClick(window, Qt.Key.Key_X)
    time_s = 60.0 + 0.5 * PERIOD_S
    angles = [line_deg(60.0, component) for component in (0, 1)]
    for component, angle in enumerate(angles):
        assert is_drawn(page, time_s, angle, DARK.components[component])
    qtbot.keyClick(window, Qt.Key.Key_E)
    for component, angle in enumerate(angles):
        assert not is_drawn(page, time_s, angle, DARK.components[component])


@pytest.mark.parametrize("down", [False, True])
def test_lines_of_no_component_are_marked_in_the_map_and_in_the_pattern(qtbot: QtBot, down: bool) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    if down:
        qtbot.keyClick(window, Qt.Key.Key_X)
    page.map.show_unknown((MarkedAngle(15.0, 20.0, 90.0),))
    page.map.paint_now()
    # Dotted: some of the points along it are drawn.
    at = [20.0 + 1.5 * step for step in range(20)]
    assert any(is_drawn(page, time_s, 15.0, DARK.gap) for time_s in at)
    assert not any(is_drawn(page, time_s, 14.9, DARK.gap) for time_s in at)
    shown = page.pattern._shown
    assert shown is not None
    page.pattern.show_frame(replace(shown, unknown=((15.0, "?"), (19.0, "Pb"))))
    labels = [label.toPlainText() for label in page.pattern._labels if label.isVisible()]
    assert "?" in labels
    assert "Pb" in labels


@pytest.mark.parametrize("down", [False, True])
def test_lines_are_bright_and_a_frame_without_beam_is_a_hole(qtbot: QtBot, down: bool) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    qtbot.keyClick(window, Qt.Key.Key_E)
    if down:
        qtbot.keyClick(window, Qt.Key.Key_X)
    peak, between = (colour(page, 6.0, angle) for angle in (line_deg(5.0, 0), 15.0))
    assert peak.lightness() > between.lightness() + 20
    hole = [colour(page, NO_BEAM_S, angle) for angle in np.linspace(14.6, 15.4, 12)]
    assert all(is_like(one, LIGHT.gap) or is_like(one, LIGHT.window) or one.red() > one.blue() + 40 for one in hole)


def test_the_flipped_map_keeps_its_range_and_its_cursor_and_is_linked(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    page.map.sheet.show_times(20.0, 120.0)
    qtbot.keyClick(window, Qt.Key.Key_X)
    item = page.map.plot.getPlotItem()
    assert isinstance(item.getAxis("left"), TimeAxis)
    assert isinstance(item.getAxis("bottom"), AngleAxis)
    assert page.map.sheet.times() == pytest.approx((20.0, 120.0))
    assert spot(page, 30.0, 15.0).y() < spot(page, 100.0, 15.0).y()
    qtbot.mouseClick(page.map.plot.viewport(), Qt.MouseButton.LeftButton, pos=spot(page, 80.0, 15.0))
    qtbot.waitUntil(lambda: page.chosen is not None)
    assert page.chosen == pytest.approx(80.0 / PERIOD_S, abs=1)
    page.map.sheet.show_times(40.0, 90.0)
    assert page.trace.plot.getPlotItem().getViewBox().viewRange()[0] == pytest.approx([40.0, 90.0])
    page.trace.show_times(10.0, 60.0)
    assert page.map.sheet.times() == pytest.approx((10.0, 60.0))
    qtbot.keyClick(window, Qt.Key.Key_U)
    assert item.getAxis("bottom").labelText == "Q / Å⁻¹"
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert item.getAxis("left").labelText == "Q / Å⁻¹"


@pytest.mark.parametrize("down", [False, True])
def test_a_drag_moves_the_time_and_stops_following(qtbot: QtBot, down: bool) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    if down:
        qtbot.keyClick(window, Qt.Key.Key_X)
    page.map.sheet.show_times(50.0, 150.0)
    drag(qtbot, page, spot(page, 120.0, 15.0), spot(page, 90.0, 15.0))
    first, last = page.map.sheet.times()
    assert first == pytest.approx(80.0, abs=3.0)
    assert last - first == pytest.approx(100.0, abs=0.5)
    page.repaint_run()
    assert page.map.sheet.times() == pytest.approx((first, last))
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert page.map.sheet.times()[0] == 0.0


def test_a_difference_is_even_about_0_and_its_scale_is_not_offered(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    qtbot.keyClick(window, Qt.Key.Key_D)
    page.map.paint_now()
    assert not page.map.bar.scale.isEnabled()
    low, high = (label.text() for label in (page.map.bar.low, page.map.bar.high))
    assert float(low) == -float(high)
    before = page.map.bar.scale.currentText()
    qtbot.keyClick(window, Qt.Key.Key_C)
    assert page.map.bar.scale.currentText() == before
    qtbot.keyClick(window, Qt.Key.Key_D)
    page.map.paint_now()
    qtbot.keyClick(window, Qt.Key.Key_C)
    assert page.map.bar.scale.currentText() == "sqrt"


def test_header_values_are_offered_in_the_strip_and_missing_ones_are_gaps(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    qtbot.keyClick(window, Qt.Key.Key_R)
    page.strip.paint_now()
    offered = {page.strip.quantity.itemText(number) for number in range(page.strip.quantity.count())}
    assert offered == {"Rwp / %", "χ²", "mean intensity", "Temperature"}
    while page.strip.quantity.currentText() != "Temperature":
        qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    values = page.history.header_values("Temperature")
    assert np.isnan(values[40])
    assert values[41] == pytest.approx(295.0 + 0.1 * 41)
    times, drawn = page.strip._line.getData()
    assert np.isnan(drawn[np.isclose(times, 40 * PERIOD_S)]).all()
    assert page.strip.plot.getPlotItem().getAxis("left").labelText == "Temperature"


def test_mixing_and_a_minute_after_are_pinned_once(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    for _ in range(2):
        qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert [name for name, _ in page.pattern.pins()] == ["0 s after mixing", "60 s after mixing"]


def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(40.0, (60, 50))


def picture(name: str) -> Picture:
    """An image with rings around its upper left corner, a dead row, and a mask."""
    rows, columns = np.mgrid[0:60, 0:50]
    image = counts()
    image[30] = -1
    mask = np.zeros((60, 50), bool)
    mask[:, 40:] = True
    return picture_of(image, 4.0 + 0.3 * np.hypot(rows, columns), mask)


def image_window(qtbot: QtBot, look: Callable[[str], Picture] | None) -> MainWindow:
    window = shown_window(qtbot, ROWS, look=look)
    qtbot.keyClick(window, Qt.Key.Key_I)
    return window


def test_the_image_of_the_shown_frame_is_read_in_a_thread(qtbot: QtBot) -> None:
    asked: list[tuple[str, str]] = []

    def look(name: str) -> Picture:
        asked.append((name, threading.current_thread().name))
        return picture(name)

    window = image_window(qtbot, look)
    panel = page_of(window).image.panel
    assert panel.isVisible()
    qtbot.waitUntil(lambda: panel.words().startswith("image of frame 79"))
    qtbot.keyClick(window, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: panel.words().startswith("image of frame 78"))
    assert asked == [("br_i_00079.cbf", "image"), ("br_i_00078.cbf", "image")]
    overlay = panel.view._mask.image
    assert overlay[:, 40:, 3].all()
    assert overlay[30, :, 3].all()
    assert not overlay[:30, :40, 3].any()
    ringed = panel.view._rings.image[..., 3] > 0
    assert ringed[31:, :].any()
    assert not ringed[:30].any()
    qtbot.keyClick(window, Qt.Key.Key_I)
    qtbot.keyClick(window, Qt.Key.Key_Left)
    assert len(asked) == 2
    assert not panel.isVisible()


def test_only_the_newest_question_is_kept_while_an_image_is_read(qtbot: QtBot) -> None:
    gate, asked = threading.Event(), list[str]()

    def look(name: str) -> Picture:
        asked.append(name)
        gate.wait(10.0)
        return picture(name)

    window = image_window(qtbot, look)
    qtbot.waitUntil(lambda: len(asked) == 1)
    for _ in range(5):
        qtbot.keyClick(window, Qt.Key.Key_Left)
    gate.set()
    panel = page_of(window).image.panel
    qtbot.waitUntil(lambda: panel.words().startswith("image of frame 74"))
    assert asked == ["br_i_00079.cbf", "br_i_00074.cbf"]


def test_why_there_is_no_image_is_said_in_its_place(qtbot: QtBot) -> None:
    def look(name: str) -> Picture:
        raise UserError(f"{name}: is no longer in scan; its pattern is kept, its image is not")

    window = image_window(qtbot, look)
    panel = page_of(window).image.panel
    qtbot.waitUntil(lambda: "no longer in scan" in panel.words())
    assert panel.view._counts.image is None
    page_of(window).choose(40)
    qtbot.waitUntil(lambda: panel.words().startswith("br_i_00040.cbf"))


def test_a_fault_in_an_image_is_said_and_the_window_goes_on(qtbot: QtBot) -> None:
    def look(name: str) -> Picture:
        raise ZeroDivisionError("no pixels")

    panel = page_of(image_window(qtbot, look)).image.panel
    qtbot.waitUntil(lambda: "ZeroDivisionError: no pixels" in panel.words())


def test_a_run_shown_from_its_file_says_that_it_has_no_images(qtbot: QtBot) -> None:
    assert page_of(image_window(qtbot, None)).image.panel.words() == NOT_AT_HAND


def test_a_frame_without_a_fit_has_no_rings(qtbot: QtBot) -> None:
    window = image_window(qtbot, picture)
    page_of(window).choose(50)
    panel = page_of(window).image.panel
    qtbot.waitUntil(lambda: panel.words() == "image of frame 50 (fit refused: χ² 31: no rings)")
    assert not panel.view._rings.image[..., 3].any()


def test_every_control_has_a_name_and_a_tip(qtbot: QtBot) -> None:
    page = page_of(shown_window(qtbot, 4))
    for choice in (page.map.bar.range, page.map.bar.mode, page.map.bar.scale, page.map.bar.unit, page.strip.quantity):
        assert choice.accessibleName()
        assert choice.toolTip()
        assert choice.focusPolicy() & Qt.FocusPolicy.TabFocus
    for view in (page.map, page.trace, page.strip, page.pattern, page.image.panel.view):
        assert view.accessibleName()


def test_nothing_that_was_measured_lies_under_a_word(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    window.marks.add(60.0, "flow stopped")
    page.repaint_run()
    trace = page.trace
    words = [*trace._pauses._texts, *itertools.chain(*trace._pauses._brackets), *trace._marks._lines]
    drawn = [item for curve in trace._curves for item in (curve._bars, curve._line, curve._points)]
    assert len(words) >= 4
    assert max(item.zValue() for item in words) < min(item.zValue() for item in drawn)


def reference_of(page: RunPage) -> np.ndarray:
    """What the map takes from each of its rows."""
    return np.asarray(page.map._source(page.history)[1])


def test_the_shown_the_pinned_and_the_mean_frame_are_taken_from_the_map(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    rows = page.history.window_map.sample(ROWS)
    page.map.bar.mode.setCurrentText("minus shown")
    page.choose(20)
    page.map.paint_now()
    assert np.array_equal(reference_of(page), rows[20])
    page.choose(None)
    assert np.array_equal(reference_of(page), rows[ROWS - 1])
    page.map.bar.mode.setCurrentText("minus pinned")
    assert not reference_of(page).any()  # nothing is pinned yet
    page.choose(30)
    qtbot.keyClick(window, Qt.Key.Key_P)
    page.choose(10)
    assert np.array_equal(reference_of(page), rows[30])
    page.map.bar.mode.setCurrentText("minus mean")
    page.map.sheet.show_times(10 * PERIOD_S, 20 * PERIOD_S)
    assert reference_of(page) == pytest.approx(rows[9:22].mean(axis=0), rel=1e-5)


def test_limits_of_the_colours_are_held_by_hand_until_the_field_is_empty(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    bar = page.map.bar
    page.map.paint_now()
    high = bar.high.text()
    bar.low.setFocus()
    bar.low.selectAll()
    qtbot.keyClicks(bar.low, "12.5")
    qtbot.keyClick(bar.low, Qt.Key.Key_Return)
    page.map.paint_now()
    assert (bar.low.text(), bar.high.text(), bar.low.font().bold()) == ("12.5", high, True)
    assert not bar.low.hasFocus()
    bar.low.setFocus()
    bar.low.selectAll()
    qtbot.keyClick(bar.low, Qt.Key.Key_Backspace)
    qtbot.keyClick(bar.low, Qt.Key.Key_Return)
    page.map.paint_now()
    assert bar.low.given is None
    assert bar.low.text() != "12.5"


def test_the_patterns_intensity_is_logarithmic_by_key(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    page = page_of(window)
    pattern = page.shown_row().pattern
    before = page.pattern._observed.getData()[1]
    qtbot.keyClick(window, Qt.Key.Key_Y)
    drawn = page.pattern._observed.getData()[1]
    assert drawn.max() == pytest.approx(np.log10(pattern.intensity.max()))
    low, high = page.pattern.plot.getPlotItem().getViewBox().viewRange()[1]
    assert low < drawn.min() < drawn.max() < high < 5.0
    qtbot.keyClick(window, Qt.Key.Key_Y)
    assert np.array_equal(page.pattern._observed.getData()[1], before)


def test_the_titles_of_a_low_trace_are_short(qtbot: QtBot) -> None:
    window = shown_window(qtbot, ROWS)
    trace = page_of(window).trace
    item = trace.plot.getPlotItem()

    def titles() -> list[str]:
        return [item.getAxis(name).labelText for name in ("left", "right")]

    assert titles() == ["lattice parameter / Å", "x (0: 5.842, 1: 6.205 Å)"]
    trace.plot.setFixedHeight(130)
    qtbot.waitUntil(lambda: titles() == ["Lp / Å", "x"])
    trace.plot.setFixedHeight(400)
    qtbot.waitUntil(lambda: titles()[0] == "lattice parameter / Å")
    for name in ("left", "right"):  # all of the title is on its axis, which is in the middle of it
        axis = item.getAxis(name)
        title = axis.label.mapRectToScene(axis.label.boundingRect())
        assert title.center().y() == pytest.approx(axis.sceneBoundingRect().center().y(), abs=8.0)
