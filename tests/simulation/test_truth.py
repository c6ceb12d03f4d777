"""The truth: cells, shares, widths and intensities against independent formulas."""

import math
from itertools import pairwise, product

import gemmi
import numpy as np
import pytest

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.crystal.reflections import reflections, sum_of_squares, two_theta_deg
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.simulation.recipes import RECIPES, WAVELENGTH_A, recipe_named
from latticewatch.processing.simulation.truth import LatticeTruth, expected, line_positions, line_widths, voigt_fwhm

IODIDE = RECIPES["iodide"]


def lorentz(squares: float, edge: float) -> float:
    theta = math.radians(two_theta_deg(edge / math.sqrt(squares), WAVELENGTH_A) / 2.0)
    return 1.0 / (edge**3 * math.sin(theta) ** 2 * math.cos(theta))


def ratios(lattice: LatticeTruth) -> np.ndarray:
    return np.asarray(lattice.areas / lattice.areas[0])


def test_the_promised_recipes_are_there() -> None:
    promised = {"iodide", "iodide-bare", "chloride", "unfinished", "beam-dump", "standard", "solvent"}
    assert promised | {"iodide-constant", "iodide-bare-constant", "chloride-constant"} <= set(RECIPES)


@pytest.mark.parametrize(("name", "hint"), [("iodid", "iodide"), ("Chloride", "chloride"), ("lab6", "recipes are")])
def test_unknown_recipe_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        recipe_named(name)


def test_states_of_the_iodide_in_order() -> None:
    states = [expected(IODIDE, number * 2.5).state for number in range(IODIDE.frames)]
    changes = [states[0]] + [b for a, b in pairwise(states) if a != b]
    assert changes == [State.WAITING, State.REACTING, State.PAUSED, State.REACTING, State.COMPLETE]
    assert states.index(State.REACTING) == 4
    assert states.count(State.PAUSED) == 4


def test_other_recipes_end_as_their_names_say() -> None:
    ends = {
        name: expected(recipe, (recipe.frames - 1) * recipe.frame_period_s).state for name, recipe in RECIPES.items()
    }
    assert ends["unfinished"] == State.REACTING
    assert ends["stalled"] == State.PAUSED
    assert ends["solvent"] == State.WAITING
    assert ends["chloride"] == ends["iodide-bare"] == ends["beam-dump"] == State.COMPLETE


def test_beam_dump_lasts_25_frames() -> None:
    recipe = RECIPES["beam-dump"]
    truths = [expected(recipe, number * recipe.frame_period_s) for number in range(recipe.frames)]
    dark = [truth.flux == 0.0 for truth in truths]
    assert sum(dark) == 25
    assert [truth.state == State.NO_BEAM for truth in truths] == dark


@pytest.mark.parametrize(("name", "pause_A"), [("iodide", 5.867), ("chloride", 5.768)])
def test_pause_is_at_the_published_cell(name: str, pause_A: float) -> None:
    recipe = RECIPES[name]
    truths = [expected(recipe, number * recipe.frame_period_s) for number in range(recipe.frames)]
    paused = [truth.lattices[0].lp_A for truth in truths if truth.state == State.PAUSED]
    assert len(paused) >= 4
    np.testing.assert_allclose(paused, pause_A, rtol=1e-12)


@pytest.mark.parametrize("name", ["iodide", "iodide-bare", "chloride"])
def test_anions_are_conserved_and_both_lattices_become_one(name: str) -> None:
    recipe = RECIPES[name]
    amounts = [ingredient.amount for ingredient in recipe.ingredients]
    means = []
    for time_s in (recipe.mixing_s, 60.0, 700.0, 1e5):
        lattices = expected(recipe, time_s).lattices
        means.append(sum(n * lattice.lp_A for n, lattice in zip(amounts, lattices, strict=True)) / sum(amounts))
    np.testing.assert_allclose(means, recipe.ingredients[0].end_A, atol=1e-12)
    last = expected(recipe, 1e5).lattices
    assert last[0].lp_A == pytest.approx(last[1].lp_A, abs=1e-9)
    np.testing.assert_allclose(ratios(last[0]), ratios(last[1]), rtol=1e-6)


def test_intensities_of_the_pure_phases_are_those_of_the_crystal_room() -> None:
    for lattice, ingredient in zip(expected(IODIDE, 10.0).lattices, IODIDE.ingredients, strict=True):
        lines = {sum_of_squares(r.hkl): r for r in reflections(read_phase(ingredient.phase), 1.0, ingredient.start_A)}
        theirs = np.array(
            [
                lines[int(n)].multiplicity * lines[int(n)].f_squared * lorentz(n, ingredient.start_A)
                for n in lattice.lines[:12]
            ]
        )
        np.testing.assert_allclose(ratios(lattice)[:12], theirs / theirs[0], rtol=1e-4)


def test_mixed_crystal_is_a_structure_with_shared_sites() -> None:
    """|F|² of a half exchanged crystal from gemmi, with both halides on one site at partial occupancy."""
    now = expected(IODIDE, 100.0)
    lattice = now.lattices[0]
    first, second = (ingredient.start_A for ingredient in IODIDE.ingredients)
    iodine = (lattice.lp_A - first) / (second - first)
    text = read_phase("CsPbBr3").cif_text.replace("5.874", repr(lattice.lp_A))
    text = text.replace("Br Br 0 0.5 0.5 1 ", f"Br Br 0 0.5 0.5 {1 - iodine} ") + f"I I 0 0.5 0.5 {iodine} 0.09\n"
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text)[0])
    structure.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    strength = dict.fromkeys(lattice.lines[:12], 0.0)
    for plane in product(range(-4, 5), repeat=3):
        squares = float(sum(index**2 for index in plane))
        if squares in strength:
            strength[squares] += abs(calculator.calculate_sf_from_small_structure(structure, plane)) ** 2
    theirs = np.array([strength[n] * lorentz(n, lattice.lp_A) for n in strength])
    np.testing.assert_allclose(ratios(lattice)[:12], theirs / theirs[0], rtol=1e-4)


def test_constant_variants_keep_their_intensities_and_the_others_do_not() -> None:
    constant, moving = RECIPES["iodide-constant"], RECIPES["iodide"]
    start = ratios(expected(constant, 10.0).lattices[0])
    np.testing.assert_allclose(ratios(expected(constant, 700.0).lattices[0]), start, rtol=1e-12)
    assert abs(ratios(expected(moving, 700.0).lattices[0]) / start - 1.0).max() > 0.2


def test_weights_are_shares_and_drift_little() -> None:
    for time_s in (10.0, 100.0, 800.0):
        weights = [lattice.weight for lattice in expected(IODIDE, time_s).lattices]
        assert sum(weights) == pytest.approx(1.0, abs=1e-12)
        assert 0.3 < weights[0] < 0.7
    assert math.isnan(expected(IODIDE, 5.0).lattices[0].weight)


def test_width_is_scherrers_and_lines_start_two_widths_apart() -> None:
    start = expected(IODIDE, 10.0)
    for lattice, size_A in zip(start.lattices, (75.0, 85.0), strict=True):
        angle = two_theta_deg(lattice.lp_A / math.sqrt(6.0), WAVELENGTH_A)
        scherrer = math.degrees(0.9 * WAVELENGTH_A / (size_A * math.cos(math.radians(angle / 2.0))))
        assert scherrer < lattice.fwhm_deg < math.hypot(scherrer, 0.06)
    assert 1.9 < start.separation_fwhm < 2.3
    assert expected(IODIDE, 800.0).separation_fwhm < 0.06


def test_fwhm_is_the_voigts_own() -> None:
    from scipy.optimize import brentq
    from scipy.special import voigt_profile

    for sigma, gamma in ((0.16, 0.09), (0.02, 0.001), (0.05, 0.2)):
        half = voigt_profile(0.0, sigma, gamma) / 2.0
        exact = 2.0 * brentq(lambda x, s=sigma, g=gamma, h=half: voigt_profile(x, s, g) - h, 0.0, 2.0)
        assert voigt_fwhm(sigma, gamma) == pytest.approx(exact, rel=3e-4)


def test_composition_spreads_only_while_the_exchange_lasts() -> None:
    spread = [expected(IODIDE, time_s).lattices[0].spread_A for time_s in (10.0, 200.0, 5000.0)]
    assert spread[0] == 0.0
    assert spread[1] > 0.01
    assert spread[2] < 1e-6


def test_spread_broadens_as_cells_do() -> None:
    """σ² grows by the square of the shift that one spread of the cell makes."""
    lattice = expected(IODIDE, 200.0).lattices[0]
    positions = line_positions(lattice)
    shift = two_theta_deg((lattice.lp_A - lattice.spread_A) / np.sqrt(lattice.lines), WAVELENGTH_A) - positions
    without = LatticeTruth(
        lattice.name,
        lattice.lp_A,
        0.0,
        *(getattr(lattice, name) for name in ("size_A", "instrument_fwhm_deg", "lines", "areas", "weight", "fwhm_deg")),
    )
    gained = line_widths(lattice, positions)[0] ** 2 - line_widths(without, positions)[0] ** 2
    np.testing.assert_allclose(gained, shift**2, rtol=0.01)
