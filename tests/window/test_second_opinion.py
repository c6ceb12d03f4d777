"""A key puts the fit of one reflection beside that of the whole pattern."""

from dataclasses import replace

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


def test_it_finds_the_simulated_bromide() -> None:
    *_, (pattern, truth) = patterns_1d(recipe_named("iodide"), frames=8)
    row = replace(make_series(1)[0].snapshot().row(0), pattern=pattern, fit=NoResult("fit refused: for the test"))
    words = second_opinion(replace(make_setup(), window_deg=(14.25, 15.75)), row)
    said = float(words.split("Br ")[1].split(" ")[0])
    # The bromide's (211) stands alone; the iodide's leans on the bromide's (210), which this fit does not know.
    assert said == pytest.approx(truth.lattices[0].lp_A, abs=5e-3)
    assert "I 6." in words
