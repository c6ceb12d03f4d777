"""Geometries as people have them: appended, of other ages, with parallax, of binned readouts."""

import numpy as np
import pytest

from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from tests.field.conftest import Process
from tests.sample_data import sample

CEO2_A = 5.4116


def geometry(name: str) -> Geometry:
    return read_geometry(sample(f"field/poni-variants/{name}.poni"))


def pixel_and_shape(name: str, shape: tuple[int, int]) -> tuple[float, tuple[int, ...]]:
    detector = azimuthal_integrator(geometry(name), shape).detector
    return detector.pixel1, tuple(detector.shape)


@pytest.mark.parametrize("name", ["a_appended", "b_right"])
def test_the_last_calibration_alone(process: Process, name: str) -> None:
    case = sample("field/poni-variants")
    _, rows = process("poni-variants/frames", geometry=case / f"{name}.poni", experiment=case / "experiment.toml")
    assert rows[0]["lp_S_A"] == pytest.approx(CEO2_A, abs=1e-4)


def test_a_pixel_size_beside_a_detectors_name() -> None:
    assert pixel_and_shape("perkin100", (4096, 4096)) == (1e-4, (4096, 4096))


def test_names_that_pyfai_has_written() -> None:
    assert geometry("perkin_name").detector == "perkin_detector"
    assert geometry("pilatus_name").detector == "pilatus_1m"
    assert pixel_and_shape("perkin_name", (2048, 2048)) == (2e-4, (2048, 2048))
    assert pixel_and_shape("pilatus_name", (1043, 981)) == (172e-6, (1043, 981))


@pytest.mark.parametrize("side", [2300, 2000, 1600, 1200])
def test_scans_of_an_image_plate(side: int) -> None:
    assert pixel_and_shape("mar2300", (side, side)) == (150e-6, (side, side))


def test_a_small_scan_of_an_image_plate(process: Process) -> None:
    case = sample("field/poni-variants/mar")
    said, rows = process("poni-variants/mar/f", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert said.status == 0, said.err
    assert rows


def test_parallax_is_applied(process: Process) -> None:
    case = sample("field/parallax-poni")
    _, rows = process("parallax-poni/f", geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert rows[0]["lp_S_A"] == pytest.approx(CEO2_A, abs=1e-4)


def test_parallax_is_pyfais_own() -> None:
    import pyFAI

    path = sample("field/parallax-poni/g.poni")
    shape = (1062, 1028)
    ours = azimuthal_integrator(read_geometry(path), shape).center_array(shape, unit="2th_rad")
    np.testing.assert_allclose(ours, pyFAI.load(str(path)).center_array(shape, unit="2th_rad"), rtol=1e-9)
