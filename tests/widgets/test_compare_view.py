"""Runs laid over one another."""

import math

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QPainterPath, QWheelEvent
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.reaction.afterwards.kinetics import Completion, Kinetics, Pause
from latticewatch.processing.record.export.compared import ComparedRun, Curve
from latticewatch.widgets.compare_view import SHAPES, CompareView, symbol_of
from latticewatch.widgets.theme import LIGHT, apply_theme

SCALE = CompositionScale(5.842, 6.205)
END = Completion(declared_s=45.0, reached_s=44.0, lp_A=5.882, lp_esd_A=1e-4)


def run_of(label: str, mixing_s: float, *, scale: bool = True, complete: bool = True) -> ComparedRun:
    """A run whose lattice parameter grows by 1e-3 a second from mixing on, with one gap and one pause."""
    times = np.arange(0.0, 50.0, 2.5)
    lp = 5.842 + 1e-3 * np.clip(times - np.nan_to_num(mixing_s), 0.0, None)
    lp[7] = np.nan
    kinetics = Kinetics(
        mixing_s=mixing_s,
        pauses=(Pause(20.0, 25.0, 5.85, 1e-4, 24.0),),
        complete=END if complete else None,
        lp_start_A=5.842,
        lp_end_A=5.842 + 0.04,
    )
    curve = Curve(times, lp, np.full_like(lp, 1e-4))
    return ComparedRun(label, f"{label}.h5", curve, kinetics, mixing_s, SCALE if scale else None)


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication) -> CompareView:
    apply_theme(qapp, LIGHT)
    view = CompareView(LIGHT)
    qtbot.addWidget(view)
    for run in (run_of("bare", 10.0), run_of("shell", 4.0), run_of("lost", math.nan, scale=False)):
        view.add_run(run)
    view.draw()
    return view


def curves(view: CompareView) -> list[int]:
    """Points drawn for each run."""
    return [len(items[0].xData) if items[0].xData is not None else 0 for items in view._items]


def test_runs_are_aligned_at_mixing_and_what_is_not_known_is_said(view: CompareView) -> None:
    assert curves(view) == [20, 20, 0]
    assert view.hint.text() == "not drawn: lost, lost (mixing not known)"
    assert view._items[0][0].xData[0] == -10.0
    assert view._items[1][0].xData[0] == -4.0
    bars = [view._items[number][2] for number in (0, 1)]
    assert bars[0].getRegion() == (10.0, 15.0)
    # Over the curves, each run's in a line of its own: nothing lies over what was measured.
    assert bars[0].span[1] == 1.0
    assert 0.9 < bars[1].span[0] < bars[1].span[1] < bars[0].span[0]


def test_first_frame_alignment_shows_all(view: CompareView) -> None:
    view.alignment.setCurrentText("first frame")
    assert curves(view) == [20, 20, 20]
    assert view.hint.text() == ""


def test_composition_needs_a_scale(view: CompareView) -> None:
    view.alignment.setCurrentText("first frame")
    view.quantity.setCurrentText("composition")
    assert curves(view) == [20, 20, 0]
    assert view.plot.getPlotItem().getAxis("left").labelText == "fraction"


def test_a_tick_in_the_list_hides_a_run(view: CompareView) -> None:
    item = view.list.item(0)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    assert curves(view) == [0, 20, 0]
    assert view.visible_runs() == [1, 2]


def test_a_run_that_is_not_complete_has_no_share_of_its_change(view: CompareView) -> None:
    """Stretched to 100 % it would overtake the runs that are."""
    view.add_run(run_of("half way", 4.0, complete=False))
    view.quantity.setCurrentText("progress")
    assert curves(view) == [20, 20, 0, 0]
    assert "half way, half way (not complete, so its whole change is not known)" in view.hint.text()
    shown = view._items[1][0].yData
    assert shown[-1] == pytest.approx((5.842 + 1e-3 * (47.5 - 4.0) - 5.842) / 0.04)
    view.quantity.setCurrentText("lattice parameter")
    assert curves(view) == [20, 20, 0, 20]


def test_the_composition_is_that_of_the_lattice_that_is_drawn(view: CompareView) -> None:
    lp = view._items[0][0].yData.copy()
    view.quantity.setCurrentText("composition")
    expected = [fraction_of(SCALE, each, 0.0)[0] for each in lp]
    assert np.allclose(view._items[0][0].yData, expected, equal_nan=True)


def test_a_symbol_means_one_run() -> None:
    symbols = [symbol_of(number) for number in range(40)]
    named = [(each.shape, each.hollow) for each in symbols if not isinstance(each.shape, QPainterPath)]
    assert len(named) == len(set(named)) == 2 * len(SHAPES)
    drawn = [each.shape for each in symbols[2 * len(SHAPES) :]]
    paths = [each for each in drawn if isinstance(each, QPainterPath)]
    assert len(paths) == 40 - 2 * len(SHAPES)
    assert all(one != other for number, one in enumerate(paths) for other in paths[:number])


def test_the_list_shows_the_symbol_of_the_plot(view: CompareView) -> None:
    """The third one points upward in both: as the plot's, it is widest near its foot."""
    item = view.list.item(2)
    assert item is not None
    picture = item.icon().pixmap(14, 14).toImage()
    widths = [sum(picture.pixelColor(x, y).alpha() > 100 for x in range(14)) for y in range(14)]
    filled = [width for width in widths if width]
    assert filled[0] < filled[-2]


def scroll(view: CompareView) -> None:
    """Turn the wheel over the middle of the plot."""
    target = view.plot.viewport()
    assert target is not None
    middle = target.rect().center()
    args = (QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier)
    event = QWheelEvent(
        QPointF(middle), QPointF(target.mapToGlobal(middle)), *args, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(target, event)


def test_there_is_a_way_back_from_a_zoom(qtbot: QtBot, view: CompareView) -> None:
    view.resize(900, 500)
    with qtbot.waitExposed(view):
        view.show()
    view.whole()
    whole = view.plot.getPlotItem().getViewBox().viewRange()
    assert not view.whole_button.isEnabled()
    for back in ("button", "double click"):
        scroll(view)
        zoomed = view.plot.getPlotItem().getViewBox().viewRange()
        assert zoomed != whole
        item = view.list.item(0)
        assert item is not None
        item.setCheckState(Qt.CheckState.Unchecked)
        item.setCheckState(Qt.CheckState.Checked)
        assert view.plot.getPlotItem().getViewBox().viewRange() == zoomed, "hiding a run keeps the zoom"
        if back == "button":
            qtbot.mouseClick(view.whole_button, Qt.MouseButton.LeftButton)
        else:
            place = view.plot.viewport()
            assert place is not None
            qtbot.mouseClick(place, Qt.MouseButton.LeftButton, pos=place.rect().center())
            qtbot.mouseDClick(place, Qt.MouseButton.LeftButton, pos=place.rect().center())
            qtbot.mouseRelease(place, Qt.MouseButton.LeftButton, pos=place.rect().center())
        assert view.plot.getPlotItem().getViewBox().viewRange() == whole


def test_logarithmic_time_begins_after_its_zero(qtbot: QtBot, view: CompareView) -> None:
    qtbot.mouseClick(view.log_time, Qt.MouseButton.LeftButton, pos=QPoint(8, view.log_time.height() // 2))
    assert view.log_time.isChecked()
    times = view._items[0][0].xData
    assert np.isnan(times[:5]).all(), "what lies at mixing and before it is left out"
    assert times[5] == pytest.approx(math.log10(2.5))
    assert view._items[0][2].getRegion() == pytest.approx((1.0, math.log10(15.0)))
    axis = view.plot.getPlotItem().getAxis("bottom")
    (_, named), _ = axis.tickValues(0.0, 2.0, 500.0)
    assert axis.tickStrings(named, 1.0, 1.0) == ["1", "2", "5", "10", "20", "50", "100"]
    assert axis.labelText == "time since mixing / s"
    view.log_time.setChecked(False)
    assert view._items[0][0].xData[0] == -10.0
