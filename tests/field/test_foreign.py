"""Lines that belong to no lattice of the sample, on the frames of the sample data's ``field`` folder."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import Said
from tests.field.conftest import Process
from tests.field.test_lattices import truth_of
from tests.sample_data import sample

PLACES = (9.62, 11.55, 13.02, 16.4, 18.45, 20.6, 22.7)
ALPHA_TITANIUM = """data_alpha
_cell_length_a 2.95
_cell_length_c 4.686
_space_group_name_H-M_alt 'P 63/m m c'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ti1 Ti 0.333333 0.666667 0.25
"""
BCC_A = 3.2843


def test_seven_steady_lines_are_seen_and_move_no_cell(
    process: Process, latticewatch: Callable[..., Said], tmp_path: Path
) -> None:
    case = sample("field/foreign-lines-halide")
    _, rows = process("foreign-lines-halide/frames", experiment=case / "experiment.toml")
    pairs = [(row, true) for row, true in zip(rows, truth_of(case.name), strict=True) if row["lp_Br_A"] is not None]
    assert len(pairs) > 0.7 * len(rows)
    assert all(row["foreign_lines"] == len(PLACES) for row, _ in pairs[5:])
    off = [abs(row["lp_Br_A"] - float(true["lp_A"])) for row, true in pairs]
    assert max(off) < 5e-4
    with read_run(tmp_path / "run.h5") as run:
        assert any("unknown line at 11.55 deg since" in note.text for note in run.notes)
    latticewatch("export", tmp_path / "run.h5", "--summary", tmp_path / "summary.json")
    listed = json.loads((tmp_path / "summary.json").read_text())["foreign_lines"]
    assert [line["two_theta_deg"] for line in listed] == pytest.approx(PLACES, abs=0.02)
    assert all(line["since_s"] == 0.0 and line["phase"] is None for line in listed)


@pytest.mark.parametrize("frames", ["Al10", "Al30"])
def test_sharp_lines_of_a_window_do_not_bias_broad_ones(process: Process, frames: str, tmp_path: Path) -> None:
    case = sample("field/window-lines-bias")
    toml = tmp_path / "experiment.toml"
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "aluminium.cif").write_text((case / "al.cif").read_text())
    toml.write_text((case / "experiment.toml").read_text() + '\n[phases]\nlibrary = "library"\n')
    _, rows = process(f"window-lines-bias/{frames}", geometry=case / "g.poni", experiment=toml)
    for row in rows:
        assert abs(row["lp_S_A"] - 5.8740) < max(5.0 * row["lp_S_esd_A"], 1e-4)
        assert row["foreign_lines"] >= 4


def test_a_window_that_is_named_as_a_spectator_is_no_foreign_line(process: Process, tmp_path: Path) -> None:
    case = sample("field/window-lines-bias")
    (tmp_path / "al.cif").write_text((case / "al.cif").read_text())
    toml = tmp_path / "experiment.toml"
    more = '\n[[component]]\nname = "window"\ncif = "al.cif"\nrole = "spectator"\n'
    toml.write_text((case / "experiment.toml").read_text() + more)
    _, rows = process("window-lines-bias/Al30", geometry=case / "g.poni", experiment=toml)
    for row in rows:
        assert abs(row["lp_S_A"] - 5.8740) < max(5.0 * row["lp_S_esd_A"], 1e-4)
        assert row["foreign_lines"] == 0
        assert "lp_window_A" not in row


def test_a_rich_phase_that_overlaps_is_refused_with_what_to_do(process: Process) -> None:
    case = sample("field/foreign-phase")
    given = {"geometry": case / "g.poni", "experiment": case / "experiment.toml"}
    _, rows = process("foreign-phase/f10", **given)
    for row in rows:
        assert row["status"] == "gap" or abs(row["lp_beta_A"] - BCC_A) < 5.0 * row["lp_beta_esd_A"]
        assert row["status"] == "fitted" or 'role = "spectator"' in row["reason"]


def test_a_rich_phase_that_is_named_costs_no_frame(process: Process, tmp_path: Path) -> None:
    case = sample("field/foreign-phase")
    for name in ("bcc.cif", "experiment.toml"):
        (tmp_path / name).write_text((case / name).read_text())
    (tmp_path / "alpha.cif").write_text(ALPHA_TITANIUM)
    with (tmp_path / "experiment.toml").open("a") as toml:
        toml.write('\n[[component]]\nname = "alpha"\ncif = "alpha.cif"\nrole = "spectator"\n')
    _, rows = process("foreign-phase/f10", geometry=case / "g.poni", experiment=tmp_path / "experiment.toml")
    for row in rows:
        assert row["status"] == "fitted"
        assert abs(row["lp_beta_A"] - BCC_A) < 5.0 * row["lp_beta_esd_A"]


def test_a_weak_rich_phase_is_within_the_esd(process: Process) -> None:
    case = sample("field/foreign-phase")
    _, rows = process("foreign-phase/f03", geometry=case / "g.poni", experiment=case / "experiment.toml")
    for row in rows:
        assert abs(row["lp_beta_A"] - BCC_A) < 5.0 * row["lp_beta_esd_A"]
