"""Whatever is unusable gets one line, exit status 2 and no traceback."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.app.conftest import Said

EDGES, ANGLES = ("a", "b", "c"), ("alpha", "beta", "gamma")
Command = Callable[..., Said]


@pytest.fixture
def copy(scan: Path, tmp_path: Path) -> Path:
    """A copy of the scan that a test may spoil."""
    return Path(shutil.copytree(scan, tmp_path / "copy" / "scan"))


def expect_refusal(said: Said, *words: str) -> None:
    """Assert a refusal in one line that holds these words."""
    assert said.status == 2, said.err
    for word in words:
        assert word in said.complaint


def edit(path: Path, old: str, new: str) -> None:
    """Replace text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("command", ["process", "replay", "watch"])
def test_a_scan_that_is_not_there(latticewatch: Command, command: str, tmp_path: Path) -> None:
    expect_refusal(latticewatch(command, tmp_path / "nowhere"), "nowhere")


def test_no_frames(latticewatch: Command, copy: Path) -> None:
    for frame in copy.glob("*.cbf"):
        frame.unlink()
    expect_refusal(latticewatch("process", copy), str(copy))


def test_no_poni(latticewatch: Command, copy: Path) -> None:
    (copy / "geometry.poni").unlink()
    edit(copy / "experiment.toml", 'poni = "geometry.poni"', "")
    expect_refusal(latticewatch("process", copy), "no *.poni", "--geometry")


def test_a_poni_that_is_named_but_missing(latticewatch: Command, copy: Path) -> None:
    expect_refusal(latticewatch("process", copy, "--geometry", "lost.poni"), "lost.poni")


def test_several_ponis_are_listed(latticewatch: Command, copy: Path) -> None:
    shutil.copy(copy / "geometry.poni", copy / "other.poni")
    edit(copy / "experiment.toml", 'poni = "geometry.poni"', "")
    expect_refusal(latticewatch("process", copy), "geometry.poni", "other.poni", "--geometry")


@pytest.mark.parametrize("content", ["", "Distance: nan", "\0\1\2", "Wavelength: 0.64\nDistance: 0.2"])
def test_a_broken_poni(latticewatch: Command, copy: Path, content: str) -> None:
    (copy / "geometry.poni").write_text(content)
    expect_refusal(latticewatch("process", copy), "geometry.poni")


def test_a_poni_with_two_distances(latticewatch: Command, copy: Path) -> None:
    """Neither is taken: the lattice parameter would follow whichever it is."""
    with (copy / "geometry.poni").open("a") as file:
        file.write("Distance: 0.3\n")
    expect_refusal(latticewatch("process", copy), "geometry.poni", "Distance stands twice", "and 0.3)")


def test_a_poni_of_a_version_to_come(latticewatch: Command, copy: Path) -> None:
    edit(copy / "geometry.poni", "poni_version: 2.1", "poni_version: 9")
    expect_refusal(latticewatch("process", copy), "geometry.poni", "poni_version 9 is not known")


@pytest.mark.parametrize("role", ["mask", "dark", "flat"])
def test_an_npz_of_two_arrays(latticewatch: Command, copy: Path, tmp_path: Path, role: str) -> None:
    np.savez(tmp_path / "two.npz", one=np.zeros((619, 487)), other=np.ones((619, 487)))
    expect_refusal(latticewatch("process", copy, f"--{role}", tmp_path / "two.npz"), "two.npz", "holds 2 arrays", role)


def test_a_mask_of_the_wrong_shape(latticewatch: Command, copy: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", np.zeros((3, 4), bool))
    expect_refusal(latticewatch("process", copy, "--mask", tmp_path / "mask.npy"), "mask.npy", "3x4")


def test_an_unknown_phase(latticewatch: Command, copy: Path) -> None:
    edit(copy / "experiment.toml", "CsPbBr3", "CsPbBr4")
    expect_refusal(latticewatch("process", copy), "CsPbBr4", "CsPbBr3")


def test_a_cell_that_its_symmetry_does_not_allow(latticewatch: Command, copy: Path) -> None:
    (copy / "ortho.cif").write_text(
        "data_x\n_symmetry_space_group_name_H-M 'P m -3 m'\n_cell_length_a 8.2\n_cell_length_b 11.7\n"
        "_cell_length_c 8.2\n_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n"
        "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Cs1 Cs 0 0.25 0\n"
    )
    edit(copy / "experiment.toml", 'phase = "CsPbBr3"', 'cif = "ortho.cif"')
    expect_refusal(latticewatch("process", copy), "ortho.cif", "does not fit")


def test_an_unknown_key(latticewatch: Command, copy: Path) -> None:
    edit(copy / "experiment.toml", "[experiment]", "[experiment]\ntitel = 'x'")
    expect_refusal(latticewatch("process", copy), "experiment.toml, line", "titel", "nearest known key is title")


def test_an_output_that_is_there_already_is_kept(latticewatch: Command, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "run.h5").write_text("precious")
    expect_refusal(latticewatch("process", copy, "--out", tmp_path / "run.h5"), "run.h5")
    assert (tmp_path / "run.h5").read_text() == "precious"


@pytest.mark.parametrize("words", ["process", "nonsense", "process x --orientation 9", "process --zz"])
def test_a_command_line_that_does_not_hold(latticewatch: Command, words: str) -> None:
    expect_refusal(latticewatch(*words.split()))


def test_export_of_what_is_no_run_file(latticewatch: Command, tmp_path: Path) -> None:
    (tmp_path / "run.h5").write_text("nothing")
    expect_refusal(latticewatch("export", tmp_path / "run.h5", "--trace", tmp_path / "t.csv"), "run.h5")


def test_an_edge_in_nanometres(latticewatch: Command, copy: Path) -> None:
    edit(copy / "experiment.toml", "lattice_parameter_A = 5.842", "lattice_parameter_A = 0.5842")
    expect_refusal(latticewatch("process", copy), "experiment.toml, line", "0.5842 is no cell edge", "nanometres")


@pytest.mark.parametrize("key", ["mixing_time_s", "frame_period_s"])
def test_a_time_that_no_scan_has(latticewatch: Command, copy: Path, key: str) -> None:
    """Seconds since 1970, for one."""
    text = "".join(line for line in (copy / "experiment.toml").read_text().splitlines(True) if key not in line)
    (copy / "experiment.toml").write_text(text.replace("[experiment]", f"[experiment]\n{key} = 1.7e9"))
    expect_refusal(
        latticewatch("process", copy), "experiment.toml", f"experiment.{key}", "days", "from the first frame"
    )


@pytest.mark.parametrize("fit", ["exclude_two_theta_deg = [[0, 180]]", "two_theta_deg = [1, 2]"])
def test_a_fit_without_a_line(latticewatch: Command, copy: Path, fit: str) -> None:
    with (copy / "experiment.toml").open("a") as file:
        file.write(f"\n[fit]\n{fit}\n")
    expect_refusal(latticewatch("process", copy), "component Br", "[fit] leaves out all of its lines", fit[:12])


def test_two_components_that_nothing_tells_apart(latticewatch: Command, copy: Path) -> None:
    edit(
        copy / "experiment.toml",
        'phase = "CsPbI3"\nlattice_parameter_A = 6.205',
        'phase = "CsPbBr3"\nlattice_parameter_A = 5.842',
    )
    expect_refusal(latticewatch("process", copy), "Br and I", "nothing tells them apart", "lattice_parameter_A")


def test_a_start_far_from_the_structure_is_said(
    latticewatch: Command, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(copy / "experiment.toml", "lattice_parameter_A = 5.842", "lattice_parameter_A = 7.5")
    for frame in sorted(copy.glob("*.cbf"))[:-1]:
        frame.unlink()
    latticewatch("process", copy)
    assert "component Br: starts at 7.5 angstrom, and CsPbBr3 has 5.874; check lattice_parameter_A" in caplog.messages


def test_a_spectator_without_a_line(latticewatch: Command, copy: Path) -> None:
    cell = "".join(
        f"_cell_length_{edge} 1.2\n_cell_angle_{angle} 90\n" for edge, angle in zip(EDGES, ANGLES, strict=True)
    )
    sites = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nAl1 0 0 0\n"
    (copy / "al.cif").write_text(f"data_a\n_space_group_name_H-M_alt 'F m -3 m'\n{cell}{sites}")
    with (copy / "experiment.toml").open("a") as file:
        file.write('\n[[component]]\nname = "window"\ncif = "al.cif"\nrole = "spectator"\n')
    expect_refusal(latticewatch("process", copy), "spectator window", "none of its lines", "al.cif")
