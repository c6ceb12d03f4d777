"""What holds of every verdict, whatever the data."""

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latticewatch.processing.flow.fit import Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.reaction.afterwards.kinetics import describe
from latticewatch.processing.reaction.live.judge import Judge
from tests.benchmarks.verdict.traces import FAMILIES, make
from tests.reaction.runs import rows_of, setup_of, verdicts_of

ODD = st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
LENGTH = st.one_of(st.floats(5.5, 6.5), ODD)
ESD = st.one_of(st.floats(1e-5, 1e-1), ODD)
LATTICE = st.builds(Lattice, LENGTH, ESD, st.one_of(st.floats(0.0, 1.0), ODD), ESD)
FIT = st.builds(
    lambda first, second, mean, esd: Fit((first, second), 2, mean, esd, 5.0, 1.0, 3, True, np.zeros(0)),
    LATTICE,
    LATTICE,
    LENGTH,
    ESD,
)
GAP = st.sampled_from(
    [NoResult("no beam"), NoResult("no peaks"), NoResult("unreadable: torn"), NoResult("fit refused: lost")]
)
TIME = st.one_of(st.floats(-100.0, 1e5), ODD)
RUN = st.lists(st.tuples(TIME, st.one_of(FIT, FIT, GAP)), max_size=40)


def same(a: Verdict, b: Verdict) -> bool:
    """Equal, with NaN equal to NaN."""
    return repr(a) == repr(b)


@settings(max_examples=150, deadline=None)
@given(RUN, st.integers(1, 2), st.one_of(st.none(), st.floats(-10.0, 1e3)), st.sampled_from(["merge", "apart"]))
def test_nothing_raises_on_any_mixture_of_numbers(
    run: list[tuple[float, Fit | NoResult]], components: int, mixing_s: float | None, end: Literal["merge", "apart"]
) -> None:
    setup = setup_of(components, mixing_s, end=end)
    rows = rows_of(setup, [time for time, _ in run], [fit for _, fit in run])
    for row in rows:
        forecast = row.verdict.forecast
        assert forecast is None or forecast.earliest_s <= forecast.complete_s <= forecast.latest_s
        assert math.isnan(row.verdict.progress) or 0.0 <= row.verdict.progress <= 1.0
    describe(setup, rows)


@pytest.mark.parametrize("weight", [0.5, 2e-309])
@pytest.mark.parametrize("esd", [0.0625, 1e200])
def test_an_esd_without_meaning_raises_nothing(weight: float, esd: float) -> None:
    lattices = (Lattice(6.0, esd, 0.0, esd), Lattice(6.1, esd, weight, esd))
    fit = Fit(lattices, 2, 6.0, esd, 5.0, 1.0, 3, True, np.zeros(0))
    for end in ("merge", "apart"):
        assert [each.state for each in verdicts_of(setup_of(2, end=end), [0.0, 2.5, 5.0], [fit] * 3)] == ["waiting"] * 3


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(FAMILIES)), st.integers(0, 10_000), st.floats(0.05, 0.95))
def test_the_verdicts_of_a_prefix_are_the_prefix_of_the_verdicts(family: str, seed: int, share: float) -> None:
    trace = make(family, np.random.default_rng(seed))
    end = min(len(trace.fits), 80)
    whole = verdicts_of(trace.setup, list(trace.times_s[:end]), trace.fits[:end])
    cut = max(1, int(share * end))
    part = verdicts_of(trace.setup, list(trace.times_s[:cut]), trace.fits[:cut])
    assert all(same(a, b) for a, b in zip(part, whole, strict=False))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(FAMILIES)), st.integers(0, 10_000), st.integers(-4096, 4096))
def test_the_clock_has_no_zero(family: str, seed: int, shift: int) -> None:
    trace = make(family, np.random.default_rng(seed))
    # Multiples of 1/64 s: sums and differences are exact, and the two runs see the same time steps.
    times = np.round(trace.times_s[:80] * 64.0) / 64.0
    here, there = Judge(setup_of()), Judge(setup_of())
    for time, fit in zip(times, trace.fits, strict=False):
        if len(getattr(fit, "lattices", (0, 0))) < 2:
            continue
        a, b = here.judge(float(time), fit), there.judge(float(time) + shift, fit)
        assert a.state is b.state
        for name in ("since_s", "mixing_s"):
            x, y = getattr(a, name) + shift, getattr(b, name)
            assert math.isclose(x, y, abs_tol=1e-3) or (math.isnan(x) and math.isnan(y))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_no_beam_is_said_exactly_when_the_fit_says_it(seed: int) -> None:
    trace = make("beam dumps", np.random.default_rng(seed))
    verdicts = verdicts_of(trace.setup, list(trace.times_s[:80]), trace.fits[:80])
    for fit, verdict in zip(trace.fits, verdicts, strict=False):
        assert (verdict.state is State.NO_BEAM) == (isinstance(fit, NoResult) and fit.reason == "no beam")
