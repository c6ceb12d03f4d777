"""The trace where quantities are watched by name: one is drawn, a tab chooses which."""

from dataclasses import replace

import numpy as np
from pytestqt.qtbot import QtBot

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.quantity import quantity_named
from latticewatch.processing.flow.series import Series
from latticewatch.widgets.history import History
from latticewatch.widgets.theme import LIGHT
from latticewatch.widgets.trace_view import TraceView
from tests.window.synthetic import FakeRefinement, grid, make_row, make_setup

NAMES = ("Br", "I")


def test_the_tab_chooses_the_quantity_that_is_drawn(qtbot: QtBot) -> None:
    components = make_setup().components
    quantities = tuple(quantity_named(text, components, composition=False) for text in ("weight", "I.volume"))
    two_theta = grid(50)
    series, history = Series(two_theta, NAMES, quantities), History(two_theta, (14.4, 15.6))
    made, random = FakeRefinement(two_theta), np.random.default_rng(0)
    for number in range(30):
        row = make_row(number + 4, two_theta, made, random)
        assert isinstance(row.fit, Fit)
        weights = (0.4 + 0.01 * number, 0.6 - 0.01 * number)
        pairs = zip(row.fit.lattices, weights, strict=True)
        lattices = tuple(replace(one, weight=weight, weight_esd=5e-3) for one, weight in pairs)
        series.append(replace(row, index=number, fit=replace(row.fit, lattices=lattices)))
    history.take(series.snapshot(), budget_s=10.0)
    view = TraceView(LIGHT, history, NAMES, None, quantities)
    qtbot.addWidget(view)
    view.resize(600, 300)
    view.show()
    view.show_times(0.0, 100.0)
    view.show_snapshot(series.snapshot())
    view.fit_range()

    def drawn() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        points = [item.getData()[1] for item in view.plot.getPlotItem().items if hasattr(item, "addPoints")]
        return np.concatenate([one for one in points if len(one)])

    assert view.plot.getPlotItem().getAxis("left").labelText == "share of Br"
    np.testing.assert_allclose(drawn(), series.snapshot().values[:, 0])
    low, high = view.plot.getPlotItem().getViewBox().viewRange()[1]
    assert 0.3 < low < 0.4 < 0.69 < high < 0.9
    view.choice.setCurrentIndex(1)
    assert view.plot.getPlotItem().getAxis("left").labelText == "volume of I / Å³"
    np.testing.assert_allclose(drawn(), series.snapshot().values[:, 1])
    assert view.drawn_quantity is quantities[1]
