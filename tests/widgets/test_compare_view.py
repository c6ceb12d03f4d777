"""Runs laid over one another."""

import math

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latticewatch.widgets.compare_view import ComparedRun, CompareView
from latticewatch.widgets.theme import LIGHT, apply_theme


def run_of(label: str, mixing_s: float, *, scale: bool = True) -> ComparedRun:
    """A run whose lattice parameter grows by 1e-3 a second from mixing on, with one gap and one pause."""
    times = np.arange(0.0, 50.0, 2.5)
    lp = 5.842 + 1e-3 * np.clip(times - np.nan_to_num(mixing_s), 0.0, None)
    lp[7] = np.nan
    fraction = (lp - 5.842) / 0.363 if scale else np.full_like(lp, np.nan)
    return ComparedRun(
        label, times, lp, np.full_like(lp, 1e-4), fraction, lp * 0.0, ((20.0, 25.0),), mixing_s, math.nan
    )


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
    assert view.hint.text() == "not known, so not drawn: lost"
    assert view._items[0][0].xData[0] == -10.0
    assert view._items[1][0].xData[0] == -4.0
    band = view._items[0][2].getRegion()
    assert band == (10.0, 15.0)


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
