"""What is under the pointer, the crosshair through all views, the menu of the right button, and the zoom."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from latticewatch.app.run.images_again import picture_of
from latticewatch.app.window.facts import reflection_lists, ticks_of
from latticewatch.app.window.pointing import IMAGE, MAP, PATTERN, TRACE, Place
from latticewatch.app.window.readout import (
    angle_told,
    intensity_told,
    line_told,
    map_readout,
    pattern_readout,
    pixel_told,
    trace_readout,
    value_readout,
)
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.app.window.view_menu import Acts, entries
from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.composition import CompositionScale
from latticewatch.widgets.image_view import ImageView
from tests.window.synthetic import WAVELENGTH_A, make_series, make_setup
from tests.window.windows import shown_window

SERIES, REFINEMENT = make_series(52, bins=600)
ROWS = SERIES.snapshot().rows()
RUN = ShownRun(make_setup(), SERIES, REFINEMENT)
LINES = reflection_lists(RUN.setup, SERIES.two_theta)


@pytest.mark.parametrize(
    ("angle", "words"),
    [(15.0, "2θ 15.000°, Q 2.560 Å⁻¹, d 2.4541 Å"), (0.0, "2θ 0.000°")],
)
def test_an_angle_in_all_units(angle: float, words: str) -> None:
    assert angle_told(angle, WAVELENGTH_A) == words


def test_the_map_says_frame_angle_intensity_and_line() -> None:
    row = ROWS[20]
    ticks = ticks_of(RUN.setup, LINES, row.fit)
    at = float(ticks[0].two_theta[ticks[0].hkl.index("211")])
    said = map_readout(RUN, row, LINES, at)
    assert said.startswith("frame 20 at 50 s · 2θ ")
    number = int(np.argmin(np.abs(row.pattern.two_theta - at)))
    intensity, sigma = float(row.pattern.intensity[number]), float(row.pattern.sigma[number])
    assert f"intensity {quoted(intensity, sigma, unit='')}" in said
    assert said.endswith("Br 211")
    assert map_readout(RUN, ROWS[40], LINES, at).endswith("no beam")


def test_outside_of_what_was_measured_there_is_no_intensity() -> None:
    pattern = ROWS[20].pattern
    assert intensity_told(pattern, 3.0) == intensity_told(None, 15.0) == ""
    blind = replace(pattern, intensity=np.full_like(pattern.intensity, np.nan))
    assert intensity_told(blind, 15.0) == ""
    assert line_told((), 15.0) == ""


def test_the_pattern_says_what_was_calculated_too() -> None:
    row = ROWS[20]
    curves = REFINEMENT.curves(row.fit.parameters)
    said = pattern_readout(row.pattern, curves, (), 12.0, WAVELENGTH_A)
    assert "calculated" in said
    assert "calculated" not in pattern_readout(row.pattern, None, (), 12.0, WAVELENGTH_A)


def test_the_trace_says_the_frames_numbers_and_what_lies_under_the_pointer() -> None:
    scale = CompositionScale(5.842, 6.205)
    said = trace_readout(("Br", "I"), ROWS[20], 6.0235, scale)
    assert said.startswith("frame 20 at 50 s · Br 5.")
    assert said.endswith("pointer at 6.0235 Å, x 0.5000")
    assert trace_readout(("Br", "I"), ROWS[40], 6.0, None) == "frame 40 at 1:40 min · no beam · pointer at 6.0000 Å"
    assert value_readout(ROWS[20], "Flux", float("nan")) == "frame 20 at 50 s · Flux: no value"


def test_a_pixel_is_that_of_the_detector_also_where_the_image_is_thinned(qtbot: QtBot) -> None:
    counts = np.zeros((1400, 1000))
    counts[801, 301] = 23.0
    mask = np.zeros(counts.shape, bool)
    mask[100:102, 100:102] = True
    picture = picture_of(counts, np.full(counts.shape, 15.0), mask)
    view = ImageView()
    qtbot.addWidget(view)
    view.show_image(picture.counts, picture.two_theta, (), picture.masked, picture.step)
    assert pixel_told(view.pixel_at(150.5, 400.5), WAVELENGTH_A).startswith("row 800, column 300 · 2θ 15.000°")
    assert pixel_told(view.pixel_at(150.5, 400.5), WAVELENGTH_A).endswith("23 counts")
    assert pixel_told(view.pixel_at(50.5, 50.5), WAVELENGTH_A).endswith("left out")
    assert pixel_told(view.pixel_at(-1.0, 50.0), WAVELENGTH_A) == ""


def spot(page: RunPage, x: float, y: float) -> QPoint:
    """Where this place of the trace lies in its plot."""
    plot = page.trace.plot
    return plot.mapFromScene(plot.getPlotItem().getViewBox().mapViewToScene(QPointF(x, y)))


def test_the_crosshair_goes_through_all_views_and_leaves_with_the_pointer(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    pointing = page.pointing
    viewport = page.trace.plot.viewport()
    qtbot.mouseMove(viewport, spot(page, 40.0, 6.0))
    qtbot.mouseMove(viewport, spot(page, 50.0, 6.0))
    qtbot.waitUntil(lambda: page.view_bar.readout().startswith("frame 20 at 50 s · Br 5."))
    assert [round(cross.place() or 0.0) for cross in pointing._times] == [50, 50, 50]
    pointing.point(pointing.place(MAP, 50.0, 15.0))
    assert [cross.place() for cross in pointing._angles] == [15.0, 15.0, 15.0]
    page.map.flip()
    assert pointing.place(MAP, 15.0, 50.0) == replace(
        pointing.place(PATTERN, 15.0, 0.0),
        **{
            "view": MAP,
            "time_s": 50.0,
            "said": map_readout(window.shown_run, page.snapshot().row(20), page._lines, 15.0),
        },
    )
    pointing.point(None)
    assert page.view_bar.readout() == ""
    assert not [cross for cross in (*pointing._times, *pointing._angles) if cross.place() is not None]


def acts_of(done: list[object]) -> Acts:
    return Acts(
        copy=lambda text: done.append(("copy", text)),
        show=lambda time_s: done.append(("show", time_s)),
        mark=lambda time_s: done.append(("mark", time_s)),
        copy_pattern=lambda: done.append("copy pattern"),
        save_pattern=None,
        save_trace=lambda: done.append("trace"),
        save_view=lambda: done.append("view"),
        zoom_back=None,
        show_all=lambda: done.append("all"),
    )


def test_the_menu_offers_what_can_be_done_at_the_place(qtbot: QtBot) -> None:
    done: list[object] = []
    found = entries(Place(TRACE, 50.0, None, "frame 20"), acts_of(done))
    assert [entry.text for entry in found if entry.act is None] == ["Save the shown pattern …", "Zoom back"]
    for entry in found:
        if entry.act is not None:
            entry.act()
    assert done == [("copy", "frame 20"), ("show", 50.0), ("mark", 50.0), "copy pattern", "trace", "view", "all"]
    texts = [entry.text for entry in entries(Place(IMAGE), acts_of([]))]
    assert texts == ["Copy what is here", "Save this view as a picture …", "Zoom back", "Show everything"]


def test_the_right_button_opens_it_and_a_line_of_it_acts(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    qtbot.mouseClick(page.trace.plot.viewport(), Qt.MouseButton.RightButton, pos=spot(page, 50.0, 6.0))
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    (copy,) = [action for action in menu.actions() if action.text() == "Copy what is here"]
    copy.trigger()
    menu.close()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().startswith("frame 20 at 50 s")


def test_pattern_and_trace_are_saved_as_export_writes_them(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    for ending, act in (("csv", "save_trace"), ("xye", "save_pattern")):
        path = tmp_path / f"saved.{ending}"
        monkeypatch.setattr(
            "latticewatch.app.window.view_menu.QFileDialog.getSaveFileName", lambda *_, path=path: (str(path), "")
        )
        with qtbot.waitSignal(window.saver.said):
            getattr(window.view_menu.acts(page, Place(TRACE, 50.0)), act)()
    with (tmp_path / "saved.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[40]["reason"]) == (80, "no beam")
    assert (tmp_path / "saved.xye").read_text(encoding="utf-8").startswith("# br_i_00079.cbf\n")
    monkeypatch.setattr(
        "latticewatch.app.window.view_menu.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "no" / "a.csv"), "")
    )
    with qtbot.waitSignal(window.saver.said) as said:
        window.view_menu.acts(page, Place(TRACE, 50.0)).save_trace()
    assert said.args[0].startswith("not saved: ")


def test_a_drag_with_shift_zooms_to_a_rectangle_and_backspace_goes_back(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    box = page.trace.plot.getPlotItem().getViewBox()
    before = box.viewRange()
    viewport, (first, last) = page.trace.plot.viewport(), (spot(page, 50.0, 6.0), spot(page, 100.0, 5.9))
    shift = Qt.KeyboardModifier.ShiftModifier
    moved: list[object] = []
    box.sigRangeChangedManually.connect(moved.append)
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, shift, pos=first)
    for place in (first + (last - first) / 2, last):
        at = QPointF(place)
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            at,
            QPointF(viewport.mapToGlobal(place)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            shift,
        )
        QApplication.sendEvent(viewport, event)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, shift, pos=last)
    assert box.viewRange()[0] == pytest.approx([50.0, 100.0], abs=2.0)
    assert len(moved) == 1
    assert page.view_bar.words().startswith("ZOOMED")
    qtbot.keyClick(window, Qt.Key.Key_Backspace)
    assert np.allclose(box.viewRange(), before, atol=1e-3)
    assert not page.can_zoom_back()


def test_backspace_undoes_the_steps_of_several_views_in_their_order(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    now = [100.0]
    monkeypatch.setattr("latticewatch.widgets.axes.time.monotonic", lambda: now[0])
    trace, pattern = (plot.getPlotItem().getViewBox() for plot in (page.trace.plot, page.pattern.plot))
    seen = []
    for box, span in ((trace, (20.0, 80.0)), (pattern, (8.0, 20.0)), (trace, (40.0, 60.0))):
        seen.append((trace.viewRange()[0], pattern.viewRange()[0]))
        box._keep()
        box.setXRange(*span, padding=0.0)
        now[0] += 1.0
    for times, angles in reversed(seen):
        assert page.can_zoom_back()
        qtbot.keyClick(window, Qt.Key.Key_Backspace)
        assert np.allclose([trace.viewRange()[0], pattern.viewRange()[0]], [times, angles])
    assert not page.can_zoom_back()


def test_a_double_click_shows_everything_and_keeps_the_frame(qtbot: QtBot) -> None:
    window = shown_window(qtbot)
    page = window.page
    assert page is not None
    page.choose(20)
    box = page.trace.plot.getPlotItem().getViewBox()
    box.setXRange(20.0, 80.0, padding=0.0)
    box.sigRangeChangedManually.emit([True, True])
    viewport, place = page.trace.plot.viewport(), spot(page, 60.0, 6.0)
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place)
    assert page.chosen == 24
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=place)
    assert page.chosen == 20
    assert page.follows
    assert box.viewRange()[0][1] > 190.0
