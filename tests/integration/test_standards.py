"""Real frames of known standards: the figures of the sample data's SOURCES.md."""

import itertools
import math
from typing import Any

import fabio
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from tests.sample_data import sample

CEO2_A = 5.41165
LAB6_A = 4.156826
ALLOY_A = 3.284
MAP_FRAMES = (1, 2, 3, 6, 7, 8)
Hkl = tuple[int, int, int]


def read(name: str) -> Frame:
    with fabio.open(str(sample(name))) as image:
        header = {str(key): str(value) for key, value in image.header.items()}
        return Frame(0, name, 0.0, 0.0, Image(image.data), header)


def integrated(integrator: ImageIntegrator, name: str) -> Pattern:
    pattern = integrator.integrate(read(name))
    assert isinstance(pattern, Pattern)
    return pattern


def cell(pattern: Pattern, geometry: Geometry, expected_A: float, hkl: Hkl, half_width_deg: float) -> float:
    """The cubic cell that one line gives: a Gaussian on a straight background, fitted with the pattern's sigma."""
    length = math.sqrt(sum(index * index for index in hkl))
    centre = 2 * math.degrees(math.asin(geometry.wavelength_A * length / (2 * expected_A)))
    window = np.abs(pattern.two_theta - centre) < half_width_deg
    x, y, sigma = (values[window].astype(float) for values in (pattern.two_theta, pattern.intensity, pattern.sigma))

    def line(x: NDArray[np.float64], height: float, at: float, width: float, level: float, slope: float) -> object:
        return height * np.exp(-0.5 * ((x - at) / width) ** 2) + level + slope * (x - centre)

    start = [y.max() - y.min(), x[y.argmax()], half_width_deg / 5, y.min(), 0.0]
    parameters, _ = curve_fit(line, x, y, start, sigma)
    return float(geometry.wavelength_A * length / (2 * math.sin(math.radians(parameters[1] / 2))))


FCC: list[Hkl] = [(1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1), (2, 2, 2), (4, 0, 0), (3, 3, 1), (4, 2, 0), (4, 2, 2)]


@pytest.mark.parametrize("find_defects", [True, False])
def test_ceo2_flipped_is_ceo2(find_defects: bool) -> None:
    geometry = read_geometry(sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni"), orientation=2)
    integrator = ImageIntegrator(geometry, shape=(1043, 981), find_defects=find_defects)
    pattern = integrated(integrator, "ceo2_pilatus1m/CeO2_Pilatus1M.tif")
    cells = np.array([cell(pattern, geometry, CEO2_A, hkl, 0.25) for hkl in FCC])
    assert cells.mean() == pytest.approx(5.4108, abs=0.0005)
    assert cells.std() < 0.0012


def test_ceo2_as_read_is_no_lattice() -> None:
    geometry = read_geometry(sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni"))
    pattern = integrated(ImageIntegrator(geometry, shape=(1043, 981)), "ceo2_pilatus1m/CeO2_Pilatus1M.tif")
    strongest = [hkl for hkl in FCC if sum(index * index for index in hkl) in (3, 8, 11, 24)]
    cells = []
    for hkl in strongest:
        try:
            cells.append(cell(pattern, geometry, CEO2_A, hkl, 0.25))
        except RuntimeError:
            cells.append(math.nan)
    assert not np.all(np.abs(np.array(cells) - CEO2_A) < 0.01)


@pytest.mark.parametrize("angle", ["0023", "0032", "0050"])
def test_lab6_within_200_ppm_line_by_line(angle: str) -> None:
    geometry = read_geometry(sample(f"lab6_pilatus300kw/lab6_{angle}.poni"))
    integrator = ImageIntegrator(geometry, shape=(195, 1475))
    pattern = integrated(integrator, f"lab6_pilatus300kw/lab6_{angle}.tif")
    lines = list(inside(pattern, geometry))
    assert lines
    for hkl in lines:
        assert cell(pattern, geometry, LAB6_A, hkl, 0.15) == pytest.approx(LAB6_A, rel=200e-6)


def inside(pattern: Pattern, geometry: Geometry) -> list[Hkl]:
    """LaB6's lines that lie within the pattern."""
    found = {}
    for hkl in itertools.product(range(6), repeat=3):
        length = math.sqrt(sum(index * index for index in hkl))
        sine = geometry.wavelength_A * length / (2 * LAB6_A)
        angle = 2 * math.degrees(math.asin(min(sine, 1.0)))
        if pattern.two_theta[0] + 0.3 < angle < pattern.two_theta[-1] - 0.3:
            found[round(length**2)] = hkl
    return list(found.values())


def test_a_steady_alloy_stands_still() -> None:
    geometry = read_geometry(sample("pixium_i12/pixium_i12.poni"))
    integrator = ImageIntegrator(geometry, shape=(1441, 1440))
    patterns = [integrated(integrator, f"pixium_i12/pixium_0315{number}.tif") for number in range(3)]
    for hkl in ((1, 1, 0), (2, 0, 0), (2, 1, 1)):
        cells = np.array([cell(pattern, geometry, ALLOY_A, hkl, 0.08) for pattern in patterns])
        assert cells.mean() == pytest.approx(ALLOY_A, abs=0.0006)
        assert cells.std() / ALLOY_A < 20e-6


def split(geometry: Geometry, counts: NDArray[Any], bins: int, splitting: str) -> Any:
    """pyFAI's own integration with pixel splitting, as the reference patterns were made, with our geometry."""
    return azimuthal_integrator(geometry, (counts.shape[0], counts.shape[1])).integrate1d_ng(
        counts, bins, polarization_factor=0.99, method=(splitting, "csr", "cython"), unit="2th_deg"
    )


def test_pixium_reference_pattern() -> None:
    geometry = read_geometry(sample("pixium_i12/pixium_i12.poni"))
    pattern = split(geometry, counts_of(read("pixium_i12/pixium_03150.tif")), 5000, "full")
    reference = np.loadtxt(sample("pixium_i12/reference_integrated_03150.dat"))
    np.testing.assert_allclose(pattern.radial, reference[:, 0], atol=4e-4)
    filled = reference[:, 1] > 0
    assert np.median(np.abs(pattern.intensity[filled] / reference[filled, 1] - 1)) < 1e-3


@pytest.mark.parametrize("number", MAP_FRAMES)
def test_map_reference_patterns(number: int) -> None:
    """The reference was made without a mask: the detector's gaps, coded -1 and -2, went in as counts."""
    geometry = read_geometry(sample("map_pilatus1m/map_pilatus1m.poni"), orientation=2)
    name = f"Fe3O4C_M1_map_{number}_P1_E1_001"
    pattern = split(geometry, counts_of(read(f"map_pilatus1m/{name}.tif")), 1508, "bbox")
    reference = np.loadtxt(sample(f"map_pilatus1m/reference/{name}.xy"))
    np.testing.assert_allclose(pattern.radial, reference[:, 0], atol=1e-4)
    difference = np.abs(pattern.intensity / reference[:, 1] - 1)
    assert np.median(difference) < 4e-4
    assert difference.max() < 5e-3


def counts_of(frame: Frame) -> NDArray[np.int32]:
    assert isinstance(frame.content, Image)
    return np.asarray(frame.content.counts, np.int32)
