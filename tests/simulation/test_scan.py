"""Simulated scans as fabio, pyFAI and a user see them."""

import csv
import threading
from dataclasses import replace
from pathlib import Path

import fabio
import numpy as np
import pyFAI
import pytest

from latticewatch.processing.config.experiment import read_experiment
from latticewatch.processing.errors import UserError
from latticewatch.processing.simulation.detector import DETECTORS, beam_centre_px, detector_named, pixels_of
from latticewatch.processing.simulation.recipes import RECIPES
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.processing.simulation.truth import expected
from tests.simulated_patterns import bin_means


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iodide")
    assert write_scan("iodide", folder, frames=8, seed=7, detector="pilatus300k") == 8
    return folder


def truth_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def counts_of(path: Path) -> np.ndarray:
    with fabio.open(path) as frame:
        return np.array(frame.data)


def test_scan_holds_what_is_promised_and_nothing_else(scan: Path) -> None:
    names = sorted(path.name for path in scan.iterdir())
    frames = [f"iodide_0001p_{number:05d}.cbf" for number in range(1, 9)]
    assert names == sorted([*frames, "geometry.poni", "experiment.toml", "truth.csv"])


def test_fabio_reads_the_frame_its_header_and_a_right_checksum(scan: Path, caplog: pytest.LogCaptureFixture) -> None:
    with fabio.open(scan / "iodide_0001p_00005.cbf") as frame:
        assert frame.data.shape == (619, 487)
        assert frame.data.dtype == np.int32
        header = frame.header["_array_data.header_contents"]
    assert not caplog.records
    assert "# Detector: PILATUS 300K" in header
    assert "# 2019-06-14T10:00:10.000" in header
    assert "# Exposure_time 2.4000000 s" in header
    assert "# Exposure_period 2.5000000 s" in header
    flux = float(header.split("# Flux ")[1].split()[0])
    assert flux == pytest.approx(1e11 * float(truth_of(scan)[4]["flux"]), rel=1e-6)


def test_a_damaged_byte_is_noticed(scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = bytearray((scan / "iodide_0001p_00005.cbf").read_bytes())
    content[content.index(b"\x0c\x1a\x04\xd5") + 5000] ^= 1
    damaged = tmp_path / "damaged.cbf"
    damaged.write_bytes(content)
    with fabio.open(damaged) as frame:
        assert frame.data is not None
    assert "checksum" in caplog.text.lower() or "md5" in caplog.text.lower()


@pytest.mark.parametrize("name", DETECTORS)
def test_geometry_is_pyfais(name: str, tmp_path: Path) -> None:
    write_scan("standard", tmp_path, frames=0, detector=name)
    geometry = pyFAI.load(str(tmp_path / "geometry.poni"))
    pixels = pixels_of(DETECTORS[name], 0)
    assert geometry.detector.orientation == 3
    assert geometry.detector.shape == pixels.two_theta.shape
    np.testing.assert_array_equal(geometry.detector.mask.astype(bool), pixels.gap)
    angles = np.degrees(geometry.center_array(unit="2th_rad"))
    np.testing.assert_allclose(pixels.two_theta, angles, atol=2e-5)
    response = geometry.solidAngleArray() * geometry.polarization(factor=0.99)
    np.testing.assert_allclose(pixels.response, response, rtol=1e-6)
    assert pixels.two_theta.min() < 4.3
    assert pixels.two_theta.max() > 25.5
    centre = geometry.getFit2D()
    assert beam_centre_px(DETECTORS[name]) == pytest.approx((centre["centerX"], centre["centerY"]), abs=1e-3)


def test_pyfai_integrates_a_frame_to_the_expected_pattern(scan: Path) -> None:
    """Against the truth within Poisson noise: 530 unsplit bins, chi² of 1."""
    pixels = pixels_of(DETECTORS["pilatus300k"], 7)
    counts = counts_of(scan / "iodide_0001p_00008.cbf")
    result = pyFAI.load(str(scan / "geometry.poni")).integrate1d(
        counts,
        530,
        radial_range=(4.3, 25.5),
        unit="2th_deg",
        mask=(counts < 0) | pixels.hot | pixels.dead,
        method=("no", "csr", "cython"),
        error_model="poisson",
        polarization_factor=0.99,
    )
    truth = replace(expected(RECIPES["iodide"], 17.5), flux=float(truth_of(scan)[7]["flux"]))
    # pyFAI counts pixels up to one bin below the range into the first bin.
    misfit = ((result.intensity - bin_means(truth, result.radial.astype(np.float64))) / result.sigma)[1:]
    assert abs(misfit.mean()) < 5.0 / np.sqrt(misfit.size)
    assert np.mean(misfit**2) == pytest.approx(1.0, abs=5.0 * np.sqrt(2.0 / misfit.size))


def test_gaps_hot_and_dead_pixels_are_there(scan: Path) -> None:
    pixels = pixels_of(DETECTORS["pilatus300k"], 7)
    for number in (1, 8):
        counts = counts_of(scan / f"iodide_0001p_{number:05d}.cbf")
        np.testing.assert_array_equal(counts == -1, pixels.gap)
        assert (counts[pixels.hot] >= 50_000).all()
        assert not counts[pixels.dead].any()
        assert counts[~(pixels.gap | pixels.hot)].max() < 5000
    assert pixels.hot.sum() >= 6
    assert pixels.dead.sum() >= 6


def test_the_same_seed_writes_the_same_bytes_in_one_go_or_two(scan: Path, tmp_path: Path) -> None:
    write_scan("iodide", tmp_path, frames=3, seed=7, detector="pilatus300k")
    write_scan("iodide", tmp_path, frames=5, seed=7, detector="pilatus300k", first=3)
    for path in scan.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_another_seed_writes_others(scan: Path, tmp_path: Path) -> None:
    write_scan("iodide", tmp_path, frames=1, seed=8, detector="pilatus300k")
    name = "iodide_0001p_00001.cbf"
    assert (tmp_path / name).read_bytes() != (scan / name).read_bytes()


@pytest.mark.parametrize("name", RECIPES)
def test_experiment_says_what_the_truth_is(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    write_scan(recipe, tmp_path, frames=0)
    experiment, _ = read_experiment(tmp_path / "experiment.toml")
    assert experiment.geometry.poni == Path("geometry.poni")
    assert experiment.experiment.frame_period_s == recipe.frame_period_s
    at_mixing = expected(recipe, 0.0 if name == "solvent" else recipe.mixing_s)
    for component, lattice in zip(experiment.component, at_mixing.lattices, strict=True):
        assert (component.name, component.lattice_parameter_A) == (lattice.name, lattice.lp_A)
    if experiment.experiment.mixing_time_s is not None:
        assert experiment.experiment.mixing_time_s == recipe.mixing_s
    header = (tmp_path / "truth.csv").read_text(encoding="utf-8").strip().split(",")
    assert all(f"lp_{component.name}_A" in header for component in experiment.component)


def test_truth_is_empty_before_mixing_and_full_after(scan: Path) -> None:
    rows = truth_of(scan)
    assert [row["state"] for row in rows] == ["waiting"] * 4 + ["reacting"] * 4
    assert rows[3]["lp_Br_A"] == rows[3]["separation_fwhm"] == ""
    assert float(rows[4]["lp_Br_A"]) == 5.842
    assert float(rows[4]["weight_Br"]) + float(rows[4]["weight_I"]) == pytest.approx(1.0, abs=1e-6)
    assert [float(row["time_s"]) for row in rows] == [2.5 * number for number in range(8)]


def test_beam_dump_is_dark(tmp_path: Path) -> None:
    write_scan("beam-dump", tmp_path, frames=1, first=105, detector="pilatus300k")
    counts = counts_of(tmp_path / "beam-dump_0001p_00106.cbf")
    pixels = pixels_of(DETECTORS["pilatus300k"], 0)
    assert not counts[~(pixels.gap | pixels.hot)].any()


def test_pilatus_2m_can_be_written(tmp_path: Path) -> None:
    write_scan("standard", tmp_path, frames=1)
    counts = counts_of(tmp_path / "standard_0001p_00001.cbf")
    assert counts.shape == (1679, 1475)
    np.testing.assert_array_equal(counts == -1, pixels_of(DETECTORS["pilatus2m"], 0).gap)


class Waits(threading.Event):
    """A stop that never comes; it notes how long it was waited for and lets no time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked_s.append(timeout or 0.0)
        return False


def test_every_frame_is_due_from_the_start_so_that_delays_do_not_add_up(tmp_path: Path) -> None:
    waits = Waits()
    write_scan("iodide", tmp_path, frames=4, detector="pilatus300k", speed=0.001, stop=waits)
    for number, asked_s in enumerate(waits.asked_s):
        assert number * 2500.0 - 1000.0 < asked_s <= number * 2500.0


def test_without_a_pace_there_is_no_waiting(tmp_path: Path) -> None:
    waits = Waits()
    write_scan("iodide", tmp_path, frames=4, detector="pilatus300k", stop=waits)
    assert waits.asked_s == [0.0] * 4


def test_frames_have_their_final_name_whole_and_in_order_with_their_truth(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def look(path: Path) -> None:
        assert not list(tmp_path.glob(".*"))
        seen.append((path.name, counts_of(path).size, len(truth_of(tmp_path))))

    write_scan("iodide", tmp_path, frames=4, detector="pilatus300k", on_frame=look)
    assert seen == [(f"iodide_0001p_{number:05d}.cbf", 619 * 487, number) for number in range(1, 5)]


def test_stop_ends_the_scan(tmp_path: Path) -> None:
    stop = threading.Event()
    written = write_scan(
        "iodide", tmp_path, frames=50, detector="pilatus300k", stop=stop, on_frame=lambda _: stop.set()
    )
    assert written == 1
    assert len(truth_of(tmp_path)) == 1


def test_a_folder_with_a_scan_is_refused(scan: Path) -> None:
    with pytest.raises(UserError, match=r"holds experiment\.toml already; give a new folder"):
        write_scan("iodide", scan, frames=1)


@pytest.mark.parametrize("name", ["geometry.poni", "experiment.toml", "truth.csv"])
def test_no_file_of_the_user_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=f"holds {name} already"):
        write_scan("iodide", tmp_path, frames=1)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be written") as caught:
        write_scan("iodide", tmp_path / "file" / "scan", frames=1)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    write_scan("iodide", tmp_path, frames=1, detector="pilatus300k")
    (tmp_path / ".iodide_0001p_00002.cbf.tmp").symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left"):
        write_scan("iodide", tmp_path, frames=1, first=1, detector="pilatus300k")


@pytest.mark.parametrize("name", ["pilatus2", "PILATUS300K", "eiger"])
def test_unknown_detector_names_the_known(name: str) -> None:
    with pytest.raises(UserError, match="detectors are pilatus2m, pilatus300k"):
        detector_named(name)
