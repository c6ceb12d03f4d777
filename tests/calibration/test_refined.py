"""A geometry that is off is brought back to the truth, within its esds."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.calibration.check import StandardFrame, check_frame, left_out, read_frame, user_mask
from latticewatch.processing.calibration.poni_file import poni_text
from latticewatch.processing.calibration.refined import Part, Place, Refined, place_of, refine
from latticewatch.processing.calibration.ring_search import bright_pixels, score_of, search
from latticewatch.processing.crystal.standard import read_standard
from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from tests.calibration.frames import Known, known, off
from tests.sample_data import sample

ALL: tuple[Part, ...] = ("distance", "centre", "tilt")
NUMBERS = ("distance_mm", "row", "column", "rot1_deg", "rot2_deg")


def found(of: Known, start: Geometry, parts: tuple[Part, ...] = ALL) -> Refined:
    frame, _, standard, masked = of
    counts = frame.counts.astype(float)
    bright, free = bright_pixels(counts, masked), {"centre": "centre" in parts, "distance": "distance" in parts}
    near = search(bright, start, standard, frame.shape, **free)
    return refine(counts, masked, near.geometry, standard, parts)


def pulls(place: Place, truth: Place) -> list[float]:
    """How many esds each number is off."""
    pairs = [(getattr(place, name), getattr(truth, name)) for name in NUMBERS]
    return [(each.value - true.value) / each.esd for each, true in pairs]


def test_3_mm_and_2_per_cent_off_comes_back_within_its_esds(tmp_path: Path) -> None:
    every = []
    for seed in range(3):
        of = known(tmp_path, seed=seed)
        start = off(of.geometry, up_mm=3.0, side_mm=-3.0, longer=-0.02, tilt_deg=0.5 * seed)
        result = found(of, start)
        assert result.rings >= 6
        assert result.rms_px < 0.1
        every += pulls(result.place, place_of(of.geometry, of.frame.shape))
    assert max(map(abs, every)) < 4.0
    assert 0.4 < np.sqrt(np.mean(np.square(every))) < 1.8


def test_ceria_on_a_large_detector_comes_back_too(tmp_path: Path) -> None:
    of = known(tmp_path, "CeO2", detector="pilatus2m")
    result = found(of, off(of.geometry, up_mm=-3.0, side_mm=3.0, longer=0.02, tilt_deg=-0.5))
    assert max(map(abs, pulls(result.place, place_of(of.geometry, of.frame.shape)))) < 4.0
    assert result.place.distance_mm.esd < 0.001
    assert result.place.row.esd < 0.01


def test_what_is_not_free_stays_and_has_no_esd(tmp_path: Path) -> None:
    of = known(tmp_path)
    start = off(of.geometry, up_mm=1.0)
    result = found(of, start, ("centre",))
    kept = ("distance_m", "rot1_rad", "rot2_rad", "rot3_rad", "wavelength_A")
    assert [getattr(result.geometry, name) for name in kept] == [getattr(start, name) for name in kept]
    assert np.isnan([result.place.distance_mm.esd, result.place.rot1_deg.esd, result.place.wavelength_A.esd]).all()
    assert result.geometry.poni1_m == pytest.approx(of.geometry.poni1_m, abs=5e-6)


def test_a_wavelength_is_refined_where_the_distance_is_known(tmp_path: Path) -> None:
    of = known(tmp_path)
    start = replace(of.geometry, wavelength_A=of.geometry.wavelength_A * 1.002)
    result = found(of, start, ("centre", "wavelength"))
    wavelength = result.place.wavelength_A
    assert abs(wavelength.value - of.geometry.wavelength_A) < 4.0 * wavelength.esd < 1e-4


def test_the_check_leaves_a_better_accuracy_than_before(tmp_path: Path) -> None:
    of = known(tmp_path)
    mask = of.frame.masked
    start = off(of.geometry, up_mm=0.15)
    before = check_frame(of.frame, start, mask, of.standard)
    after = check_frame(of.frame, found(of, start).geometry, mask, of.standard)
    assert after.accuracy_ppm < before.accuracy_ppm
    assert abs(after.offset_ppm) < 30.0 < abs(before.offset_ppm)
    assert [ring.expected_deg for ring in after.rings] == sorted(ring.expected_deg for ring in after.rings)
    assert after.rings[0].two_theta_deg == pytest.approx(after.rings[0].expected_deg, abs=1e-3)


def test_noise_has_no_rings(tmp_path: Path) -> None:
    of = known(tmp_path)
    noise = np.random.default_rng(0).poisson(20.0, of.frame.shape).astype(float)
    with pytest.raises(UserError, match="only 0 points on rings of LaB6"):
        refine(noise, of.masked, of.geometry, of.standard, ALL)


def test_a_short_piece_of_rings_does_not_tell_the_tilt(tmp_path: Path) -> None:
    """What is seen of each ring is hardly curved: nothing is made of it."""
    of = known(tmp_path)
    masked = of.masked.copy()
    masked[:, 40:] = True
    counts = of.frame.counts.astype(float)
    with pytest.raises(UserError, match="points on rings"):
        refine(counts, masked, of.geometry, of.standard, ALL)


def test_a_search_that_is_stopped_keeps_the_start(tmp_path: Path) -> None:
    of = known(tmp_path)
    stop = threading.Event()
    stop.set()
    bright = bright_pixels(of.frame.counts.astype(float), of.masked)
    kept = search(bright, of.geometry, of.standard, of.frame.shape, stop=stop).geometry
    assert kept.distance_m == pytest.approx(of.geometry.distance_m, rel=0.01)


def ceria(orientation: int) -> Known:
    frame = read_frame(sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"))
    geometry = read_geometry(sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni"), orientation)
    nothing = user_mask(frame, None, geometry)
    return Known(frame, geometry, read_standard("CeO2", geometry.wavelength_A), left_out(frame, nothing, geometry))


def test_real_ceria_comes_back_to_the_same_place_from_3_mm_and_2_per_cent() -> None:
    of = ceria(2)
    near, far = found(of, of.geometry), found(of, off(of.geometry, 3.0, -3.0, -0.02))
    assert near.rings >= 12
    assert near.rms_px < 0.2
    for name in NUMBERS:
        one, other = getattr(near.place, name), getattr(far.place, name)
        assert abs(one.value - other.value) < one.esd
    before, after = (
        check_frame(of.frame, geometry, of.frame.masked, of.standard) for geometry in (of.geometry, near.geometry)
    )
    assert before.accuracy_ppm > 300.0
    assert abs(after.offset_ppm) < 30.0
    assert after.accuracy_ppm < before.accuracy_ppm


def test_rings_of_real_ceria_are_where_the_poni_has_them_in_its_own_orientation_alone() -> None:
    scores = {}
    for orientation in (1, 2, 3, 4):
        of = ceria(orientation)
        bright = bright_pixels(of.frame.counts.astype(float), of.masked)
        scores[orientation] = score_of(bright, of.geometry, of.standard, of.frame.shape)
    assert max(scores, key=lambda orientation: scores[orientation]) == 2
    assert scores[2] > 0.4 > 1.4 * max(scores[orientation] for orientation in (1, 3, 4))


def test_one_ring_of_real_hexaboride_is_too_little() -> None:
    frame = read_frame(sample("lab6_pilatus300kw/lab6_0032.tif"))
    geometry = read_geometry(sample("lab6_pilatus300kw/lab6_0032.poni"))
    masked = left_out(frame, user_mask(frame, None, geometry), geometry)
    with pytest.raises(UserError, match="points on rings of LaB6"):
        refine(frame.counts.astype(float), masked, geometry, read_standard("LaB6", geometry.wavelength_A), ALL)


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_a_poni_is_read_back_as_it_was_written(tmp_path: Path, orientation: int) -> None:
    known(tmp_path)
    of = replace(read_geometry(tmp_path / "right.poni", orientation), rot3_rad=0.1, distance_m=1.0 / 3.0)
    (tmp_path / "new.poni").write_text(poni_text(of, ["refined by LaB6"]))
    again = read_geometry(tmp_path / "new.poni")
    same = ("distance_m", "poni1_m", "poni2_m", "rot1_rad", "rot2_rad", "rot3_rad", "detector", "orientation")
    assert [getattr(again, name) for name in same] == [getattr(of, name) for name in same]
    assert again.wavelength_A == pytest.approx(of.wavelength_A, rel=1e-12)
    assert (again.pixel1_m, again.pixel2_m, again.parallax) == (of.pixel1_m, of.pixel2_m, of.parallax)


def test_a_poni_of_a_plain_grid_with_parallax_is_read_back(tmp_path: Path) -> None:
    text = (
        "Detector: Detector\nDetector_config: "
        '{"pixel1": 1e-4, "pixel2": 2e-4, "max_shape": [10, 20], "sensor": {"material": "Si", "thickness": 0.00045}}\n'
        "Distance: 0.2\nPoni1: 0\nPoni2: 0\nRot1: 0\nRot2: 0\nRot3: 0\nWavelength: 1e-10\nParallax: True\n"
        "poni_version: 3\n"
    )
    (tmp_path / "old.poni").write_text(text)
    old = read_geometry(tmp_path / "old.poni")
    (tmp_path / "new.poni").write_text(poni_text(old))
    new = read_geometry(tmp_path / "new.poni")
    assert (new.shape, new.parallax, new.pixel1_m, new.pixel2_m) == ((10, 20), ("Si", 0.00045), 1e-4, 2e-4)
    assert new.detector is None


def test_a_frame_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "frame.cbf").write_text("nothing")
    with pytest.raises(UserError, match="give a frame of the standard"):
        read_frame(tmp_path / "frame.cbf")


def test_saturated_and_negative_pixels_are_left_out(tmp_path: Path) -> None:
    of = known(tmp_path)
    counts = of.frame.counts.copy()
    counts[0, 0], counts[1, 1] = 2**31 - 1, -2
    frame = StandardFrame("a.cbf", counts, np.zeros(counts.shape, bool))
    out = left_out(frame, np.zeros(counts.shape, bool), of.geometry)
    assert out[0, 0]
    assert out[1, 1]
    assert not out[2, 2]
