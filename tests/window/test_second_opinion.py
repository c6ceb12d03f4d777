"""A key puts the fit of one reflection beside that of the whole pattern."""

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from latticewatch.app.window.facts import second_opinion
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.simulation.recipes import recipe_named
from tests.simulated_patterns import patterns_1d
from tests.window.synthetic import make_series, make_setup
from tests.window.windows import shown_window


def test_a_key_shows_and_hides_it(qtbot: QtBot) -> None:
    window = shown_window(qtbot, rows=12)
    assert window.page is not None
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert "\n(211) alone: Br " in window.page.pattern.caption()
    qtbot.keyClick(window, Qt.Key.Key_O)
    assert "alone" not in window.page.pattern.caption()


@pytest.mark.parametrize(("share_of_way", "resolved"), [(0.0, True), (0.85, False)])
def test_lines_that_are_not_resolved_are_said_with_a_caveat(share_of_way: float, resolved: bool) -> None:
    """Near merging it was off by four of its esds without a word."""
    series, refinement = make_series(1)
    row = series.snapshot().row(0)
    bromide, iodide = 5.842 + share_of_way * 0.19, 6.205 - share_of_way * 0.173
    pattern = row.pattern
    assert pattern is not None
    drawn = refinement.curves(np.array([bromide, iodide])).calculated.astype(np.float32)
    words = second_opinion(make_setup(), replace(row, pattern=replace(pattern, intensity=drawn)))
    assert ("not resolved" in words) is not resolved


def test_it_finds_the_simulated_bromide() -> None:
    *_, (pattern, truth) = patterns_1d(recipe_named("iodide"), frames=8)
    row = replace(make_series(1)[0].snapshot().row(0), pattern=pattern, fit=NoResult("fit refused: for the test"))
    words = second_opinion(replace(make_setup(), window_deg=(14.25, 15.75)), row)
    said = float(words.split("Br ")[1].split(" ")[0])
    # The bromide's (211) stands alone; the iodide's leans on the bromide's (210), which this fit does not know.
    assert said == pytest.approx(truth.lattices[0].lp_A, abs=5e-3)
    assert "I 6." in words
