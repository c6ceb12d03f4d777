"""What the doctor says of OpenCL."""

import importlib.util
from collections.abc import Callable

import pytest

from latticewatch.processing.integration import opencl
from latticewatch.processing.integration.opencl import Device, Trial
from tests.app.conftest import Said

GPU = Device("A graphics card", 0, 0)


def line(latticewatch: Callable[..., Said]) -> str:
    said = latticewatch("doctor")
    assert said.status == 0
    (found,) = (each for each in said.out.splitlines() if each.startswith("OpenCL: "))
    return found


def test_what_to_install(latticewatch: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert line(latticewatch).endswith("run: pip install latticewatch[opencl]")


def test_no_device_and_one_that_was_measured(
    latticewatch: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(opencl, "devices", list)
    assert "no graphics processor found" in line(latticewatch)
    monkeypatch.setattr(opencl, "devices", lambda: [GPU])
    monkeypatch.setattr(opencl, "tried", lambda *_: (Trial(GPU, 1.0, 2.4, 1e-7), None))
    said = line(latticewatch)
    assert "A graphics card sums an unpacked image in 1.00 ms, the processor in 2.40 ms" in said
    assert said.endswith("used for images that come unpacked")


def test_a_driver_that_fails(latticewatch: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(opencl, "devices", lambda: [GPU])
    monkeypatch.setattr(opencl, "tried", fail)
    assert line(latticewatch) == "OpenCL: A graphics card fails (no memory): not used"
