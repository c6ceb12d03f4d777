"""Frames that are refused: what costs a search of all cells is not done again for a pattern that is the same."""

from dataclasses import replace

import numpy as np
import pytest

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.first_fit.refused import LONGEST_WAIT, Asked, Refused
from latticewatch.processing.refinement.solver.solve import Data
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.benchmarks.fit.refused import GRID, SAMPLES, WAVELENGTH_A, components_of, patterns

ASKED = Asked(as_before=False, better=False, slots=())
NOTHING = NoResult("no peaks")


def test_what_is_refused_is_searched_once_and_what_comes_then_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    search = TrackedRefinement._started
    monkeypatch.setattr(
        TrackedRefinement, "_started", lambda self, *given: (searched.append(frame), search(self, *given))[1]
    )
    refinement = TrackedRefinement(components_of(SAMPLES[2]), WAVELENGTH_A, GRID)
    scan = [*patterns(2, "another phase", 12), *patterns(2, "washed out", 13)]
    for frame, pattern in enumerate(scan):
        fit = refinement.refine(pattern)
        assert isinstance(fit, Fit) == (12 <= frame < 24)
    assert searched == [0, 12, 24]


def test_lines_of_something_else_are_no_lattice_of_any_intensities() -> None:
    """One lattice of any intensities has a line on one of them, or on two."""
    refinement = TrackedRefinement(components_of(SAMPLES[1]), WAVELENGTH_A, GRID)
    fits = [refinement.refine(pattern) for pattern in patterns(1, "solvent, foreign lines", 3)]
    assert all(isinstance(fit, NoResult) for fit in fits)


def data_of(pattern: Pattern, gain: float = 1.0) -> Data:
    """gain: noise of the pattern over what its sigmas say, as of a detector that counts in units of its own."""
    basis = np.polynomial.chebyshev.chebvander(np.linspace(-1.0, 1.0, len(GRID)), 11).T
    variance = pattern.sigma.astype(np.float64) ** 2 / gain**2
    y = pattern.intensity.astype(np.float64)
    return Data(GRID, np.ascontiguousarray(basis), y, variance, variance / y, 0.0 * y)


@pytest.mark.parametrize("gain", [1.0, 10.0])
def test_noise_flux_and_background_are_no_change(gain: float) -> None:
    """The background scatters by 10 % and in slope, the flux by 1.5 %, in a third of the frames by a third."""
    first, *others = (data_of(pattern, gain) for pattern in patterns(2, "another phase", 60))
    before = Refused(first, ASKED, NOTHING, np.inf)
    dipped = [one._replace(y=0.7 * one.y, variance=0.49 * one.variance) for one in others[::3]]
    assert all(before.repeats(before.change(one, ASKED), eager=True) for one in [*others, *dipped])


def test_a_weak_line_is_a_change() -> None:
    first, other = (data_of(pattern) for pattern in patterns(2, "another phase", 2))
    line = 6.0 * np.sqrt(2.0 * other.variance) * np.exp(-0.5 * ((GRID - 10.3) / 0.05) ** 2)
    before = Refused(first, ASKED, NOTHING, np.inf)
    assert not before.repeats(before.change(other._replace(y=other.y + line), ASKED), eager=False)


def test_much_more_of_the_same_is_a_change() -> None:
    first, other = (data_of(pattern) for pattern in patterns(2, "another phase", 2))
    before = Refused(first, ASKED, NOTHING, np.inf)
    assert before.change(other._replace(y=2.0 * other.y, variance=4.0 * other.variance), ASKED) == np.inf


def test_another_task_is_another_search() -> None:
    """What does not do as well as others may do by itself; what does not do by itself does not do as well either."""
    first, other = (data_of(pattern) for pattern in patterns(2, "another phase", 2))
    harder = replace(ASKED, as_before=True)
    assert Refused(first, harder, NOTHING, np.inf).change(other, ASKED) == np.inf
    assert Refused(first, ASKED, NOTHING, np.inf).change(other, harder) < np.inf
    assert Refused(first, ASKED, NOTHING, np.inf).change(other, replace(ASKED, slots=(0,))) == np.inf


def test_searches_that_find_nothing_in_what_changes_and_changes_become_rare() -> None:
    first, other = (data_of(pattern) for pattern in patterns(2, "another phase", 2))
    before, searched = Refused(first, ASKED, NOTHING, np.inf), []
    for frame in range(1000):
        if before.repeats(20.0, eager=False):
            before = before.waiting()
        else:
            before = before.again(Refused(other, ASKED, NOTHING, np.inf), 20.0)
            searched.append(frame)
    assert searched[0] == 0
    assert len(searched) < 15
    assert max(np.diff(searched)) <= LONGEST_WAIT + 1
    # Ten times the change is looked at whenever it comes.
    assert not before.repeats(200.0, eager=False)


def test_what_is_mostly_explained_has_another_look() -> None:
    """Noise decides whether a pattern that is nearly one of the sample is taken."""
    first, other = (data_of(pattern) for pattern in patterns(2, "another phase", 2))
    before, searched = Refused(first, ASKED, NOTHING, 0.04), []
    for frame in range(1, 300):
        if before.repeats(3.0, eager=False):
            before = before.waiting()
        else:
            before = before.again(Refused(other, ASKED, NOTHING, 0.04), 3.0)
            searched.append(frame)
    assert searched == [2]
