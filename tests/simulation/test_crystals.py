"""Recipes of crystals: what is in the beam, and that the page and the errors know them."""

import math

import numpy as np
import pytest

from latticewatch.processing.flow.verdict import State
from latticewatch.processing.simulation.crystals.pattern import angles_of, expected_pattern, lines_of, shares_of
from latticewatch.processing.simulation.crystals.recipes import CRYSTAL_RECIPES, tetragonal_cubic
from latticewatch.processing.simulation.recipes import OTHERS

GRID = np.arange(4.0, 26.0, 0.01)


def test_the_recipes_are_those_that_an_unknown_name_is_answered_with() -> None:
    assert set(OTHERS) == {*CRYSTAL_RECIPES, "realism"}


@pytest.mark.parametrize("name", CRYSTAL_RECIPES)
def test_a_recipe_moves_and_ends(name: str) -> None:
    recipe = CRYSTAL_RECIPES[name]
    first, last = recipe.at(0.0), recipe.at((recipe.frames - 1) * recipe.frame_period_s)
    moved = np.abs(expected_pattern(recipe, first, GRID) - expected_pattern(recipe, last, GRID)).max()
    assert moved > 10.0 if name != "tetragonal-cubic" else moved < 1.0
    assert last.state is (State.REACTING if name == "tetragonal-cubic" else State.COMPLETE)


def test_a_crystal_comes_back_from_cubic_later_than_it_went() -> None:
    cubic = [time_s for time_s in np.arange(0.0, 2000.0, 10.0) if math.isclose(*_edges(float(time_s)), rel_tol=1e-9)]
    middle = 1000.0
    assert min(cubic) < middle < max(cubic)
    assert max(cubic) - middle > middle - min(cubic) + 50.0


def _edges(time_s: float) -> tuple[float, float]:
    cell = tetragonal_cubic(time_s).cells[0]
    return cell.a_A, cell.c_A


def test_a_displaced_sample_moves_lines_as_a_longer_distance_does() -> None:
    theta = np.radians([2.0, 5.0, 10.0])
    moved = angles_of(theta, 1e-3) - 2.0 * np.degrees(theta)
    np.testing.assert_allclose(moved, np.degrees(1e-3) * 0.5 * np.sin(4.0 * theta), rtol=2e-3)


def test_shares_are_of_the_mass_and_equal_masses_scatter_by_their_structures() -> None:
    recipe = CRYSTAL_RECIPES["transformation"]
    now = recipe.at(60.0 + 320.0 * math.log(2.0) ** 0.4)
    np.testing.assert_allclose(shares_of(recipe, now), [0.5, 0.5])
    # One element in two structures scatters nearly alike.
    alpha, beta = (lines_of(recipe, now, number)[1].sum() for number in range(2))
    assert alpha == pytest.approx(beta, rel=0.2)
