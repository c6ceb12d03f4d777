"""Text files that editors on Windows have saved: a byte order mark and line ends are no part of the text."""

from pathlib import Path

import pytest

from latticewatch.processing.config.experiment import read_experiment
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.formats.pattern_text import read_empty_cell
from latticewatch.processing.integration.geometry import read_geometry

PONI = """Distance: 0.3
Poni1: 0.05
Poni2: 0.04
Rot1: 0
Rot2: 0
Rot3: 0
Detector: Pilatus1M
Wavelength: 6.4066e-11
"""
TOML = '[experiment]\ntitle = "Br \N{RIGHTWARDS ARROW} I"\n[[component]]\nname = "Br"\nphase = "CsPbBr3"\n'
CIF = """data_a
_cell_length_a 5.87
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs1 0 0 0
"""
PATTERN = "".join(f"{1.0 + 0.1 * number:.1f} {100 + number} 10\n" for number in range(30))


@pytest.fixture(params=["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def saved(folder: Path, name: str, text: str, encoding: str) -> Path:
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if encoding == "utf-16-be" else ""  # the codec writes none
    path = folder / name
    path.write_bytes((mark + text.replace("\n", "\r\n")).encode(encoding))
    return path


def test_a_poni(tmp_path: Path, encoding: str) -> None:
    assert read_geometry(saved(tmp_path, "g.poni", PONI, encoding)).distance_m == 0.3


def test_an_experiment(tmp_path: Path, encoding: str) -> None:
    read, text = read_experiment(saved(tmp_path, "experiment.toml", TOML, encoding))
    assert (read.experiment.title, text) == ("Br \N{RIGHTWARDS ARROW} I", TOML)


def test_a_structure(tmp_path: Path, encoding: str) -> None:
    assert read_phase(saved(tmp_path, "a.cif", CIF, encoding)).lattice_parameter_A == 5.87


def test_a_pattern_keeps_its_first_point(tmp_path: Path, encoding: str) -> None:
    assert read_empty_cell(saved(tmp_path, "empty.xye", PATTERN, encoding)).two_theta_deg[0] == 1.0
