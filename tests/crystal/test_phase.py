"""Phases: what ships, what is read, what is refused and how."""

import logging
import pickle
import re
from pathlib import Path

import pytest

from latticewatch.processing.crystal.line_phase import read_line_phase
from latticewatch.processing.crystal.phase import parse_phase, read_phase, shipped_phases
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.errors import UserError
from tests.sample_data import sample

CUBIC = """data_x
_space_group_name_H-M_alt 'P m -3 m'
_cell_length_a 5.874
_cell_length_b 5.874
_cell_length_c 5.874
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs1 Cs 0 0 0
Pb1 Pb 0.5 0.5 0.5
Br1 Br 0 0.5 0.5
"""


def test_shipped_phases_are_those_promised() -> None:
    names = ("Al2O3", "BaTiO3", "CeO2", "CsPbBr3", "CsPbCl3", "CsPbI3", "LaB6", "LiCoO2", "Si", "alpha-Ti", "beta-Ti")
    assert shipped_phases() == names


@pytest.mark.parametrize(
    ("name", "cell", "group"),
    [
        ("CeO2", 5.41165, "F m -3 m"),
        ("CsPbBr3", 5.874, "P m -3 m"),
        ("CsPbCl3", 5.605, "P m -3 m"),
        ("CsPbI3", 6.2894, "P m -3 m"),
        ("LaB6", 4.156826, "P m -3 m"),
        ("Si", 5.431179, "F d -3 m"),
    ],
)
def test_shipped_phase_has_its_cell(name: str, cell: float, group: str) -> None:
    phase = read_phase(name)
    assert (phase.name, phase.lattice_parameter_A, phase.space_group) == (name, cell, group)


@pytest.mark.parametrize("name", shipped_phases())
def test_a_phase_survives_pickling_and_its_own_text(name: str) -> None:
    phase = read_phase(name)
    assert pickle.loads(pickle.dumps(phase)) == phase  # noqa: S301
    assert parse_phase(phase.cif_text, phase.name) == phase
    assert len({phase, read_phase(name)}) == 1


def test_samples_are_read(caplog: pytest.LogCaptureFixture) -> None:
    assert read_phase(sample("structures/CsPbBr3.cif")).lattice_parameter_A == 5.874
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        standard = read_phase(str(sample("structures/LaB6_srm660c.cif")))
    assert standard.lattice_parameter_A == 4.15678
    assert "8 data blocks; the structure is taken from data_cell_LaB6_660c" in caplog.text
    assert parse_phase(standard.cif_text, standard.name) == standard


def test_a_symbol_of_old_spelling_and_a_bare_number_are_understood() -> None:
    old = parse_phase(CUBIC.replace("P m -3 m", "P m 3 m"), "old")
    number = parse_phase(CUBIC.replace("_space_group_name_H-M_alt 'P m -3 m'", "_space_group_IT_number 221"), "n")
    assert old.space_group == number.space_group == "P m -3 m"


def test_operations_win_over_a_wrong_symbol() -> None:
    operations = "loop_\n_space_group_symop_operation_xyz\nx,y,z\n-x,-y,-z\n"
    phase = parse_phase(CUBIC.replace("loop_\n_atom", operations + "loop_\n_atom"), "x")
    assert (phase.space_group, phase.is_cubic, len(phase.free)) == ("P -1", False, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("'P m -3 m'", "'P 63/m'"), "does not fit a hexagonal space group"),
        (("'P m -3 m'", "'nonsense'"), "no space group that is known"),
        (("_cell_length_a 5.874\n", ""), "no cell"),
        (("_cell_length_c 5.874", "_cell_length_c 6"), "does not fit a cubic space group"),
        (("alpha 90", "alpha 91"), "does not fit a cubic space group"),
        (("alpha 90", "alpha 0"), "no structure can be made of it|no cell has angles"),
        (("gamma 90", "gamma 0"), "no cell has angles of 90 90 0 deg"),
        (("alpha 90", "alpha 1e300"), "no cell has angles of 1e\\+300 90 90 deg"),
        (("alpha 90", "alpha 180"), "no cell has angles of 180 90 90 deg"),
        (("5.874", "-5.874"), "is not between 1 and 100"),
        (("5.874", "5.874e300"), "is not between 1 and 100"),
        (("_atom_site_fract_x", "_atom_site_what"), "no atoms"),
        (("Br1 Br 0 ", "Br1 Xx 0 "), "of no known element"),
        (("Br1 Br 0 ", "Br1 Br ? "), "has no position"),
        (("Br1 Br 0 0.5 0.5", "Br1 Br 0 0,5 0.5"), "'Br1' has no position"),
        (("data_x", "hello"), "not a CIF"),
        (("Br1 Br 0 0.5 0.5", "Br1 Br 0 0.5"), "not a CIF"),
        (("'P m -3 m'", "'P m -3 m"), "not a CIF"),
    ],
)
def test_a_bad_cif_is_refused_in_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "x.cif"
    path.write_text(CUBIC.replace(*change))
    with pytest.raises(UserError, match=message) as caught:
        read_phase(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x00" * 4096, b"\xff\xfe\x00d", bytes(range(256)) * 8])
def test_what_is_no_text_is_no_cif(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.cif"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"not a CIF|no cell"):
        read_phase(path)


def test_missing_file_folder_and_bomb(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.cif: cannot be read \(No such file"):
        read_phase(tmp_path / "none.cif")
    with pytest.raises(UserError, match="cannot be read"):
        read_phase(tmp_path)
    bomb = tmp_path / "bomb.cif"
    with bomb.open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(UserError, match="too large for a CIF"):
        read_phase(bomb)


@pytest.mark.parametrize("name", ["CsPbBr", "cspbbr3", "CsPbBr4"])
def test_unknown_phase_names_the_nearest(name: str) -> None:
    with pytest.raises(UserError, match="did you mean CsPbBr3"):
        read_phase(name)


def test_unknown_phase_with_no_neighbour_lists_what_ships() -> None:
    with pytest.raises(UserError, match=r"^no shipped phase 'zzz'; shipped are Al2O3, BaTiO3, CeO2"):
        read_phase("zzz")


def test_a_cif_that_passes_yields_reflections() -> None:
    assert reflections(parse_phase(CUBIC, "x"), 2.0)


OCCUPIED = CUBIC.replace("_atom_site_fract_x\n", "_atom_site_occupancy\n_atom_site_fract_x\n")


@pytest.mark.parametrize("of_any_system", [False, True])
@pytest.mark.parametrize("occupancy", ["60", "-0.6", "1.2"])
def test_an_atom_is_there_once_at_most(tmp_path: Path, occupancy: str, of_any_system: bool) -> None:
    """Occupancies in percent would make other intensities, without a word."""
    path = tmp_path / "x.cif"
    path.write_text(re.sub(r"^(\w+ (?:Cs|Pb|Br) )", rf"\g<1>{occupancy} ", OCCUPIED, flags=re.MULTILINE))
    with pytest.raises(UserError, match=f"has an occupancy of {float(occupancy):g}; fix _atom_site_occupancy"):
        read_line_phase(path, 0.64, 30.0) if of_any_system else read_phase(path)


@pytest.mark.parametrize("of_any_system", [False, True])
@pytest.mark.parametrize("angles", ["40 40 100", "120 120 120", "90 90 0", "90 0 90", "-90 90 90", "90 90 360"])
def test_angles_that_no_cell_has(tmp_path: Path, angles: str, of_any_system: bool) -> None:
    """With an angle of 0 gemmi keeps a cell of 1 angstrom, and says nothing."""
    path = tmp_path / "x.cif"
    text = CUBIC.replace("P m -3 m", "P -1")
    for name, angle in zip(("alpha", "beta", "gamma"), angles.split(), strict=True):
        text = text.replace(f"_cell_angle_{name} 90", f"_cell_angle_{name} {angle}")
    path.write_text(text)
    with pytest.raises(UserError, match=r"x\.cif: (no cell has angles of|no structure can be made of it)"):
        read_line_phase(path, 0.64, 30.0) if of_any_system else read_phase(path)


@pytest.mark.parametrize("of_any_system", [False, True])
@pytest.mark.parametrize("edge", ["99", "1e9"])
def test_a_cell_of_too_many_lines_is_refused_at_once(tmp_path: Path, edge: str, of_any_system: bool) -> None:
    """They took minutes, or for ever."""
    path = tmp_path / "x.cif"
    path.write_text(CUBIC.replace("P m -3 m", "P -1").replace("5.874", edge))
    with pytest.raises(UserError, match=r"are more than a pattern tells apart|is not between 1 and 100"):
        read_line_phase(path, 0.64, 30.0) if of_any_system else reflections(read_phase(path), 1.2)
