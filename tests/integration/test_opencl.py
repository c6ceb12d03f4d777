"""Sums over OpenCL against those here; on any device, where one can be found."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration import integrate, opencl
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator, pattern_of
from latticewatch.processing.integration.kernels.sums import Sums, empty_sums, sum_image
from latticewatch.processing.integration.opencl import (
    Device,
    OpenCLSums,
    Trial,
    devices,
    faster_sums,
    tried,
    with_fallback,
)
from latticewatch.processing.integration.plan import Corrections, Plan, build_plan, without

SHAPE, LIMIT = (195, 487), 1e6
RNG = np.random.default_rng(4)
CORRECTIONS = Corrections(
    mask=RNG.random(SHAPE) < 0.05, dark=RNG.uniform(0, 2, SHAPE), flat=RNG.uniform(0.9, 1.1, SHAPE)
)
GEOMETRY = Geometry(0.2, 0.016, 0.042, 0.1, -0.05, 0.0, 0.64066, 172e-6, 172e-6, source="a.poni", text="a")
ABSENT = Device("none", 0, 0)


@pytest.fixture(scope="module")
def device() -> Device:
    found = devices("ALL")
    if not found:
        pytest.skip("no OpenCL device: pyopencl or a driver is missing")
    return found[0]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_plan(GEOMETRY, CORRECTIONS, SHAPE)


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.float32])
def test_the_same_numbers_as_here(device: Device, plan: Plan, dtype: type) -> None:
    """With dark, flat, mask, invalid and saturated pixels, and a plan that leaves more out than the device knows of."""
    counts = RNG.poisson(20.0, SHAPE).astype(dtype)
    counts[10:20, 30] = LIMIT if dtype is not np.uint16 else 65535
    if dtype is not np.uint16:
        counts[40, 50:60] = -2
    defective = np.zeros(SHAPE, bool)
    defective[100, 200:210] = True
    limit = LIMIT if dtype is not np.uint16 else 65534.0
    less = without(plan, defective)
    here, there = empty_sums(len(plan.two_theta) + 1), empty_sums(len(plan.two_theta) + 1)
    sum_image(less, counts, limit, here)
    OpenCLSums(plan, device).sum_image(less, counts, limit, there)
    np.testing.assert_array_equal(there.lost_pixels[:-1], here.lost_pixels[:-1])
    one, other = pattern_of(less, here, 1.0), pattern_of(less, there, 1.0)
    assert isinstance(one, Pattern)
    assert isinstance(other, Pattern)
    np.testing.assert_allclose(other.intensity, one.intensity, rtol=1e-5)
    np.testing.assert_allclose(other.sigma, one.sigma, rtol=1e-5)


def test_frames_that_come_unpacked_take_it(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [RNG.poisson(20.0, SHAPE).astype(np.int32) for _ in range(12)]
    frames = [Frame(number, f"{number}", 0.0, 0.0, Image(image)) for number, image in enumerate(images)]
    here = ImageIntegrator(GEOMETRY, shape=SHAPE, opencl=False).integrate_many(frames)
    summed: list[Plan] = []

    class Counted(OpenCLSums):
        def sum_image(self, plan: Plan, *rest: Any) -> None:
            summed.append(plan)
            super().sum_image(plan, *rest)

    monkeypatch.setattr(integrate, "faster_sums", lambda plan: Counted(plan, device).sum_image)
    there = ImageIntegrator(GEOMETRY, shape=SHAPE, threads=2).integrate_many(frames)
    assert len(summed) == len(frames)
    for one, other in zip(here, there, strict=True):
        assert isinstance(one, Pattern)
        assert isinstance(other, Pattern)
        np.testing.assert_allclose(other.intensity, one.intensity, rtol=1e-5)
        np.testing.assert_allclose(other.sigma, one.sigma, rtol=1e-5)


def test_both_ways_are_tried_on_one_image(device: Device, plan: Plan) -> None:
    trial, _ = tried(plan, device)
    assert trial.difference < 1e-5
    assert device.name in str(trial)


def test_only_what_is_faster_and_agrees_is_used(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Trial(ABSENT, 1.0, 2.0, 1e-7)
    assert trial.is_better
    assert not replace(trial, opencl_ms=2.1).is_better
    assert not replace(trial, difference=2e-5).is_better
    monkeypatch.setattr(opencl, "devices", lambda: [ABSENT])
    for each, used in ((trial, True), (replace(trial, opencl_ms=2.1), False)):
        monkeypatch.setattr(opencl, "tried", lambda *_, each=each: (each, "there"))
        assert (faster_sums(plan) is not sum_image) == used


def test_a_driver_that_fails_costs_no_run(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(opencl, "devices", lambda: [ABSENT])
    monkeypatch.setattr(opencl, "tried", fail)
    assert faster_sums(plan) is sum_image
    assert "out of memory" in caplog.text


def test_a_driver_that_fails_in_the_midst_of_a_run(plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    """What it left half done does not count, and it is not asked again."""
    asked: list[int] = []

    class Failing(OpenCLSums):
        def __init__(self) -> None:
            pass

        def sum_image(self, plan: Plan, counts: Any, limit: float, into: Sums) -> None:
            del plan, counts, limit
            asked.append(1)
            into.signal[:] = 7.0
            raise RuntimeError("device lost")

    counts = RNG.poisson(20.0, SHAPE).astype(np.int32)
    here, there = empty_sums(len(plan.two_theta) + 1), empty_sums(len(plan.two_theta) + 1)
    sum_image(plan, counts, LIMIT, here)
    ways = with_fallback(Failing())
    for _ in range(2):
        ways(plan, counts, LIMIT, there)
        np.testing.assert_array_equal(there.signal, here.signal)
    assert asked == [1]
    assert "device lost" in caplog.text
