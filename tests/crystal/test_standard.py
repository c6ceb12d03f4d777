"""Standards of calibration, by name and from CIF."""

import math
from pathlib import Path

import numpy as np
import pytest
from pyFAI.calibrant import get_calibrant

from latticewatch.processing.crystal.standard import read_standard, standard_names
from latticewatch.processing.errors import UserError
from tests.sample_data import sample

WAVELENGTH_A = 0.64066


def test_the_usual_ones_come_first_and_every_name_can_be_read() -> None:
    names = standard_names()
    assert names[:3] == ("LaB6", "CeO2", "Si")
    assert {"alpha_Al2O3", "AgBh", "LaB6_SRM660c"} < set(names)
    assert len(set(names)) == len(names)
    for name in names:
        lines = read_standard(name, WAVELENGTH_A).lines
        assert lines
        assert all(line.hkl and line.d_A > WAVELENGTH_A / 2.0 for line in lines)
        assert [line.d_A for line in lines] == sorted((line.d_A for line in lines), reverse=True)


def test_lines_of_corundum_are_pyfais() -> None:
    corundum = read_standard("alpha_Al2O3", WAVELENGTH_A)
    assert math.isnan(corundum.cell_A)
    assert (corundum.lines[0].hkl, corundum.lines[0].d_A) == ("102", pytest.approx(3.47871214))
    theirs = [d for d in get_calibrant("alpha_Al2O3").dspacing if d > WAVELENGTH_A / 2.0]
    np.testing.assert_allclose([line.d_A for line in corundum.lines], theirs)
    assert str(corundum) == "alpha_Al2O3"


def test_a_shipped_phase_that_is_not_cubic_has_no_one_cell() -> None:
    """Its rings are those of its structure; the edge a alone is no reference for them."""
    corundum = read_standard("Al2O3", WAVELENGTH_A)
    assert math.isnan(corundum.cell_A)
    theirs = np.array(get_calibrant("alpha_Al2O3").dspacing)
    nearest = [np.abs(theirs / line.d_A - 1.0).min() for line in corundum.lines[:8]]
    assert max(nearest) < 2e-3


def test_a_shipped_phase_is_the_one_that_is_meant() -> None:
    assert read_standard("LaB6", WAVELENGTH_A).cell_A == 4.156826
    assert str(read_standard("LaB6", WAVELENGTH_A)) == "LaB6 (a = 4.1568 angstrom)"


def test_a_cif_is_a_standard(tmp_path: Path) -> None:
    standard = read_standard(str(sample("structures/LaB6_srm660c.cif")), WAVELENGTH_A)
    assert standard.cell_A == pytest.approx(4.15678, abs=1e-4)
    assert standard.lines[1].hkl == "110"
    with pytest.raises(UserError, match="cannot be read"):
        read_standard(str(tmp_path / "none.cif"), WAVELENGTH_A)


@pytest.mark.parametrize("name", ["LaB7", "mock me", "", "nul\0"])
def test_an_unknown_name_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError, match="no shipped phase"):
        read_standard(name, WAVELENGTH_A)
