"""Hot and dead pixels: found where they are, and nothing else taken for one."""

from dataclasses import dataclass

import fabio
import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.outliers import ring_levels
from tests.sample_data import sample

SHAPE = (300, 260)
GEOMETRY = Geometry(0.15, 0.026, 0.022, 0.0, 0.0, 0.0, 0.64066, 172e-6, 172e-6)


@dataclass(frozen=True)
class Scan:
    frames: list[NDArray[np.int32]]
    hot: NDArray[np.bool_]
    dead: NDArray[np.bool_]


def rings() -> NDArray[np.float64]:
    two_theta = np.degrees(azimuthal_integrator(GEOMETRY, SHAPE).center_array(SHAPE, unit="2th_rad"))
    peaks = sum(60 * np.exp(-0.5 * ((two_theta - at) / 0.15) ** 2) for at in (4.0, 7.5, 9.0))
    return np.asarray(12.0 + 30.0 * np.exp(-two_theta / 3) + peaks)


def scan(seed: int, frames: int = 6) -> Scan:
    """Frames with 20 hot and 20 dead pixels at places nobody else knows."""
    rng = np.random.default_rng(seed)
    rows, columns = (SHAPE[0] - 4) // 4, (SHAPE[1] - 4) // 4
    places = rng.choice(rows * columns, 40, replace=False)
    pixels = np.zeros(SHAPE, int)
    pixels[2 + 4 * (places // columns), 2 + 4 * (places % columns)] = np.repeat([1, 2], 20)
    hot, dead = pixels == 1, pixels == 2
    level = np.where(dead, 0.0, rings())
    level[hot] += 10 ** rng.uniform(3.0, 5.5, 20)
    return Scan([rng.poisson(level).astype(np.int32) for _ in range(frames)], hot, dead)


def run(frames: list[NDArray[np.int32]]) -> tuple[ImageIntegrator, list[Pattern]]:
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE)
    results = [integrator.integrate(Frame(n, "x", 0.0, 0.0, Image(image))) for n, image in enumerate(frames)]
    assert all(isinstance(result, Pattern) for result in results)
    return integrator, [result for result in results if isinstance(result, Pattern)]


@pytest.mark.parametrize("seed", range(5))
def test_simulated_defects_are_found_and_nothing_else(seed: int) -> None:
    known = scan(seed)
    integrator, _ = run(known.frames)
    defects = integrator.defects
    assert defects is not None
    assert defects.settled
    assert (defects.hot, defects.dead) == (20, 20)
    np.testing.assert_array_equal(defects.mask, known.hot | known.dead)


@pytest.mark.parametrize("bins", [20, 5000])
def test_rings_of_any_number_of_pixels(bins: int) -> None:
    """From none to thousands."""
    given = scan(3)
    integrator = ImageIntegrator(GEOMETRY, shape=SHAPE, bins=bins, mask=rings() > 65.0)
    for image in given.frames:
        assert isinstance(integrator.integrate(Frame(0, "x", 0.0, 0.0, Image(image))), Pattern)
    assert integrator.defects is not None
    assert integrator.defects.settled


@pytest.mark.parametrize(
    ("pixels", "outliers"), [(0, 0), (15, 0), (256, 3), (257, 3), (512, 3), (513, 3), (70_000, 900)]
)
def test_median_and_spread_of_a_ring(pixels: int, outliers: int) -> None:
    values = np.random.default_rng(pixels).poisson(100.0, pixels).astype(np.float32)
    values[:outliers] = 1e6
    order, starts = np.arange(pixels, dtype=np.int32), np.array([0, pixels], np.int64)
    median, spread = ring_levels(values, order, starts)
    if pixels < 16:
        assert np.isnan(median[0])
    else:
        assert median[0] == pytest.approx(100.0, abs=4.0)
        assert spread[0] == pytest.approx(10.0, rel=0.25)


def test_the_first_frame_already_leaves_hot_pixels_out() -> None:
    known = scan(11)
    integrator, patterns = run(known.frames[:1])
    assert integrator.defects is not None
    assert integrator.defects.hot == 20
    counts = known.frames[0].copy()
    counts[integrator.defects.mask] = -1
    clean = ImageIntegrator(GEOMETRY, shape=SHAPE, find_defects=False)
    expected = clean.integrate(Frame(0, "x", 0.0, 0.0, Image(counts)))
    assert isinstance(expected, Pattern)
    np.testing.assert_allclose(patterns[0].intensity, expected.intensity, rtol=1e-6)


def test_the_same_frames_give_the_same_numbers() -> None:
    frames = scan(12, frames=8).frames
    _, once = run(frames)
    _, again = run([frame.copy() for frame in frames])
    for first, second in zip(once, again, strict=True):
        np.testing.assert_array_equal(first.intensity, second.intensity)
        np.testing.assert_array_equal(first.sigma, second.sigma)


def test_a_cosmic_ray_comes_back_into_use() -> None:
    frames = [np.random.default_rng(n).poisson(rings()).astype(np.int32) for n in range(3)]
    frames[0][100, 100] = 50_000
    integrator, _ = run(frames[:1])
    assert integrator.defects is not None
    assert integrator.defects.mask[100, 100]
    integrator, _ = run(frames)
    assert integrator.defects is not None
    assert not integrator.defects.mask.any()


def test_spots_and_a_beam_stop_are_left_alone() -> None:
    """Steady diffraction spots with the leak that real ones show, and a round shadow with a sharp edge."""
    rng = np.random.default_rng(13)
    level = rings()
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for row, column, height in zip(
        rng.integers(5, 295, 60), rng.integers(5, 255, 60), 10 ** rng.uniform(2, 5, 60), strict=True
    ):
        level += height * np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / 0.45**2)
    level[np.hypot(rows - 151, columns - 128) < 20] = 0.0
    level[140:, 126:131] = 0.0
    integrator, _ = run([rng.poisson(level).astype(np.int32) for _ in range(6)])
    assert integrator.defects is not None
    assert not integrator.defects.mask.any()


def test_darkness_settles_nothing() -> None:
    dark = [np.zeros(SHAPE, np.int32) for _ in range(8)]
    known = scan(14)
    integrator, _ = run(dark + known.frames)
    assert integrator.defects is not None
    np.testing.assert_array_equal(integrator.defects.mask, known.hot & integrator.defects.mask | known.dead)
    integrator, _ = run([np.zeros(SHAPE, np.int32)] * 25)
    assert integrator.defects is not None
    assert not integrator.defects.settled


def test_real_frames_of_spotty_rings_lose_next_to_nothing() -> None:
    geometry = read_geometry(sample("map_pilatus1m/map_pilatus1m.poni"), orientation=2)
    integrator = ImageIntegrator(geometry, shape=(1043, 981))
    for number in (1, 2, 3, 6, 7):
        with fabio.open(str(sample(f"map_pilatus1m/Fe3O4C_M1_map_{number}_P1_E1_001.tif"))) as image:
            integrator.integrate(Frame(number, "x", 0.0, 0.0, Image(image.data)))
    assert integrator.defects is not None
    assert integrator.defects.mask.sum() < 20
