"""A handful of the realistic scans, end to end: no catastrophe where none is known, and known holes that are strict."""

import pytest

from tests.benchmarks.realism.__main__ import one_scan

HOLDS = (0, 4, 8, 25, 33)
HOLES = {
    1: "foreign lines of 3 % pull the merged cells and hide the end",
    7: "names exchanged at a fresh start after the product of the scan before",
    18: "the product of the scan before, two lattices of one cell, is refused",
    35: "names exchanged with wrong intensities and broad foreign lines",
}


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
