"""A kept plan is the plan: the same arrays, found again only for the same inputs, built again when damaged."""

import os
import resource
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.integration import plan_cache
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.plan import Corrections, Plan, build_plan
from latticewatch.processing.integration.plan_cache import cached_plan

CHECKOUT = Path(__file__).parents[2]
SHAPE = (60, 80)
GEOMETRY = Geometry(0.1, 0.005, 0.007, 0.1, -0.05, 0.0, 0.64066, 172e-6, 172e-6, source="a.poni", text="a")
RNG = np.random.default_rng(9)
CORRECTIONS = Corrections(
    mask=RNG.random(SHAPE) < 0.1, dark=RNG.uniform(0, 2, SHAPE), flat=RNG.uniform(0.9, 1.1, SHAPE)
)


def assert_same(plan: Plan, other: Plan) -> None:
    for field in fields(Plan):
        np.testing.assert_array_equal(getattr(plan, field.name), getattr(other, field.name))
        assert getattr(getattr(plan, field.name), "dtype", 0) == getattr(getattr(other, field.name), "dtype", 0)


@pytest.fixture
def no_building(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(plan_cache, "build_plan", refuse)


def test_a_kept_plan_is_the_plan(tmp_path: Path) -> None:
    built = build_plan(GEOMETRY, CORRECTIONS, SHAPE)
    assert_same(cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path), built)
    assert len(list(tmp_path.iterdir())) == 1
    assert_same(cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path), built)
    assert_same(cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, None), built)


@pytest.mark.usefixtures("no_building")
def test_the_same_numbers_from_another_file_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as undone:
        undone.setattr(plan_cache, "build_plan", build_plan)
        cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path)
    copied = replace(CORRECTIONS, mask=CORRECTIONS.mask.copy())  # type: ignore[union-attr]
    assert_same(
        cached_plan(replace(GEOMETRY, source="b.poni", text="b"), copied, SHAPE, None, tmp_path),
        build_plan(GEOMETRY, CORRECTIONS, SHAPE),
    )


def test_any_other_input_is_another_plan(tmp_path: Path) -> None:
    other_mask = CORRECTIONS.mask.copy()  # type: ignore[union-attr]
    other_mask[3, 3] = not other_mask[3, 3]
    inputs = [
        (GEOMETRY, CORRECTIONS, SHAPE, None),
        (replace(GEOMETRY, rot2_rad=-0.0500001), CORRECTIONS, SHAPE, None),
        (replace(GEOMETRY, orientation=2), CORRECTIONS, SHAPE, None),
        (GEOMETRY, CORRECTIONS, SHAPE, 77),
        (GEOMETRY, replace(CORRECTIONS, mask=other_mask), SHAPE, None),
        (GEOMETRY, replace(CORRECTIONS, dark=CORRECTIONS.dark + 1e-9), SHAPE, None),
        (GEOMETRY, replace(CORRECTIONS, dark=None), SHAPE, None),
        (GEOMETRY, replace(CORRECTIONS, flat=None), SHAPE, None),
        (GEOMETRY, replace(CORRECTIONS, polarization=0.95), SHAPE, None),
        (GEOMETRY, replace(CORRECTIONS, polarization=0.5), SHAPE, None),
    ]
    for number, one in enumerate(inputs, 1):
        cached_plan(*one, tmp_path)
        assert len(list(tmp_path.iterdir())) == number


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:0], lambda data: data[:100] + b"x" + data[101:]]
)
def test_a_damaged_plan_is_built_again(tmp_path: Path, damage: object) -> None:
    built = cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))  # type: ignore[operator]
    assert_same(cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path), built)
    assert len(path.read_bytes()) == len(whole)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for bins in range(20, 20 + plan_cache.MOST_FILES + 3):
        cached_plan(GEOMETRY, Corrections(), SHAPE, bins, tmp_path)
    assert len(list(tmp_path.iterdir())) == plan_cache.MOST_FILES


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "plans").write_text("a file")
    assert_same(
        cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path / "plans"), build_plan(GEOMETRY, CORRECTIONS, SHAPE)
    )


def test_a_kept_plan_needs_no_pyfai(tmp_path: Path) -> None:
    """Integrates a frame in a process where pyFAI cannot be imported."""
    program = (
        "import sys, pathlib, numpy as np\n"
        "{block}\n"
        "from latticewatch.processing.flow.frame import Frame, Image\n"
        "from latticewatch.processing.integration.geometry import Geometry\n"
        "from latticewatch.processing.integration.integrate import ImageIntegrator\n"
        "geometry = Geometry(0.1, 0.005, 0.007, 0.1, -0.05, 0.0, 0.64066, 172e-6, 172e-6)\n"
        "integrator = ImageIntegrator(geometry, shape=(60, 80), plans=pathlib.Path(sys.argv[1]))\n"
        "image = Image(np.arange(4800, dtype=np.int32).reshape(60, 80))\n"
        "print(integrator.integrate(Frame(0, 'x', 0.0, 0.0, image)).intensity.sum())\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program.format(block=block), str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for block in ("", "sys.modules['pyFAI'] = None")
    ]
    assert outputs[0] == outputs[1]
    assert float(outputs[0]) > 0


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    words = (
        "from tests.integration.test_plan_cache import *; cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, Path({!r}))"
    )
    command = [sys.executable, "-c", words.format(str(tmp_path))]
    for _ in range(2):
        done = subprocess.run(
            command, cwd=CHECKOUT, preexec_fn=limit, capture_output=True, text=True, check=True, timeout=300
        )
        assert "cannot be kept" in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_what_earlier_versions_left_behind_is_removed(tmp_path: Path) -> None:
    old, new = tmp_path / "tmpabcdefgh", tmp_path / "tmpijklmnop"
    for path, age_s in ((old, 2 * plan_cache.DRAFT_SECONDS), (new, 0.0)):
        path.write_bytes(b"a plan cut short")
        os.utime(path, (time.time() - age_s, time.time() - age_s))
    cached_plan(GEOMETRY, CORRECTIONS, SHAPE, None, tmp_path)
    assert sorted(each.name for each in tmp_path.glob("tmp*")) == [new.name]
