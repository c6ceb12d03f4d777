"""A handful of the realistic scans, end to end: no catastrophe where none is known, and known holes that are strict."""

import pytest

from tests.benchmarks.realism.ensemble import one_scan

HOLDS = (0, 1, 4, 7, 8, 15, 18, 25, 35)
HOLES = {28: "five broad foreign lines under two lattices that merge bend the mixed cells"}


@pytest.mark.parametrize("seed", HOLDS)
def test_no_catastrophe(seed: int) -> None:
    outcome, _ = one_scan(seed)
    assert outcome.catastrophes == []


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.xfail(strict=True, reason=why)) for seed, why in HOLES.items()]
)
def test_known_hole(seed: int) -> None:
    outcome, _ = one_scan(seed)
    assert outcome.catastrophes == []
