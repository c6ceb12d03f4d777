"""What the views draw from, beside maps and episodes: the values of the frames' headers."""

from dataclasses import replace

import numpy as np

from latticewatch.processing.flow.series import Progress, Series
from latticewatch.widgets.history import FIRST_ROWS, History
from tests.window.synthetic import FakeRefinement, grid, make_row


def test_header_values_come_in_the_order_of_the_header_and_late_ones_begin_late() -> None:
    two_theta = grid(50)
    shape, rng = FakeRefinement(two_theta), np.random.default_rng(0)
    base = make_row(4, two_theta, shape, rng)
    series, history = Series(two_theta, ("Br", "I")), History(two_theta, (14.4, 15.6))
    count = FIRST_ROWS + 10
    for number in range(count):
        values = {"Temperature": 295.0 + number, "Flux": 2e10, "Alpha": 1.0}
        header = values if number < FIRST_ROWS else values | {"Blower": 300.0}
        series.append(replace(base, index=number, time_s=float(number), header=header))
    series.report(Progress(count))
    history.take(series.snapshot(), budget_s=float("inf"))
    assert history.header_names == ("Temperature", "Flux", "Alpha", "Blower")
    np.testing.assert_array_equal(history.header_values("Temperature"), 295.0 + np.arange(count))
    blower = history.header_values("Blower")
    assert np.isnan(blower[:FIRST_ROWS]).all()
    assert (blower[FIRST_ROWS:] == 300.0).all()
