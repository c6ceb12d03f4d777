"""The whole way from real frames of the samples to the trace, as a user goes it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import Said
from tests.sample_data import sample

Command = Callable[..., Said]
BCC = """data_bcc
_cell_length_a 3.284
_cell_length_b 3.284
_cell_length_c 3.284
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'I m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ti1 Ti 0 0 0
"""


def processed(latticewatch: Command, scan: Path, phase: str, *options: object) -> list[dict[str, Any]]:
    """The rows of this scan with one component of this phase."""
    Path("experiment.toml").write_text(f'[[component]]\nname = "x"\n{phase}\n')
    said = latticewatch("process", scan, "--experiment", "experiment.toml", "--json", *options)
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert said.status == (0 if any(row["status"] == "fitted" for row in rows) else 3), said.err
    return rows


def test_ceria_flipped_as_its_poni_means_it(latticewatch: Command) -> None:
    [row] = processed(latticewatch, sample("ceo2_pilatus1m"), 'phase = "CeO2"', "--orientation", 2)
    assert abs(row["lp_x_A"] - 5.4108) <= 0.0005


@pytest.mark.parametrize("orientation", [1, 3, 4])
def test_ceria_the_wrong_way_up_gives_no_number(latticewatch: Command, orientation: int) -> None:
    [row] = processed(latticewatch, sample("ceo2_pilatus1m"), 'phase = "CeO2"', "--orientation", orientation)
    assert row["status"] == "gap"
    assert row["lp_mean_A"] is None
    assert row["reason"]


@pytest.mark.parametrize("angle", ["0023", "0032", "0050"])
def test_lanthanum_hexaboride(latticewatch: Command, angle: str, tmp_path: Path) -> None:
    scan = tmp_path / angle
    scan.mkdir()
    for kind in ("tif", "poni"):
        shutil.copy(sample(f"lab6_pilatus300kw/lab6_{angle}.{kind}"), scan)
    [row] = processed(latticewatch, scan, 'phase = "LaB6"')
    assert abs(row["lp_x_A"] / 4.156826 - 1.0) < 200e-6


def test_a_steady_bcc_alloy_among_foreign_lines(latticewatch: Command) -> None:
    Path("bcc.cif").write_text(BCC)
    rows = processed(latticewatch, sample("pixium_i12"), 'cif = "bcc.cif"')
    cells = [row["lp_x_A"] for row in rows]
    assert len(cells) == 3
    assert all(abs(cell - 3.284) < 0.0005 for cell in cells)
    assert (max(cells) - min(cells)) / 3.284 < 20e-6


@pytest.mark.parametrize("phase", ["Si", "CeO2", "LaB6", "CsPbBr3", "CsPbI3", "CsPbCl3"])
def test_spotty_rings_are_refused_with_a_reason(latticewatch: Command, phase: str) -> None:
    rows = processed(latticewatch, sample("map_pilatus1m"), f'phase = "{phase}"', "--orientation", 2)
    assert len(rows) == 6
    assert all(row["status"] == "gap" and row["reason"] for row in rows)
    times = [row["time_s"] for row in rows]
    assert 94.0 < times[3] - times[2] < 95.0
