"""Quantities by name: what they are called, what they say of a fit, and which are refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.composition import CompositionScale
from latticewatch.processing.flow.fit import Component, Fit, FittedCell, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.quantity import quantity_named, usual_quantities, value_of

CUBIC = read_phase("CsPbBr3")
HEXAGONAL = replace(CUBIC, free=("a", "c"))
MIXED = (Component("L", HEXAGONAL, 2.816), Component("Br", CUBIC, 5.842))
CELL = FittedCell(c_A=14.05, c_esd_A=1e-3, c_over_a=4.99, c_over_a_esd=4e-4, volume_A3=96.5, volume_esd_A3=0.01)
LATTICES = (Lattice(2.816, 1e-4, 0.4, 0.01, cell=CELL, wt=0.3, wt_esd=0.02), Lattice(5.842, 2e-4, 0.6, 0.01, wt=0.7))


def fit(*lattices: Lattice) -> Fit:
    return Fit(lattices, 2, 5.9, 3e-4, 5.0, 1.0, 3, converged=True, parameters=np.zeros(2))


@pytest.mark.parametrize(
    ("text", "column", "value", "esd"),
    [
        ("a", "a_L", 2.816, 1e-4),
        ("c", "c_L", 14.05, 1e-3),
        ("L.c/a", "c_over_a_L", 4.99, 4e-4),
        ("volume", "volume_L", 96.5, 0.01),
        ("Br.lp", "lp_Br", 5.842, 2e-4),
        ("Br.a", "lp_Br", 5.842, 2e-4),
        ("Br.volume", "volume_Br", 5.842**3, 3 * 5.842**2 * 2e-4),
        ("weight", "weight_L", 0.4, 0.01),
        ("wt", "wt_L", 0.3, 0.02),
        ("distance", "distance", 5.842 - 2.816, math.hypot(1e-4, 2e-4)),
    ],
)
def test_a_quantity_is_read_from_the_fit(text: str, column: str, value: float, esd: float) -> None:
    quantity = quantity_named(text, MIXED, composition=False)
    assert quantity.column == column
    assert value_of(quantity, fit(*LATTICES), None) == pytest.approx((value, esd))


def test_the_composition_is_that_of_the_mean() -> None:
    quantity = quantity_named("fraction", MIXED, composition=True)
    scale = CompositionScale(5.842, 6.205)
    assert value_of(quantity, fit(*LATTICES), scale)[0] == pytest.approx((5.9 - 5.842) / 0.363)


def test_of_an_absent_component_there_is_nothing_and_its_cell_is_not_known() -> None:
    gone = fit(Lattice(), Lattice(5.842, 2e-4))
    assert value_of(quantity_named("weight", MIXED, composition=False), gone, None)[0] == 0.0
    assert value_of(quantity_named("Br.weight", MIXED, composition=False), gone, None)[0] == 1.0
    assert math.isnan(value_of(quantity_named("c", MIXED, composition=False), gone, None)[0])


def test_of_a_peak_place_area_and_width_are_watched() -> None:
    peaks = (Peak("Q", 9.0), Peak("P", 15.4, 2e-4, 80.0, 0.5, 0.11, 1e-3))
    told = {}
    for kind in ("position", "area", "fwhm"):
        quantity = quantity_named(f"peak:P.{kind}", MIXED, composition=False, peaks=("Q", "P"))
        told[quantity.column] = value_of(quantity, NoResult("no peaks"), None, peaks)
    assert told == {"peak_P_two_theta": (15.4, 2e-4), "peak_P_area": (80.0, 0.5), "peak_P_fwhm": (0.11, 1e-3)}
    with pytest.raises(ValueError, match=r'no \[\[peak\]\] is called "X"; there are Q, P'):
        quantity_named("peak:X.area", MIXED, composition=False, peaks=("Q", "P"))
    with pytest.raises(ValueError, match=r'write "peak:NAME\." and one of position, area, fwhm'):
        quantity_named("peak:P", MIXED, composition=False, peaks=("Q", "P"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lenght", r'no quantity "lenght"; known are lp, a, '),
        ("X.c", r'no component "X"; there are L, Br'),
        ("lp", r"L is not cubic; watch a, c of it"),
        ("b", r"the symmetry of L fixes b; free are a, c"),
        ("Br.c/a", r"the symmetry of Br fixes c/a; free are a"),
        ("fraction", r"needs \[composition\]"),
        ("L.distance", r'write "distance"'),
    ],
)
def test_what_cannot_be_watched_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f'^"{text}": .*{why}'):
        quantity_named(text, MIXED, composition=False)


def test_amounts_need_something_to_be_a_share_of() -> None:
    with pytest.raises(ValueError, match="always all there is"):
        quantity_named("weight", MIXED[:1], composition=False)
    with pytest.raises(ValueError, match="watch weight"):
        quantity_named("wt", (MIXED[1], replace(MIXED[1], name="I")), composition=False)


def test_where_nobody_chooses_all_that_is_free_is_watched() -> None:
    assert [quantity.column for quantity in usual_quantities(MIXED)] == ["a_L", "c_L", "lp_Br", "weight_L"]
