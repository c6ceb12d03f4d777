"""CIFs as other programs write them: what is understood, completed, and asked about."""

import itertools

import gemmi
import numpy as np
import pytest

from latticewatch.processing.crystal.cif import blocks_of, structure_of_block
from latticewatch.processing.crystal.phase import parse_phase
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.errors import UserError

RIGHT_ANGLES = "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
SITES = (
    "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    "_atom_site_U_iso_or_equiv\n"
)


def _cif(group: str, atoms: str, cell: str = "_cell_length_a 5.4\n", more: str = "") -> str:
    symbol = f"_space_group_name_H-M_alt '{group}'\n" if group else ""
    return f"data_x\n{cell}{symbol}{more}{SITES}{atoms}\n"


FLUORITE = _cif("F m -3 m", "Ce1 Ce 0 0 0 .005\nO1 O .25 .25 .25 .008")
ORIGINS = {"1": "Si1 Si 0 0 0 .006", "2": "Si1 Si .125 .125 .125 .006"}


def _lines(cif: str) -> list[tuple[tuple[int, int, int], int, float]]:
    return [(line.hkl, line.multiplicity, line.f_squared) for line in reflections(parse_phase(cif, "x"), 0.9)]


def _full_cell(cif: str) -> str:
    """The same crystal with every atom written out, in P 1, its origin somewhere else."""
    structure = structure_of_block(blocks_of(cif, "x")[0], "x")
    structure.setup_cell_images()
    atoms = "\n".join(
        f"{site.label}_{n} {site.element.name} {' '.join(f'{x + 0.11:.6f}' for x in site.fract.tolist())} {site.u_iso}"
        for n, site in enumerate(structure.get_all_unit_cell_sites())
    )
    edge = f"{structure.cell.a:.6f}"
    cell = "".join(f"_cell_length_{axis} {edge}\n" for axis in "abc") + RIGHT_ANGLES
    return _cif("P 1", atoms, cell)


@pytest.mark.parametrize(
    "cif",
    [
        FLUORITE,
        _cif("F d -3 m:2", ORIGINS["2"]),
        _cif("P m -3 m", "Cs1 Cs 0 0 0 .03\nPb1 Pb .5 .5 .5 .01\nBr1 Br 0 .5 .5 .04"),
        _cif("P a -3", "Fe1 Fe 0 0 0 .004\nS1 S .385 .385 .385 .005"),
        _cif("I a -3", "Y1 Y .25 .25 .25 .004\nY2 Y -.0324 0 .25 .004\nO1 O .391 .152 .380 .006"),
    ],
)
def test_a_full_cell_in_p1_scatters_as_its_symmetry_does(cif: str) -> None:
    full, short = _lines(_full_cell(cif)), _lines(cif)
    assert [line[:2] for line in full] == [line[:2] for line in short]
    np.testing.assert_allclose([line[2] for line in full], [line[2] for line in short], rtol=1e-3)


def test_a_primitive_cell_in_p1_gets_the_conventional_one() -> None:
    edge = 5.4 / np.sqrt(2.0)
    cell = "".join(f"_cell_length_{axis} {edge:.7f}\n" for axis in "abc")
    cell += "".join(f"_cell_angle_{angle} 60\n" for angle in ("alpha", "beta", "gamma"))
    phase = parse_phase(_cif("P 1", "Ce1 Ce 0 0 0 .005\nO1 O .25 .25 .25 .008\nO2 O .75 .75 .75 .008", cell), "x")
    assert (phase.space_group, round(phase.lattice_parameter_A, 5)) == ("F m -3 m", 5.4)


def test_atoms_without_symmetry_are_said_to_be_so(caplog: pytest.LogCaptureFixture) -> None:
    cell = "".join(f"_cell_length_{axis} 5.4\n" for axis in "abc") + RIGHT_ANGLES
    crooked = _cif("P 1", "Ce1 Ce 0 0 0 .005\nO1 O .21 .33 .47 .008\nPb1 Pb .6 .1 .8 .008", cell)
    assert parse_phase(crooked, "x").free == ("a", "b", "c", "alpha", "beta", "gamma")
    assert "written in P 1 and no symmetry is found in its atoms; all six of its cell are free" in caplog.text


def test_edges_that_a_cubic_group_says_are_completed() -> None:
    assert parse_phase(FLUORITE, "x").lattice_parameter_A == 5.4


def test_angles_that_a_hexagonal_group_says_are_completed() -> None:
    cif = _cif("P 63/m m c", "Ti1 Ti .33333 .66667 .25 .005", "_cell_length_a 2.95\n_cell_length_c 4.68\n")
    structure = structure_of_block(blocks_of(cif, "x")[0], "x")
    assert structure.cell.parameters == (2.95, 2.95, 4.68, 90.0, 90.0, 120.0)


@pytest.mark.parametrize("left_out", ["_cell_length_b 5.4\n", "_cell_length_a 5.4\n"])
def test_edges_that_no_symmetry_says_are_asked_for(left_out: str) -> None:
    cell = "_cell_length_a 5.4\n_cell_length_b 5.4\n_cell_length_c 7\n"
    cif = _cif("P m m m", "Ti1 Ti 0 0 0 .005", cell.replace(left_out, left_out.split()[0] + " ?\n"))
    with pytest.raises(UserError, match=f"^file.cif: {left_out.split()[0]} is missing or not a number"):
        structure_of_block(blocks_of(cif, "file.cif")[0], "file.cif")


def test_letters_beyond_ascii_are_read() -> None:
    assert _lines(FLUORITE.replace("data_x", "data_x\n_chemical_name_structure_type α-CsPbX3")) == _lines(FLUORITE)


@pytest.mark.parametrize("origin", ["1", "2"])
@pytest.mark.parametrize(
    ("symbol", "more"),
    [
        ("F d -3 m MARK", ""),
        ("F d -3 m:ORIGIN", ""),
        ("F d -3 m", "_space_group_IT_coordinate_system_code ORIGIN\n"),
        ("F d -3 m", "_chemical_formula_sum 'Si'\n_cell_formula_units_Z 8\n"),
        ("", "_space_group_IT_number 227\n_chemical_formula_sum Si1\n_cell_formula_units_Z 8\n"),
    ],
)
def test_the_origin_is_the_one_that_the_cif_says(origin: str, symbol: str, more: str) -> None:
    mark = {"1": "S", "2": "Z"}[origin]
    cif = _cif(symbol, ORIGINS[origin], more=more).replace("MARK", mark).replace("ORIGIN", origin)
    assert [line[0] for line in _lines(cif)][:4] == [(1, 1, 1), (2, 2, 0), (3, 1, 1), (4, 0, 0)]


@pytest.mark.parametrize("atoms", ORIGINS.values())
@pytest.mark.parametrize(
    "more",
    [
        "",
        "_chemical_formula_sum 'Si'\n_cell_formula_units_Z 3\n",
        "_chemical_formula_sum 'Si1.2.3'\n_cell_formula_units_Z 8\n",
    ],
)
def test_an_origin_that_stays_open_is_asked_for(atoms: str, more: str) -> None:
    with pytest.raises(UserError, match="two origins and the CIF does not say which; write 'F d -3 m:1' or"):
        parse_phase(_cif("F d -3 m", atoms, more=more), "x")


def test_the_hall_symbol_says_the_origin() -> None:
    for origin, atoms in ORIGINS.items():
        hall = gemmi.SpaceGroup(f"F d -3 m:{origin}").hall
        cif = _cif("F d -3 m", atoms, more=f"_space_group_name_Hall '{hall}'\n")
        assert [line[0] for line in itertools.islice(_lines(cif), 2)] == [(1, 1, 1), (2, 2, 0)]


def test_an_icsd_mark_on_a_group_of_one_origin_means_nothing() -> None:
    assert _lines(FLUORITE.replace("F m -3 m", "F m -3 m S")) == _lines(FLUORITE)
