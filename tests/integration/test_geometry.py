"""A .poni file is read without trusting it."""

import re
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.integration.geometry import listed_pixels, read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator

GOOD = {
    "poni_version": "2.1",
    "Detector": "Detector",
    "Detector_config": '{"pixel1": 0.000172, "pixel2": 0.000172, "orientation": 3}',
    "Distance": "0.3",
    "Poni1": "0.05",
    "Poni2": "0.04",
    "Rot1": "0.001",
    "Rot2": "-0.002",
    "Rot3": "0.0",
    "Wavelength": "6.4066e-11",
}


def poni(folder: Path, name: str = "geometry.poni", **changes: str | None) -> Path:
    lines = [f"{key}: {value}" for key, value in {**GOOD, **changes}.items() if value is not None]
    path = folder / name
    path.write_text("# a comment: not a key\n" + "\n".join(lines) + "\n")
    return path


def refusal(path: Path, **options: int) -> str:
    with pytest.raises(UserError) as caught:
        read_geometry(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_listed_detectors_are_pyfais() -> None:
    from pyFAI.detectors import ALL_DETECTORS, NexusDetector

    known = {name: model() for name, model in ALL_DETECTORS.items() if not issubclass(model, NexusDetector)}
    pixels = {name: (model.pixel1, model.pixel2) for name, model in known.items() if name != "detector"}
    assert dict(listed_pixels()) == pixels


def test_a_detector_that_only_a_newer_pyfai_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latticewatch.processing.integration.geometry.listed_pixels", lambda: {"other": (1e-4, 1e-4)})
    geometry = read_geometry(poni(tmp_path, Detector="Pilatus1M", Detector_config="{}"))
    assert (geometry.detector, geometry.pixel1_m, geometry.pixel2_m) == ("pilatus1m", 172e-6, 172e-6)


def test_every_number_arrives(tmp_path: Path) -> None:
    path = poni(tmp_path)
    geometry = read_geometry(path)
    assert geometry.wavelength_A == pytest.approx(0.64066, rel=1e-12)
    assert (geometry.distance_m, geometry.poni1_m, geometry.poni2_m) == (0.3, 0.05, 0.04)
    assert (geometry.rot1_rad, geometry.rot2_rad, geometry.rot3_rad) == (0.001, -0.002, 0.0)
    assert (geometry.pixel1_m, geometry.pixel2_m) == (172e-6, 172e-6)
    assert (geometry.detector, geometry.shape, geometry.orientation) == (None, None, 3)
    assert geometry.text == path.read_text()


def test_the_first_version_of_the_format(tmp_path: Path) -> None:
    path = poni(
        tmp_path,
        poni_version=None, Detector=None, Detector_config=None,
        PixelSize1="0.0001", PixelSize2="0.0002", SplineFile="None",
    )  # fmt: skip
    geometry = read_geometry(path)
    assert (geometry.pixel1_m, geometry.pixel2_m, geometry.orientation) == (1e-4, 2e-4, 3)


@pytest.mark.parametrize("line", ["Distance: 0.4", "Wavelength: 3e-11"])
def test_one_line_that_stands_twice_is_no_calibration(tmp_path: Path, line: str) -> None:
    path = poni(tmp_path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match="stands twice"):
        read_geometry(path)


V1 = "PixelSize1: 0.0002\nPixelSize2: 0.0002\nSplineFile: None\n"
PLACE = "Distance: {}\nPoni1: 0.1\nPoni2: 0.1\nRot1: 0\nRot2: 0\nRot3: 0\nWavelength: 2e-11\n"
V2 = 'poni_version: 2\nDetector: Detector\nDetector_config: {"pixel1": 0.0001, "pixel2": 0.0001}\n'


@pytest.mark.parametrize(
    ("text", "pixel_m", "distance_m"),
    [
        (V1 + PLACE.format(0.4) + V2 + PLACE.format(0.5), 1e-4, 0.5),
        (V2 + PLACE.format(0.5) + "# Calibration done at Mon\n" + V1 + PLACE.format(0.4), 2e-4, 0.4),
        (V2 + PLACE.format(0.5) + V2.replace("0.0001", "0.0003") + PLACE.format(0.4), 3e-4, 0.4),
        (PLACE.format(0.4) + V1, 2e-4, 0.4),
        (V1 + PLACE.format(0.4) + PLACE.format(0.6), 2e-4, 0.6),
    ],
)
def test_nothing_of_an_earlier_calibration_is_taken_over(
    tmp_path: Path, text: str, pixel_m: float, distance_m: float
) -> None:
    (tmp_path / "g.poni").write_text(text)
    geometry = read_geometry(tmp_path / "g.poni")
    assert (geometry.pixel1_m, geometry.distance_m) == (pixel_m, distance_m)


def test_a_later_calibration_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = poni(tmp_path)
    path.write_text(path.read_text() + V2 + "Distance: 0.4\n")
    assert "Wavelength is missing" in refusal(path) or "Rot1 is missing" in refusal(path)


@pytest.mark.parametrize("name", ["Pilatus 1M", "Pilatus1M", "pilatus_1m", "PILATUS 1M"])
def test_every_spelling_of_a_detector(tmp_path: Path, name: str) -> None:
    geometry = read_geometry(poni(tmp_path, Detector=name, Detector_config="{}"))
    assert azimuthal_integrator(geometry, (1043, 981)).detector.pixel1 == 172e-6


@pytest.mark.parametrize(
    ("name", "config", "shape", "pixel_m"),
    [
        ("RayonixSx165", "{}", (4096, 4096), 39.5e-6),
        ("RayonixSx165", "{}", (1365, 1365), 118.616e-6),
        ("RayonixSx165", '{"pixel1": 7.9e-05, "pixel2": 7.9e-05}', (2048, 2048), 79e-6),
        ("RayonixMx300", "{}", (2730, 2730), 109.971e-6),
        ("Perkin", "{}", (1024, 1024), 4e-4),
        ("Perkin", '{"pixel1": 0.0001, "pixel2": 0.0001}', (4096, 4096), 1e-4),
        ("mar345", "{}", (1600, 1600), 150e-6),
        ("mar345", '{"pixel1": 0.0001, "pixel2": 0.0001}', (3000, 3000), 1e-4),
        ("mar345", '{"pixel1": 0.0001, "pixel2": 0.0001}', (2300, 2300), 150e-6),
    ],
)
def test_binned_images_and_scans(
    tmp_path: Path, name: str, config: str, shape: tuple[int, int], pixel_m: float
) -> None:
    detector = azimuthal_integrator(
        read_geometry(poni(tmp_path, Detector=name, Detector_config=config)), shape
    ).detector
    assert tuple(detector.shape) == shape
    assert detector.pixel1 == pytest.approx(pixel_m, rel=0.02)


@pytest.mark.parametrize(
    ("name", "config", "shape"),
    [
        ("RayonixSx165", "{}", (1400, 1400)),
        ("mar345", '{"pixel1": 0.0001, "pixel2": 0.0001}', (2000, 2000)),  # 300 mm, where the plate may be of 345 mm
        ("mar345", "{}", (1000, 1000)),
        ("Pilatus1M", "{}", (521, 490)),
        ("Pilatus1M", "{}", (1, 1)),
    ],
)
def test_images_that_are_no_readout_of_the_detector(
    tmp_path: Path, name: str, config: str, shape: tuple[int, int]
) -> None:
    geometry = read_geometry(poni(tmp_path, Detector=name, Detector_config=config))
    with pytest.raises(UserError, match="the geometry is of a detector with") as told:
        azimuthal_integrator(geometry, shape)
    of_detector, of_images = re.findall(r"(\d+x\d+)", str(told.value))
    assert of_images == f"{shape[0]}x{shape[1]}" != of_detector


def test_parallax_needs_a_sensor_that_is_known(tmp_path: Path) -> None:
    config = '{"orientation": 3, "sensor": %s}'
    said = refusal(poni(tmp_path, Detector="Pilatus1M", Parallax="True", Detector_config=config % "null"))
    assert "no sensor" in said
    for material in ("../../x", "Kryptonite"):
        sensor = f'{{"material": "{material}", "thickness": 0.00045}}'
        path = poni(tmp_path, Detector="Pilatus1M", Parallax="True", Detector_config=config % sensor)
        with pytest.raises(UserError, match="sensor"):
            azimuthal_integrator(read_geometry(path), (1043, 981))
    assert "0.45" in refusal(
        poni(
            tmp_path,
            Parallax="True",
            Detector_config='{"pixel1": 1e-4, "pixel2": 1e-4, "sensor": {"material": "Si", "thickness": 0.45}}',
        )
    )


def test_a_format_that_is_not_known_yet(tmp_path: Path) -> None:
    assert "poni_version 4" in refusal(poni(tmp_path, poni_version="4"))


def test_orientation_is_overridden(tmp_path: Path) -> None:
    assert read_geometry(poni(tmp_path), orientation=2).orientation == 2
    assert "orientation" in refusal(poni(tmp_path), orientation=5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Wavelength": "0.64"}, ["Wavelength", "angstrom"]),
        ({"Wavelength": "nan"}, ["Wavelength"]),
        ({"Wavelength": "0"}, ["Wavelength"]),
        ({"Wavelength": "-6.4e-11"}, ["Wavelength"]),
        ({"Wavelength": None}, ["Wavelength", "missing"]),
        ({"Wavelength": "None"}, ["Wavelength", "not a number"]),
        ({"Distance": None}, ["Distance", "missing"]),
        ({"Distance": "0"}, ["Distance"]),
        ({"Distance": "-0.3"}, ["Distance"]),
        ({"Distance": "inf"}, ["Distance"]),
        ({"Distance": "300"}, ["Distance", "millimetres"]),
        ({"Distance": "far"}, ["Distance", "not a number"]),
        ({"Poni1": "nan"}, ["Poni1"]),
        ({"Poni2": "512"}, ["Poni2"]),
        ({"Rot2": "41"}, ["Rot2", "degrees"]),
        ({"Detector_config": '{"pixel1": 172, "pixel2": 172}'}, ["pixel size", "micrometres"]),
        ({"Detector_config": '{"pixel1": 0.000172}'}, ["pixel size", "missing"]),
        ({"Detector_config": '{"pixel1": 0.000172'}, ["Detector_config", "JSON"]),
        ({"Detector_config": "[" * 5000}, ["Detector_config", "JSON"]),
        ({"Detector_config": '{"pixel1": 1e-4, "pixel2": 1e-4, "max_shape": [0, 9]}'}, ["max_shape"]),
        ({"Detector_config": '{"pixel1": 1e-4, "pixel2": 1e-4, "orientation": 9}'}, ["orientation"]),
        ({"Detector_config": '{"pixel1": 1e-4, "pixel2": 1e-4, "splineFile": "/etc/passwd"}'}, ["splineFile"]),
        ({"SplineFile": "/etc/passwd"}, ["SplineFile"]),
        ({"Detector": "/etc/passwd"}, ["Detector", "/etc/passwd"]),
        ({"Detector": "NexusDetector"}, ["Detector"]),
        ({"Detector": "PILATUS 2048M"}, ["Detector"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, str | None], words: list[str]
) -> None:
    message = refusal(poni(tmp_path, **changes))
    for word in ["geometry.poni", *words]:
        assert word in message


def test_what_is_no_poni_at_all(tmp_path: Path) -> None:
    (tmp_path / "image.poni").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "empty.poni").write_bytes(b"")
    (tmp_path / "huge.poni").write_text("x" * 2_000_000)
    for name in ("image.poni", "empty.poni", "huge.poni"):
        assert "not a .poni file" in refusal(tmp_path / name)
    assert "No such file" in refusal(tmp_path / "absent.poni")
    assert "not a file" in refusal(tmp_path)


def test_a_named_detector_brings_its_gaps_and_its_shape(tmp_path: Path) -> None:
    path = poni(tmp_path, Detector="Pilatus300k", Detector_config='{"pixel1": 0.000172, "pixel2": 0.000172}')
    geometry = read_geometry(path)
    assert azimuthal_integrator(geometry, (619, 487)).detector.shape == (619, 487)
    gaps = module_gaps(geometry, (619, 487))
    assert gaps.sum() == 2 * 17 * 487
    assert gaps[195:212].all()
    with pytest.raises(UserError, match=r"619x487.*1679x1475"):
        ImageIntegrator(geometry, shape=(1679, 1475))


def test_a_detector_is_recognised_by_pixel_size_and_shape(tmp_path: Path) -> None:
    geometry = read_geometry(poni(tmp_path))
    assert module_gaps(geometry, (619, 487)).sum() == 2 * 17 * 487
    assert not module_gaps(geometry, (618, 487)).any()
    other = '{"pixel1": 0.0001, "pixel2": 0.0001}'
    assert not module_gaps(read_geometry(poni(tmp_path, Detector_config=other)), (619, 487)).any()


def test_orientation_2_is_the_image_flipped_up_down(tmp_path: Path) -> None:
    read, flipped = (read_geometry(poni(tmp_path), orientation) for orientation in (3, 2))
    shape = (40, 60)
    as_read, turned = (
        azimuthal_integrator(geometry, shape).center_array(shape, unit="2th_rad") for geometry in (read, flipped)
    )
    np.testing.assert_allclose(turned, as_read[::-1], rtol=1e-12)
    assert not np.allclose(turned, as_read)
