"""A handful of the realistic scans, end to end, without a catastrophe."""

import pytest

from tests.benchmarks.realism.ensemble import one_scan

HOLDS = (0, 1, 4, 7, 8, 15, 18, 25, 28, 35)


@pytest.mark.parametrize("seed", HOLDS)
def test_no_catastrophe(seed: int) -> None:
    outcome, _ = one_scan(seed)
    assert outcome.catastrophes == []
