"""What the verdict makes of what was not seen: dumps, and lattices that are not told apart for a while."""

import numpy as np

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.verdict import State, Verdict
from tests.reaction.runs import NO_BEAM, exchange, fit_of, setup_of, verdicts_of

PERIOD_S = 2.5
ESD_A = 3e-4


def verdicts(q: np.ndarray, unseen: range, instead: Fit | NoResult = NO_BEAM) -> list[Verdict]:
    """Of an exchange with the share q left in each frame, and something else in some of them."""
    rng = np.random.default_rng(5)
    fits = [instead if number in unseen else exchange(left, ESD_A, rng) for number, left in enumerate(q)]
    return verdicts_of(setup_of(mixing_s=0.0), np.arange(len(q)) * PERIOD_S, fits)


def test_a_completion_is_called_back_by_the_first_frame_after_a_dump_in_which_more_was_added() -> None:
    frames = np.arange(90)
    q = np.where(frames < 65, np.exp(-frames / 12.0), 0.6 * np.exp(-np.maximum(frames - 65, 0) / 20.0))
    told = verdicts(q, range(60, 68))
    assert told[59].state is State.COMPLETE
    assert all(verdict.state is State.REACTING for verdict in told[68:])


def test_a_single_bad_frame_calls_no_completion_back() -> None:
    frames = np.arange(80)
    q = np.exp(-frames / 12.0)
    q[66] = 0.6
    assert all(verdict.state is State.COMPLETE for verdict in verdicts(q, range(0))[62:])
    # Nor does a dump after which all is as it was.
    q[66] = np.exp(-66 / 12.0)
    assert all(verdict.state is State.COMPLETE for verdict in verdicts(q, range(62, 68))[68:])


def test_a_pause_that_ended_during_a_dump_is_over_in_the_first_frame_after_it() -> None:
    frames = np.arange(70)
    moved = np.where(frames < 25, frames, np.maximum(25, frames - 12))
    told = verdicts(np.exp(-moved / 30.0), range(36, 52))
    assert told[35].state is State.PAUSED
    assert all(verdict.state is State.REACTING for verdict in told[52:])


def test_lattices_that_are_not_told_apart_do_not_rest_for_it() -> None:
    """They seem to stand still for three frames, and then cannot be told apart any more, at a fifth of the way."""
    q = np.exp(-np.arange(90) / 30.0)
    q[45:48] = q[45]
    merged = fit_of(np.nan, np.nan, ESD_A, mean_A=6.031)
    told = verdicts(q, range(48, 90), merged)
    assert State.PAUSED not in {verdict.state for verdict in told}


def test_more_that_was_added_is_seen_by_three_frames_and_complete_again_only_at_its_end() -> None:
    """Then the lattices are too near each other to be told apart."""
    frames = np.arange(150)
    q = np.where(frames < 65, np.exp(-frames / 12.0), 0.4 * np.exp(-np.maximum(frames - 65, 0) / 12.0))
    told = verdicts(q, range(68, 150), fit_of(np.nan, np.nan, ESD_A, mean_A=6.031))
    assert told[64].state is State.COMPLETE
    complete = [number for number in range(67, 150) if told[number].state is State.COMPLETE]
    assert all(q[number] < 0.06 for number in complete)
    assert complete[-1] == 149


def test_three_bad_frames_that_do_not_come_together_call_no_completion_back() -> None:
    q = np.exp(-np.arange(90) / 12.0)
    q[66:69] = [0.3, 0.4, 0.45]
    told = verdicts(q, range(69, 90), fit_of(np.nan, np.nan, ESD_A, mean_A=6.031))
    assert all(verdict.state is State.COMPLETE for verdict in told[62:])
