"""A run opens elsewhere: NeXus rules, silx's default plot, the trace as a plot."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from nexusformat.nexus import nxload
from nexusformat.nexus.validate import validate_file
from silx.io.nxdata.parse import NXdata, get_default

from latticewatch.processing.record.export.trace import trace_columns
from tests.record import runs


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    runs.write_run(tmp_path / "run.h5", 60)
    return tmp_path / "run.h5"


def test_the_file_is_valid_nexus(run_file: Path) -> None:
    assert validate_file(str(run_file)) == (0, 0)


def test_the_validator_would_find_a_fault(run_file: Path) -> None:
    with h5py.File(run_file, "r+") as file:
        file["entry/map"].attrs["signal"] = "nothing"
    assert validate_file(str(run_file)) != (0, 0)


def test_the_default_plot_is_the_map(run_file: Path) -> None:
    with h5py.File(run_file) as file:
        plot = get_default(file)
        assert plot is not None
        assert plot.is_valid
        assert plot.group.name == "/entry/map"
        assert plot.signal is not None
        assert plot.errors is not None
        assert plot.signal.shape == plot.errors.shape == (60, runs.BINS)
        np.testing.assert_array_equal(plot.axes[0], 2.5 * np.arange(60))
        np.testing.assert_array_equal(plot.axes[1], runs.two_theta())


def test_nexpy_finds_the_same_default(run_file: Path) -> None:
    plot = nxload(run_file).get_default()
    assert plot.nxpath == "/entry/map"
    assert (plot.nxsignal.nxname, [axis.nxname for axis in plot.nxaxes]) == ("intensity", ["time_s", "two_theta"])
    assert plot.nxerrors is not None


def test_the_lattice_parameters_are_a_plot_with_errors(run_file: Path) -> None:
    with h5py.File(run_file) as file:
        plot = NXdata(file["entry/lattice_parameters"])
        assert plot.is_valid
        assert plot.is_curve
        assert plot.errors is not None
        np.testing.assert_array_equal(plot.signal, file["entry/trace/lp_mean_A"])
        np.testing.assert_array_equal(plot.errors, file["entry/trace/lp_mean_esd_A"])
        for found, name in zip(plot.auxiliary_signals, runs.NAMES, strict=True):
            np.testing.assert_array_equal(found, file[f"entry/trace/lp_{name}_A"])
            errors = file[f"entry/lattice_parameters/lp_{name}_A_errors"]
            assert errors == file[f"entry/trace/lp_{name}_esd_A"]
        assert NXdata(file["entry/composition"]).is_valid


def test_the_columns_of_the_trace_are_in_the_file(run_file: Path) -> None:
    with h5py.File(run_file) as file:
        assert set(file["entry/trace"]) == set(trace_columns(runs.kept(composition=True)))
        assert {len(column) for column in file["entry/trace"].values()} == {60}
        assert file["entry/trace/lp_Br_A"].attrs["units"] == "angstrom"


def test_the_file_stands_alone(run_file: Path) -> None:
    with h5py.File(run_file) as file:
        about = file["entry/latticewatch"]
        assert "_cell_length_a" in about["components/Br/cif"].asstr()[()]
        assert about["inputs/0_poni/text"].asstr()[()] == "Distance: 0.25\n"
        assert about["inputs/1_mask/sha256"].asstr()[()] == "cd" * 32
        assert file["entry/instrument/monochromator/wavelength"][()] == 0.64066
        assert "end_time" in file["entry"]
