"""Real frames: standards to their certified cells, foreign lines looked away from, nonsense refused."""

import math
from functools import cache

import fabio
import numpy as np
import pytest

from latticewatch.processing.crystal.phase import Phase, parse_phase, read_phase
from latticewatch.processing.crystal.standard import read_standard
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Component, Fit
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.geometry import read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.refinement.single_lines.geometry_check import check_geometry
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.sample_data import sample

BCC = """data_{name}
_symmetry_space_group_name_H-M '{group}'
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
{name} {name} 0 0 0 1 0.01
"""
TITANIUM = parse_phase(BCC.format(name="Ti", group="I m -3 m", a=3.284), "Ti")


@cache
def pattern_of(image: str, poni: str, orientation: int | None = None) -> tuple[Pattern, float]:
    geometry = read_geometry(sample(poni), orientation)
    with fabio.open(str(sample(image))) as opened:
        counts = opened.data
    integrator = ImageIntegrator(geometry, shape=counts.shape)
    pattern = integrator.integrate(Frame(0, image, 0.0, 0.0, Image(counts)))
    assert isinstance(pattern, Pattern)
    return pattern, geometry.wavelength_A


def ceria(orientation: int | None) -> tuple[Pattern, float]:
    folder = "ceo2_pilatus1m/CeO2_Pilatus1M"
    return pattern_of(f"{folder}.tif", f"{folder}.poni", orientation)


def hexaboride(angle: str) -> tuple[Pattern, float]:
    return pattern_of(f"lab6_pilatus300kw/lab6_{angle}.tif", f"lab6_pilatus300kw/lab6_{angle}.poni")


def alloy(number: int) -> tuple[Pattern, float]:
    return pattern_of(f"pixium_i12/pixium_0{number}.tif", "pixium_i12/pixium_i12.poni")


def mapped(number: int) -> tuple[Pattern, float]:
    name = f"map_pilatus1m/Fe3O4C_M1_map_{number}_P1_E1_001.tif"
    return pattern_of(name, "map_pilatus1m/map_pilatus1m.poni", 2)


def refinement_of(phase: Phase, taken: tuple[Pattern, float], off_A: float = 0.0) -> TrackedRefinement:
    component = Component(phase.name, phase, phase.lattice_parameter_A + off_A)
    return TrackedRefinement((component,), taken[1], taken[0].two_theta)


@pytest.mark.parametrize("off_A", [0.0, 0.002, -0.002, 0.03])
def test_ceo2(off_A: float) -> None:
    taken = ceria(2)
    fit = refinement_of(read_phase("CeO2"), taken, off_A).refine(taken[0])
    assert isinstance(fit, Fit)
    assert fit.lp_mean_A == pytest.approx(5.4108, abs=0.0005)


def test_ceo2_read_upside_down_is_refused() -> None:
    taken = ceria(None)
    fit = refinement_of(read_phase("CeO2"), taken).refine(taken[0])
    assert isinstance(fit, NoResult)
    assert fit.reason.startswith("fit refused: ") or fit.reason == "no peaks"


@pytest.mark.parametrize("angle", ["0023", "0032", "0050"])
@pytest.mark.parametrize("off_A", [0.0, 0.002, -0.03])
def test_lab6_within_200_ppm(angle: str, off_A: float) -> None:
    taken = hexaboride(angle)
    fit = refinement_of(read_phase("LaB6"), taken, off_A).refine(taken[0])
    assert isinstance(fit, Fit)
    assert fit.lp_mean_A == pytest.approx(4.156826, rel=200e-6)


def test_bcc_among_hcp_lines_and_its_esd_without_the_models_own_is_its_scatter() -> None:
    """The hcp lines are there in all frames: what they do to the cell is steady, and in the model's part.

    The scatter of three numbers is known to a factor of two.
    """
    refinement = refinement_of(TITANIUM, alloy(3150))
    fits = [refinement.refine(alloy(number)[0]) for number in (3150, 3151, 3152)]
    assert all(isinstance(fit, Fit) for fit in fits)
    cells = np.array([fit.lp_mean_A for fit in fits if isinstance(fit, Fit)])
    bcc = [fit.lattices[0] for fit in fits if isinstance(fit, Fit)]
    esd = np.mean([math.sqrt(one.lp_esd_A**2 - one.lp_model_esd_A**2) for one in bcc])
    scatter = cells.std(ddof=1)
    assert cells == pytest.approx(3.284, abs=0.0005)
    assert scatter / 3.284 < 20e-6
    assert 1 / 2 < scatter / esd < 2


@pytest.mark.parametrize("name", ["Si", "CeO2", "LaB6", "CsPbBr3", "CsPbCl3"])
@pytest.mark.parametrize("number", [1, 2, 3, 6, 7, 8])
def test_map_frames_are_refused_with_a_reason(name: str, number: int) -> None:
    taken = mapped(number)
    fit = refinement_of(read_phase(name), taken).refine(taken[0])
    assert isinstance(fit, NoResult)
    assert fit.reason == "no peaks" or len(fit.reason) > len("fit refused: ")


def test_geometry_check_of_a_good_geometry() -> None:
    pattern, wavelength = hexaboride("0032")
    check = check_geometry(pattern, [], read_standard("LaB6", wavelength), wavelength)
    assert [ring.hkl for ring in check.rings] == ["210"]
    assert abs(check.offset_ppm) < 200.0
    assert check.accuracy_ppm >= abs(check.offset_ppm)


def test_geometry_check_of_ceo2_sees_its_rings() -> None:
    pattern, wavelength = ceria(2)
    check = check_geometry(pattern, [], read_standard("CeO2", wavelength), wavelength)
    assert len(check.rings) >= 6
    assert abs(check.offset_ppm) < 300.0
    assert 20.0 < check.ring_scatter_ppm < 400.0


def test_geometry_check_upside_down_finds_no_ring() -> None:
    pattern, wavelength = ceria(None)
    with pytest.raises(UserError, match="no ring of CeO2"):
        check_geometry(pattern, [], read_standard("CeO2", wavelength), wavelength)
