"""Reflections and Bragg's law against pyFAI's calibrants, published angles, gemmi's sum over atoms and themselves."""

import math

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyFAI.calibrant import get_calibrant

from latticewatch.processing.crystal.phase import Phase, parse_phase, read_phase, shipped_phases
from latticewatch.processing.crystal.reflections import (
    Hkl,
    d_spacing,
    lattice_parameter,
    reflections,
    structure_factors,
    sum_of_squares,
    two_theta_deg,
)

WAVELENGTH = 0.64066
LINES: tuple[Hkl, ...] = (
    (1, 0, 0),
    (1, 1, 0),
    (1, 1, 1),
    (2, 0, 0),
    (2, 1, 0),
    (2, 1, 1),
    (2, 2, 0),
    (3, 0, 0),
    (3, 1, 0),
)
PUBLISHED = {
    5.842: (6.286, 8.895, 10.899, 12.592, 14.085, 15.438, 17.844, 18.936, 19.971),
    5.867: (6.260, 8.857, 10.853, 12.538, 14.025, 15.371, 17.767, 18.855, 19.885),
    6.031: (6.089, 8.616, 10.557, 12.196, 13.642, 14.951, 17.280, 18.337, 19.339),
    6.205: (5.918, 8.374, 10.260, 11.853, 13.258, 14.529, 16.792, 17.819, 18.791),
    5.768: (6.367, 9.009, 11.040, 12.754, 14.267, 15.637, 18.075, 19.181, 20.229),
    5.706: (6.436, 9.107, 11.160, 12.893, 14.423, 15.808, 18.273, 19.392, 20.452),
    5.605: (6.553, 9.272, 11.362, 13.127, 14.684, 16.095, 18.605, 19.745, 20.824),
}


@pytest.mark.parametrize(("name", "calibrant"), [("LaB6", "LaB6_SRM660c"), ("CeO2", "CeO2"), ("Si", "Si_SRM640e")])
def test_d_spacings_are_those_of_the_calibrants(name: str, calibrant: str) -> None:
    theirs = np.array(get_calibrant(calibrant).dspacing)
    ours = np.array([line.d_A for line in reflections(read_phase(name), float(theirs[-1]))])
    common = min(len(ours), 20)
    assert common >= 9
    np.testing.assert_allclose(ours[:common], theirs[:common], rtol=2e-5)


@pytest.mark.parametrize("edge", PUBLISHED)
def test_angles_are_the_published_ones(edge: float) -> None:
    ours = reflections(read_phase("CsPbBr3"), 1.7, edge)
    angles = {line.hkl: two_theta_deg(line.d_A, WAVELENGTH) for line in ours}
    np.testing.assert_allclose([angles[hkl] for hkl in LINES], PUBLISHED[edge], atol=6e-4)


@pytest.mark.parametrize("name", [name for name in shipped_phases() if read_phase(name).is_cubic])
def test_lines_descend_are_distinct_and_named_by_convention(name: str) -> None:
    phase = read_phase(name)
    lines = reflections(phase, 0.7)
    spacings = [line.d_A for line in lines]
    assert spacings == sorted(spacings, reverse=True)
    assert spacings[-1] >= 0.7
    assert len({sum_of_squares(line.hkl) for line in lines}) == len(lines)
    for line in lines:
        assert line.hkl[0] >= line.hkl[1] >= line.hkl[2] >= 0
        assert line.d_A == pytest.approx(d_spacing(phase.lattice_parameter_A, line.hkl), rel=1e-14)


@pytest.mark.parametrize("name", [name for name in shipped_phases() if read_phase(name).is_cubic])
def test_strengths_are_a_plain_sum_over_the_atoms_of_the_cell(name: str) -> None:
    """m F² of every line, and what is absent, from exp(2πi h·x) over all atoms and all planes of the sphere."""
    phase, d_min = read_phase(name), 1.0
    expected: dict[int, list[float]] = {}
    reach = int(phase.lattice_parameter_A / d_min)
    indices = np.arange(-reach, reach + 1)
    for plane in np.stack(np.meshgrid(indices, indices, indices), -1).reshape(-1, 3):
        squares = int(plane @ plane)
        if 0 < squares <= (phase.lattice_parameter_A / d_min) ** 2:
            expected.setdefault(squares, []).append(_strength(phase, plane))
    strongest = max(max(values) for values in expected.values())
    present = {key: [v for v in values if v > 1e-8 * strongest] for key, values in expected.items()}
    lines = {sum_of_squares(line.hkl): line for line in reflections(phase, d_min)}
    assert sorted(lines) == sorted(key for key, values in present.items() if values)
    for key, line in lines.items():
        assert line.multiplicity == len(present[key])
        assert line.multiplicity * line.f_squared == pytest.approx(sum(present[key]), rel=1e-5)


def _strength(phase: Phase, plane: np.ndarray) -> float:
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read_string(phase.cif_text)[0])
    structure.determine_and_set_spacegroup("S2H")
    structure.setup_cell_images()
    stol2 = float(plane @ plane) / (4.0 * phase.lattice_parameter_A**2)
    total = 0j
    for site in structure.get_all_unit_cell_sites():
        damping = math.exp(-8.0 * math.pi**2 * site.u_iso * stol2)
        wave = np.exp(2j * math.pi * float(plane @ np.array(site.fract.tolist())))
        total += site.element.it92.calculate_sf(stol2) * damping * wave
    return abs(total) ** 2


def test_overlapping_families_are_one_line() -> None:
    line = next(line for line in reflections(read_phase("CsPbBr3"), 1.9) if sum_of_squares(line.hkl) == 9)
    assert (line.hkl, line.multiplicity) == ((3, 0, 0), 6 + 24)


def test_planes_unlike_in_low_symmetry_are_merged_too() -> None:
    """In Pa-3, 421 and 412 are distinct families; both lie at N = 21."""
    text = read_phase("CeO2").cif_text.replace("F m -3 m", "P a -3").replace("_space_group_IT_number 225\n", "")
    text = text.replace("O O 0.25 0.25 0.25", "O O 0.39 0.39 0.39")
    lines = {sum_of_squares(line.hkl): line for line in reflections(parse_phase(text, "pyrite"), 1.0)}
    assert lines[21].multiplicity == 48
    assert 1 not in lines


def test_silicon_222_is_absent_by_position() -> None:
    assert (2, 2, 2) not in {line.hkl for line in reflections(read_phase("Si"), 0.9)}


def test_structure_factors_are_those_of_the_reflections() -> None:
    phase = read_phase("CsPbI3")
    lines = [line for line in reflections(phase, 2.0, 6.2) if sum_of_squares(line.hkl) != 9]
    factors = structure_factors(phase, [line.hkl for line in lines], 6.2)
    np.testing.assert_allclose(np.abs(factors) ** 2, [line.f_squared for line in lines], rtol=1e-12)


@given(st.floats(2.0, 20.0), st.sampled_from(LINES), st.floats(0.2, 1.0))
def test_bragg_round_trip(edge: float, hkl: Hkl, wavelength: float) -> None:
    angle = two_theta_deg(d_spacing(edge, hkl), wavelength)
    if math.isnan(angle):
        assert wavelength > 2.0 * d_spacing(edge, hkl)
    else:
        assert lattice_parameter(angle, hkl, wavelength) == pytest.approx(edge, rel=1e-7)


@given(st.lists(st.floats(3.0, 12.0), min_size=1, max_size=5), st.sampled_from(LINES))
def test_arrays_agree_with_scalars(edges: list[float], hkl: Hkl) -> None:
    cells = np.array(edges)
    angles = two_theta_deg(d_spacing(cells, hkl), WAVELENGTH)
    assert angles.tolist() == [two_theta_deg(d_spacing(edge, hkl), WAVELENGTH) for edge in edges]
    np.testing.assert_allclose(lattice_parameter(angles, hkl, WAVELENGTH), cells, rtol=1e-12)


def test_out_of_reach_is_nan() -> None:
    assert math.isnan(two_theta_deg(0.3, WAVELENGTH))
