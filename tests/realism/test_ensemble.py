"""A handful of the realistic scans, end to end: no catastrophe where none is known, and known holes that are strict."""

import pytest

from tests.benchmarks.realism.ensemble import one_scan

HOLDS = (0, 4, 7, 8, 18, 25)
HOLES = {
    1: "foreign lines of 3 % pull the merged cells and hide the end",
    15: "a spread of cells that goes on while they merge is taken for a distance",
    23: "solvent and broad foreign lines are taken for a lattice",
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
