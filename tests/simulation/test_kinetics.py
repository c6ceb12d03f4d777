"""Progress of an exchange against closed forms, and the published times of the recipes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latticewatch.processing.simulation.kinetics import FOREVER, Stretch, moment, rests, time_of
from latticewatch.processing.simulation.recipes import (
    BARE_IODIDE,
    CHLORIDE_PAUSE,
    IODIDE_PAUSE,
    RECIPES,
    SHELLED_CHLORIDE,
    SHELLED_IODIDE,
    STALLED_IODIDE,
    TOLERANCE,
)

EVERY = {recipe.name: recipe.stretches for recipe in RECIPES.values() if recipe.stretches}


def test_a_single_stretch_is_an_exponential() -> None:
    stretches = (Stretch(FOREVER, 1.0, 17.0),)
    for time_s in (0.0, 1.0, 17.0, 100.0):
        assert moment(stretches, time_s).progress == pytest.approx(1.0 - math.exp(-time_s / 17.0), abs=1e-14)


def test_before_mixing_nothing_has_happened() -> None:
    assert moment(SHELLED_IODIDE, -1.0).progress == 0.0
    assert not moment(SHELLED_IODIDE, -1.0).resting


@pytest.mark.parametrize("name", EVERY)
def test_progress_is_continuous_and_never_falls(name: str) -> None:
    times = np.arange(0.0, 6000.0, 0.25)
    progress = np.array([moment(EVERY[name], float(time_s)).progress for time_s in times])
    assert progress[0] == 0.0
    assert (np.diff(progress) >= -1e-15).all()
    assert np.diff(progress).max() < 0.02
    assert progress[-1] <= 1.0


def test_rests_are_where_the_progress_stands() -> None:
    ((start, end, value),) = rests(SHELLED_IODIDE)
    assert (start, end) == (12.0, 22.0)
    assert value == IODIDE_PAUSE
    for time_s in (12.0, 17.0, 21.9):
        now = moment(SHELLED_IODIDE, time_s)
        assert (now.progress, now.resting) == (value, True)
    assert not moment(SHELLED_IODIDE, 11.9).resting
    assert not moment(SHELLED_IODIDE, 22.0).resting
    assert rests(STALLED_IODIDE)[-1][1] == FOREVER


def test_published_times() -> None:
    """Bare: about a minute. Shelled iodide: over 12 min. Chloride: pause after 20 min, complete at 70 min."""
    assert time_of(BARE_IODIDE, 1.0 - TOLERANCE) == pytest.approx(60.0, abs=0.5)
    assert 720.0 < time_of(SHELLED_IODIDE, 1.0 - TOLERANCE) < 780.0
    assert time_of(SHELLED_CHLORIDE, CHLORIDE_PAUSE) == pytest.approx(1200.0)
    assert time_of(SHELLED_CHLORIDE, 1.0 - TOLERANCE) == pytest.approx(4200.0, abs=1.0)


def test_slopes_of_the_iodide() -> None:
    """1.5 to 2.9e-3 Å/s before the pause (to a tenth), less after it."""
    change = 6.031 - 5.842
    slope = np.array(
        [(moment(SHELLED_IODIDE, t + 0.01).progress - moment(SHELLED_IODIDE, t).progress) / 0.01 for t in (0, 11.9, 22)]
    )
    assert 1.35e-3 < slope[1] * change < slope[0] * change < 2.9e-3
    assert slope[2] < slope[1]


@pytest.mark.parametrize("name", EVERY)
@given(st.floats(0.001, 0.999))
def test_time_of_is_the_inverse(name: str, progress: float) -> None:
    time_s = time_of(EVERY[name], progress)
    if time_s == FOREVER:
        assert moment(EVERY[name], 1e9).progress <= progress
    else:
        assert moment(EVERY[name], time_s).progress == pytest.approx(progress, abs=1e-9)
