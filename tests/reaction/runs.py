"""Short runs for the tests: fits of known lattice parameters, and the rows the loop would make of them."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component, Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import Verdict
from latticewatch.processing.reaction.live.judge import Judge

NAN = math.nan
NO_BEAM, NO_PEAKS = NoResult("no beam"), NoResult("no peaks")


def setup_of(
    components: int = 2,
    mixing_s: float | None = None,
    tolerance: float = 0.03,
    end: Literal["merge", "apart"] = "merge",
) -> Setup:
    """Br and I, or Br alone."""
    phase = read_phase("CsPbBr3")
    pair = (Component("Br", phase, 5.842), Component("I", phase, 6.205))
    return Setup("test", pair[:components], 0.64066, (14.0, 16.0), mixing_time_s=mixing_s, tolerance=tolerance, end=end)


def fit_of(
    first_A: float, second_A: float = NAN, esd_A: float = 1e-3, mean_A: float = NAN, single: bool = False
) -> Fit:
    """A fit of these lattice parameters; a pair that cannot be told apart has NaN twice and a mean."""
    lattices = [Lattice(first_A, esd_A, 0.5, 0.01)]
    if not single:
        lattices.append(Lattice(second_A, esd_A, 0.5, 0.01))
    known = [lattice.lp_A for lattice in lattices if math.isfinite(lattice.lp_A)]
    mean = mean_A if math.isfinite(mean_A) or not known else sum(known) / len(known)
    return Fit(tuple(lattices), max(1, len(known)), mean, esd_A, 5.0, 1.0, 3, True, np.zeros(0))


def exchange(q: float, esd_A: float = 1e-3, rng: np.random.Generator | None = None) -> Fit:
    """Br and I with the share q of their exchange still to come."""
    noise = rng.normal(0.0, esd_A, 2) if rng else (0.0, 0.0)
    if q * 0.363 < 0.0103:
        return fit_of(NAN, NAN, esd_A, mean_A=6.031 + noise[0])
    return fit_of(6.031 - 0.189 * q + noise[0], 6.031 + 0.174 * q + noise[1], esd_A)


def two_phases(first_A: float, second_A: float, amount: float, rng: np.random.Generator, esd_A: float = 1.5e-5) -> Fit:
    """A fit of two lattices that stay apart, ``amount`` of it the first; one of which nothing is left is absent."""
    cells, shares = (first_A, second_A), (amount, 1.0 - amount)
    noise = rng.normal(0.0, esd_A, 2)
    lattices = tuple(
        Lattice(cell + error, esd_A, share + rng.normal(0.0, 1e-3), 1e-3) if share > 0.0 else Lattice()
        for cell, share, error in zip(cells, shares, noise, strict=True)
    )
    known = [(lattice.lp_A, lattice.weight) for lattice in lattices if math.isfinite(lattice.lp_A)]
    mean = sum(lp * weight for lp, weight in known) / sum(weight for _, weight in known)
    return Fit(lattices, len(known), mean, 4e-4, 5.0, 1.0, 3, True, np.zeros(0))


def verdicts_of(setup: Setup, times_s: Iterable[float], fits: Sequence[Fit | NoResult]) -> list[Verdict]:
    """The verdicts of a run, in order."""
    judge = Judge(setup)
    return [judge.judge(float(time), fit) for time, fit in zip(times_s, fits, strict=True)]


def rows_of(setup: Setup, times_s: Iterable[float], fits: Sequence[Fit | NoResult]) -> list[Row]:
    """The rows of a run, judged."""
    verdicts = verdicts_of(setup, times_s, fits)
    return [
        Row(i, f"{i}.cbf", float(time), NAN, None, fit, verdict)
        for i, (time, fit, verdict) in enumerate(zip(times_s, fits, verdicts, strict=True))
    ]
