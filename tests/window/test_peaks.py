"""Followed peaks in the window: in the strip, the pattern and the map, and chosen with the right button."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.start.change_dialog import ChangeDialog
from latticewatch.app.window.made_again import Offered
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.pointing import MAP, PATTERN
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.settings_change import Wanted
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.app.window.view_menu import entries
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak, PeakRange
from latticewatch.processing.flow.series import Series
from latticewatch.processing.refinement.peaks.drawing import peak_curves
from latticewatch.processing.refinement.peaks.fits import TrackedPeaks
from latticewatch.processing.refinement.peaks.ranges import range_around
from tests.app.conftest import scan as scan
from tests.refinement.test_followed_peaks import GRID, ONE, PAIR, pattern
from tests.window.synthetic import make_series, make_setup
from tests.window.test_settings_change import Watched, looked
from tests.window.test_settings_change import watched as watched

RANGE = PeakRange("p", (14.6, 15.6))
# No peak is found in every fifth row; the fit of the lattices was refused in every seventh.
LOST, REFUSED = 5, 7


def page_with_peak(qtbot: QtBot, rows: int = 300) -> RunPage:
    """A finished run of which one peak is followed, from its second row on."""
    series, refinement = make_series(rows, bins=600)
    setup = replace(make_setup(), peaks=(RANGE,))
    followed = Series(series.two_theta, series.component_names)
    for row in series.snapshot().rows():
        number = row.index
        values = () if number % LOST == 0 else (15.0 + 1e-3 * number, 2e-3, 40.0, 0.5, 0.3, 0.01, 0.4, 0.1)
        peaks = (Peak("p", *values) if values else Peak("p", area=0.1, area_esd=0.3),) if number else ()
        fit = NoResult("fit refused: did not converge") if number % REFUSED == 0 else row.fit
        followed.append(replace(row, peaks=peaks, fit=fit))
    window = MainWindow("test")
    qtbot.addWidget(window)
    window.show_run(ShownRun(setup, followed, refinement, Path("run.h5")))
    window.resize(1280, 720)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    window.catch_up()
    assert window.page is not None
    return window.page


def test_the_strip_offers_position_area_and_width(qtbot: QtBot) -> None:
    page = page_with_peak(qtbot)
    page.toggle_strip()
    strip = page.strip
    qtbot.waitUntil(lambda: strip.quantity.findText("p 2θ / °") >= 0)
    assert all(strip.quantity.findText(text) >= 0 for text in ("p area", "p FWHM / °"))
    strip.quantity.setCurrentText("p 2θ / °")
    name, values = strip.shown_values()
    assert name == "p 2θ / °"
    rows = page.snapshot().rows()
    np.testing.assert_array_equal(values, [row.peaks[0].two_theta_deg if row.peaks else np.nan for row in rows])
    assert np.isnan(values[0])
    assert np.isfinite(values[REFUSED])  # also where the lattices were not fitted
    assert "15.299 ± 0.002" in strip._now.text()
    strip.quantity.setCurrentText("p area")
    _, areas = strip.shown_values()
    assert areas[LOST] == 0.1


def test_the_pattern_shows_range_place_and_fit(qtbot: QtBot) -> None:
    page = page_with_peak(qtbot, rows=40)
    for number, place in ((1, 15.001), (REFUSED, 15.007), (LOST, np.nan)):
        page.choose(number)
        shown = page.pattern.shown
        assert shown is not None
        (peak,) = shown.peaks
        assert (peak.name, peak.range_deg) == ("p", (14.6, 15.6))
        np.testing.assert_equal(peak.two_theta_deg, place)
        ((angles, calculated),) = shown.peak_curves
        assert np.all((angles >= 14.6) & (angles <= 15.65))
        assert np.isfinite(calculated).all()
    page.choose(0)  # not followed yet
    assert page.pattern.shown is not None
    assert page.pattern.shown.peak_curves == ()


def test_the_map_shows_where_it_was_found(qtbot: QtBot) -> None:
    page = page_with_peak(qtbot, rows=40)
    times, angles = page.map._peak_curve.getData()
    found = angles[np.isfinite(angles)]
    assert len(found) == sum(row.peaks[0].is_found for row in page.snapshot().rows() if row.peaks)
    assert page.map._range_curve.getData()[1].tolist() == [14.6, 14.6, 15.6, 15.6]
    page.map.toggle_lines()
    assert page.map._peak_curve.getData()[1] is None
    assert len(times) == len(angles)


def test_the_drawn_fit_is_that_of_the_recorded_numbers() -> None:
    taken = pattern([(80.0, 9.97, 0.08, 0.4), (60.0, 10.09, 0.08, 0.6)], np.random.default_rng(1), 10.0)
    peaks = TrackedPeaks(PAIR, GRID).fit(taken)
    ((angles, calculated),) = peak_curves(PAIR, peaks, taken)
    part = np.isin(GRID, angles)
    chi2 = np.mean(((taken.intensity[part] - calculated) / taken.sigma[part]) ** 2)
    assert 0.7 < chi2 < 1.3


@pytest.mark.parametrize("off", [-0.05, 0.0, 0.05])
def test_a_range_is_proposed_around_the_line_that_is_pointed_at(off: float) -> None:
    random = np.random.default_rng(2)
    taken = pattern([(100.0, 10.0, 0.1, 0.5), (200.0, 10.6, 0.1, 0.5)], random)
    low, high = range_around(taken, 10.0 + off) or (0.0, 0.0)
    assert 9.5 < low < 9.85 < 10.15 < high < 10.45
    (peak,) = TrackedPeaks((PeakRange("p", (low, high)),), GRID).fit(taken)
    assert abs(peak.two_theta_deg - 10.0) < 5.0 * peak.two_theta_esd_deg


def test_no_range_is_proposed_where_nothing_was_measured() -> None:
    nothing = np.full(len(GRID), np.nan, np.float32)
    assert range_around(Pattern(GRID, nothing, nothing), 10.0) is None
    flat = pattern([], np.random.default_rng(3))
    low, high = range_around(flat, 8.0) or (0.0, 0.0)
    assert 8.0 <= low < high
    TrackedPeaks((PeakRange("p", (low, high)), *ONE), GRID).fit(flat)


def test_a_finished_run_follows_no_further_peak(qtbot: QtBot) -> None:
    page = page_with_peak(qtbot, rows=40)
    window = page.window()
    assert isinstance(window, MainWindow)
    for view, there in ((PATTERN, True), (MAP, False)):
        place = page.pointing.place(view, 15.0, 15.0)
        lines = {entry.text: entry.act for entry in entries(place, window.view_menu.acts(page, place))}
        assert ("Follow this peak …" in lines) == there
        assert lines.get("Follow this peak …") is None


def test_a_peak_is_followed_from_the_menu_of_the_pattern(qtbot: QtBot, watched: Watched) -> None:
    window = watched.window
    watched.feed(8)

    def answer(parent: QWidget, changes: ScanChanges, offered: Offered, peak: tuple[float, float]) -> Wanted | None:
        dialog = ChangeDialog(parent, changes, offered, peak=peak)
        dialog.show()
        assert dialog.peaks.text() == f"p1 {peak[0]:g}-{peak[1]:g}"
        looked(qtbot, dialog, "[[peak]] p1 two_theta_deg: none → ")
        qtbot.mouseClick(dialog.apply, Qt.MouseButton.LeftButton)
        dialog.deleteLater()
        return dialog.wanted

    watched.answer = answer
    page = window.page
    assert page is not None
    place = page.pointing.place(PATTERN, 12.6, 0.0)
    lines = {entry.text: entry.act for entry in entries(place, window.view_menu.acts(page, place))}
    act = lines["Follow this peak …"]
    assert act is not None
    act()
    watched.wait_for(2)
    watched.feed(10)
    assert window.page is not None
    rows = window.page.snapshot().rows()
    assert [len(row.peaks) for row in rows] == [0] * 8 + [1, 1]
    assert isinstance(rows[-1].fit, Fit)
    assert np.isfinite(rows[-1].peaks[0].area)
    assert window.page.map._peak_ranges == (rows[-1].peaks and window.shown_run.setup.peaks[0].two_theta_deg,)
