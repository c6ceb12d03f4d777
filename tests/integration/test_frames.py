"""What a frame may throw at the integration: it answers with a pattern or a gap, and never raises."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fabio.compression import compByteOffset
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.packed_images import ByteOffset
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.count_limits import header_number
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator

SHAPE = (200, 150)
GEOMETRY = Geometry(0.2, 0.017, 0.013, 0.02, 0.01, 0.0, 0.64066, 172e-6, 172e-6)
IMAGE = np.random.default_rng(3).poisson(40.0, SHAPE).astype(np.int32)


def frame(image: NDArray[Any], **header: str) -> Frame:
    return Frame(0, "x.cbf", 0.0, 0.0, Image(image), header)


def integrator(**options: Any) -> ImageIntegrator:
    return ImageIntegrator(GEOMETRY, shape=SHAPE, **options)


def pattern(result: Pattern | NoResult) -> Pattern:
    assert isinstance(result, Pattern)
    return result


def reason(result: Pattern | NoResult) -> str:
    assert isinstance(result, NoResult)
    return result.reason


def test_patterns_and_gaps_pass_through() -> None:
    one = integrator()
    ready = pattern(one.integrate(frame(IMAGE)))
    assert one.integrate(Frame(0, "run.h5", 0.0, 0.0, ready)) is ready
    gap = NoResult("unreadable: cut short")
    assert one.integrate(Frame(0, "x.cbf", 0.0, 0.0, gap)) is gap


def test_every_pattern_shares_one_grid_known_before_the_first_frame() -> None:
    one = integrator()
    grid = one.two_theta
    assert grid.dtype == np.float64
    assert np.all(np.diff(grid) > 0)
    assert pattern(one.integrate(frame(IMAGE))).two_theta is grid
    assert pattern(one.integrate(frame(IMAGE * 2))).two_theta is grid
    with pytest.raises(ValueError, match="read-only"):
        grid[0] = 1.0


def test_by_default_a_bin_is_a_pixel_wide() -> None:
    grid = integrator().two_theta
    step = (grid[-1] - grid[0]) / (len(grid) - 1)
    np.testing.assert_allclose(step, np.degrees(np.arctan(172e-6 / 0.2)), rtol=0.01)


def test_another_shape_in_mid_scan_is_a_gap_with_both_shapes() -> None:
    one = integrator()
    assert reason(one.integrate(frame(IMAGE.T))) == "unreadable: shape 150x200, not 200x150"
    assert reason(one.integrate(frame(IMAGE[None]))).startswith("unreadable: shape 1x200x150")
    assert isinstance(one.integrate(frame(IMAGE)), Pattern)


@pytest.mark.parametrize("value", [-1, 2**31 - 1])
def test_too_few_valid_pixels_is_a_gap(value: int) -> None:
    image = IMAGE.copy()
    image[:120] = value
    assert "40 % of the pixels are valid" in reason(integrator().integrate(frame(image)))


def test_the_cutoff_in_the_header_is_the_saturation() -> None:
    image = IMAGE.copy()
    image[::7] = 1000
    without = IMAGE.copy()
    without[::7] = -1
    one = integrator(find_defects=False)
    cut = pattern(one.integrate(frame(image, Count_cutoff="1000 counts")))
    expected = pattern(one.integrate(frame(without)))
    np.testing.assert_array_equal(cut.intensity, expected.intensity)
    np.testing.assert_array_equal(cut.sigma, expected.sigma)
    above = pattern(one.integrate(frame(image, Count_cutoff="1001 counts")))
    assert not np.array_equal(above.intensity, expected.intensity)


def test_a_lost_pixel_leaves_the_normalisation_too() -> None:
    one = integrator(find_defects=False)
    level = 100.0 * one.plan.weight.reshape(SHAPE)
    whole = pattern(one.integrate(frame(level)))
    holed = pattern(one.integrate(frame(np.where(np.random.default_rng(4).random(SHAPE) < 0.3, np.nan, level))))
    np.testing.assert_allclose(whole.intensity, 100.0, rtol=1e-6)
    np.testing.assert_allclose(holed.intensity, 100.0, rtol=1e-6)
    assert np.all(holed.sigma >= whole.sigma)


def test_half_the_sensitivity_is_half_the_counts() -> None:
    flat = np.random.default_rng(5).uniform(0.5, 2.0, SHAPE)
    seen = pattern(integrator(find_defects=False, flat=flat).integrate(frame(100.0 * flat)))
    true = pattern(integrator(find_defects=False).integrate(frame(np.full(SHAPE, 100.0))))
    np.testing.assert_allclose(seen.intensity, true.intensity, rtol=1e-3)


def test_a_bin_that_counted_nothing_has_a_sigma() -> None:
    empty = pattern(integrator().integrate(frame(np.zeros(SHAPE, np.int32))))
    assert np.all(empty.intensity == 0)
    assert np.all(empty.sigma > 0)


def test_a_bin_without_a_valid_pixel_is_nan() -> None:
    one = integrator(find_defects=False)
    image = IMAGE.copy()
    chosen = (one.plan.bins == 20).reshape(SHAPE)
    image[chosen] = -1
    result = pattern(one.integrate(frame(image)))
    assert np.flatnonzero(np.isnan(result.intensity)).tolist() == [20]
    assert np.flatnonzero(np.isnan(result.sigma)).tolist() == [20]


def test_normalised_by_a_header_value() -> None:
    one = integrator(normalise_by="Flux", find_defects=False)
    first = pattern(one.integrate(frame(IMAGE, Flux="2.0e10")))
    np.testing.assert_array_equal(first.intensity, pattern(integrator().integrate(frame(IMAGE))).intensity)
    half = pattern(one.integrate(frame(IMAGE, flux="1.0e10 photons/s")))
    np.testing.assert_allclose(half.intensity, 2 * first.intensity, rtol=1e-6)
    np.testing.assert_allclose(half.sigma, 2 * first.sigma, rtol=1e-6)
    assert reason(one.integrate(frame(IMAGE))) == "unreadable: no header value Flux"
    assert reason(one.integrate(frame(IMAGE, Flux="none"))) == "unreadable: no header value Flux"
    assert reason(one.integrate(frame(IMAGE, Flux="0.0"))) == "no beam"


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12.0), ("= 1e3 counts", 1e3), ("nan", None), ("", None), ("(nil)", None), ("-4.5 deg.", -4.5)],
)
def test_numbers_in_headers(text: str, number: float | None) -> None:
    assert header_number({"Some_Key": text}, "some_key") == number


def test_what_cannot_be_integrated_is_refused_at_the_start() -> None:
    with pytest.raises(UserError, match="leave no pixel"):
        integrator(flat=np.zeros(SHAPE))
    with pytest.raises(UserError, match="bins"):
        integrator(bins=70_000)


def packed_frame(image: NDArray[Any], **header: str) -> Frame:
    data = np.frombuffer(compByteOffset(image.astype(np.int64)), np.uint8)
    return Frame(0, "x.cbf", 0.0, 0.0, Image(ByteOffset(data, SHAPE, np.dtype(np.int32))), header)


def test_a_packed_image_gives_the_same_pattern() -> None:
    plain, packed = integrator(), integrator()
    for number in range(8):
        image = np.roll(IMAGE, number) * 3
        expected, found = pattern(plain.integrate(frame(image))), pattern(packed.integrate(packed_frame(image)))
        np.testing.assert_array_equal(found.intensity, expected.intensity)
        np.testing.assert_array_equal(found.sigma, expected.sigma)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("find_defects", [True, False])
def test_many_frames_at_once_give_the_same_patterns_one_by_one(find_defects: bool, threads: int) -> None:
    """Among them frames of every other kind; the first ones are looked at for defects one by one."""
    frames = [packed_frame(np.roll(IMAGE, number), Flux=str(1.0 + number / 10)) for number in range(40)]
    frames[7] = frame(IMAGE, Flux="1.0")
    frames[19] = Frame(19, "x.cbf", 0.0, 0.0, NoResult("unreadable: cut short"))
    frames[28] = packed_frame(IMAGE)
    single = integrator(find_defects=find_defects, normalise_by="Flux")
    expected = [single.integrate(one) for one in frames]
    found = integrator(find_defects=find_defects, normalise_by="Flux", threads=threads).integrate_many(frames)
    assert len(found) == len(frames)
    for one, other in zip(expected, found, strict=True):
        if isinstance(one, NoResult):
            assert one == other
        else:
            np.testing.assert_array_equal(one.intensity, pattern(other).intensity)
            np.testing.assert_array_equal(one.sigma, pattern(other).sigma)


def test_no_more_threads_than_the_process_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [packed_frame(np.roll(IMAGE, number)) for number in range(16)]
    expected = integrator(find_defects=False, threads=2).integrate_many(frames)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("latticewatch.processing.integration.integrate.ThreadPoolExecutor", None)
    for one, other in zip(expected, integrator(find_defects=False).integrate_many(frames), strict=True):
        np.testing.assert_array_equal(pattern(one).intensity, pattern(other).intensity)


@pytest.mark.parametrize("find_defects", [True, False])
def test_a_packed_image_that_is_broken_is_a_gap(find_defects: bool) -> None:
    whole = packed_frame(IMAGE)
    assert isinstance(whole.content, Image)
    assert isinstance(whole.content.counts, ByteOffset)
    short = Image(replace(whole.content.counts, packed=whole.content.counts.packed[:-1]))
    one = integrator(find_defects=find_defects)
    result = one.integrate(replace(whole, content=short))
    assert reason(result) == "unreadable: holds fewer than its 30000 pixels"
    assert isinstance(one.integrate(whole), Pattern)
