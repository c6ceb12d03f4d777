"""Cells of all seven systems: what is free, plane distances, volume; lines against another library's."""

import itertools
import math

import gemmi
import numpy as np
import pytest
from pyFAI.calibrant import get_calibrant

from latticewatch.processing.crystal.cell import Cell, fits_symmetry, free_parameters, ties, with_symmetry
from latticewatch.processing.crystal.phase import Phase, parse_phase, read_phase
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.errors import UserError
from tests.crystal.crystals import CRYSTALS, cif_of

GROUPS = [
    ("P -1", ("a", "b", "c", "alpha", "beta", "gamma")),
    ("P 1 21/c 1", ("a", "b", "c", "beta")),
    ("P 1 1 21/b", ("a", "b", "c", "gamma")),
    ("P n m a", ("a", "b", "c")),
    ("I 4/m c m", ("a", "c")),
    ("R -3 c:H", ("a", "c")),
    ("R -3 c:R", ("a", "alpha")),
    ("P 3 2 1", ("a", "c")),
    ("P 63/m m c", ("a", "c")),
    ("F m -3 m", ("a",)),
]


@pytest.mark.parametrize(("symbol", "free"), GROUPS)
def test_what_symmetry_leaves_free(symbol: str, free: tuple[str, ...]) -> None:
    """The metric that free parameters make is one that every operation of the group leaves as it is."""
    group = gemmi.SpaceGroup(symbol)
    assert free_parameters(group) == free
    assert ties(free, group).sum(axis=0).min() >= 1.0
    cell = with_symmetry(Cell(5.0, 6.1, 7.3, 83.0, 97.0, 104.0), group)
    for operation in group.operations().sym_ops:
        turn = np.array(operation.rot) / gemmi.Op.DEN
        np.testing.assert_allclose(turn.T @ cell.metric @ turn, cell.metric, atol=1e-9)
    assert fits_symmetry(cell, group)


@pytest.mark.parametrize("name", CRYSTALS)
def test_lines_are_those_of_a_brute_count_of_all_planes(name: str) -> None:
    """Every plane there is, with its own d and |F|², summed where d is the same."""
    phase, d_min = parse_phase(cif_of(name), name), 1.3
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string(cif_of(name)).sole_block())
    structure.change_occupancies_to_crystallographic()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    powder: dict[int, float] = {}
    for plane in itertools.product(range(-12, 13), repeat=3):
        if any(plane) and (d := structure.cell.calculate_d(plane)) >= d_min:
            strength = abs(complex(calculator.calculate_sf_from_small_structure(structure, plane))) ** 2
            powder[round(d * 1e7)] = powder.get(round(d * 1e7), 0.0) + strength
    strongest = max(powder.values())
    theirs = sorted((key * 1e-7, total) for key, total in powder.items() if total > 1e-6 * strongest)
    ours = sorted(
        (line.d_A, line.multiplicity * line.f_squared)
        for line in reflections(phase, d_min)
        if line.multiplicity * line.f_squared > 1e-6 * strongest
    )
    assert len(ours) == len(theirs)
    np.testing.assert_allclose([d for d, _ in ours], [d for d, _ in theirs], atol=2e-7)
    np.testing.assert_allclose([total for _, total in ours], [total for _, total in theirs], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "calibrant", "cell"),
    [
        ("corundum", "alpha_Al2O3", (4.757, 12.9877)),
        ("eskolaite", "Cr2O3", (4.958979, 13.59592)),
        ("zincite", "ZnO", (3.24982, 5.20661)),
    ],
)
def test_plane_distances_are_pyfais(name: str, calibrant: str, cell: tuple[float, float]) -> None:
    phase = parse_phase(cif_of(name), name)
    ours = [line.d_A for line in reflections(phase, 1.0, Cell(cell[0], cell[0], cell[1], 90.0, 90.0, 120.0))]
    theirs = [float(d) for d in get_calibrant(calibrant).dspacing if d > 1.05]
    assert len(theirs) > 10
    off = [min(abs(d - own) / d for own in ours) for d in theirs]
    assert max(off) < 2e-4


def test_a_line_is_named_with_few_negative_indices_and_its_planes_counted() -> None:
    lines = {line.hkl: line.multiplicity for line in reflections(parse_phase(cif_of("corundum"), "x"), 1.5)}
    assert {(0, 1, 2): 6, (1, 0, 4): 6, (1, 1, 0): 6, (0, 0, 6): 2, (1, 1, 3): 12}.items() <= lines.items()


def test_a_shipped_crystal_that_is_not_cubic_says_its_cell() -> None:
    phase = read_phase("LiCoO2")
    assert (phase.free, phase.is_cubic) == (("a", "c"), False)
    assert phase.cell == Cell(2.816, 2.816, 14.054, 90.0, 90.0, 120.0)
    assert math.isclose(phase.cell.volume_A3, 2.816**2 * 14.054 * math.sin(math.radians(120.0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("_cell_length_b 4.0", "_cell_length_b 4.1"), "does not fit a tetragonal space group"),
        (("_cell_angle_gamma 90", "_cell_angle_gamma 92"), "does not fit a tetragonal space group"),
        (
            ("_cell_length_c 4.03", "_cell_length_c 403"),
            "403 is not between 1 and 100 angstrom; fix _cell_length_c",
        ),
        (("_cell_angle_alpha 90", "_cell_angle_alpha 200"), "no cell has angles of 200 90 90 deg"),
    ],
)
def test_a_cell_that_is_none_of_its_symmetry_is_refused(change: tuple[str, str], message: str) -> None:
    text = cif_of("tetragonal").replace(*change)
    with pytest.raises(UserError, match=message):
        parse_phase(text, "x")


def test_a_cubic_phase_is_what_it_was() -> None:
    assert read_phase("Si") == Phase("Si", 5.431179, "F d -3 m", read_phase("Si").cif_text)
