"""What the verdict makes of what was not seen: dumps, and lattices that are not told apart for a while."""

from dataclasses import replace

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


def come_together(frames: int) -> list[Fit]:
    """A first reaction, to its end."""
    rng = np.random.default_rng(2)
    q = np.exp(-np.arange(frames) / 12.0)
    return [exchange(left, ESD_A, rng) if left > 0.03 else merged(6.031, 0.363 * left) for left in q.tolist()]


def merged(mean_A: float, distance_A: float) -> Fit:
    """Two lattices that are not told apart, as far from each other in the fit."""
    fit = fit_of(np.nan, np.nan, ESD_A, mean_A=mean_A)
    return replace(fit, parameters=np.array([mean_A - distance_A / 2.0, mean_A + distance_A / 2.0]))


def test_more_that_was_added_and_is_never_told_apart_begins_a_second_reaction() -> None:
    """The mean leaps; the distance that the fit has, and does not tell, runs to its end with a pause in between."""
    frames = np.arange(200)
    moved = np.clip(frames - 65, 0, 12) + np.maximum(frames - 95, 0)
    noise_A = np.random.default_rng(3).normal(0.0, 5e-4, len(frames))
    q = np.exp(-moved / 14.0)
    second = [merged(6.005, abs(0.08 * q[number] + noise_A[number])) for number in frames[65:]]
    told = verdicts_of(setup_of(mixing_s=0.0), frames * PERIOD_S, [*come_together(65), *second])
    assert told[64].state is State.COMPLETE
    assert all(verdict.state is State.REACTING for verdict in told[67:80])
    assert "reaction 2, mixing at 161 s" in told[67].why
    assert State.PAUSED in {verdict.state for verdict in told[80:95]}
    assert all(q[number] < 0.06 for number in frames[67:] if told[number].state is State.COMPLETE)
    assert told[-1].state is State.COMPLETE


def test_a_mean_that_leaps_for_two_frames_calls_no_completion_back() -> None:
    frames = np.arange(90)
    later = [merged(6.0, 0.08) if number in (70, 71) else merged(6.031, 1e-3) for number in frames[62:]]
    told = verdicts_of(setup_of(mixing_s=0.0), frames * PERIOD_S, [*come_together(62), *later])
    assert all(verdict.state is State.COMPLETE for verdict in told[62:])


def added_and_soon_untold(frames: int, loose_from: int) -> tuple[np.ndarray, list[Verdict]]:
    """More is added at 65 and told apart for three frames, then not any more; the fit has the distance, which rests
    from 72 to 86, and from ``loose_from`` on is noise. What is left in each frame, and what is said."""
    number = np.arange(frames)
    rng = np.random.default_rng(4)
    q = 0.4 * np.exp(-(np.clip(number - 65, 0, 7) + np.maximum(number - 86, 0)) / 12.0)
    second = [exchange(left, ESD_A, rng) for left in q[65:68]]
    away_A = np.abs(0.363 * q[68:] + rng.normal(0.0, 4e-4, frames - 68))
    second += [merged(6.031, each) for each in away_A]
    lost = [replace(merged(6.031, abs(error)), lp_mean_esd_A=3e-3) for error in rng.normal(0.0, 0.03, frames)]
    fits = [*come_together(65), *second[: loose_from - 65], *lost][:frames]
    return q, verdicts_of(setup_of(mixing_s=0.0), number * PERIOD_S, fits)


def test_lattices_that_are_untold_while_far_apart_are_followed_by_the_distance_of_the_fit() -> None:
    q, told = added_and_soon_untold(frames=160, loose_from=160)
    assert told[64].state is State.COMPLETE
    assert State.PAUSED in {verdict.state for verdict in told[74:86]}
    assert told[92].state is State.REACTING
    complete = [number for number in range(68, 160) if told[number].state is State.COMPLETE]
    assert all(q[number] < 0.03 for number in complete)
    assert told[-1].state is State.COMPLETE


def test_an_untold_distance_that_is_noise_calls_no_completion_back() -> None:
    """As where the sample is washed out: the esd of the mean tells how little is known."""
    _, told = added_and_soon_untold(frames=190, loose_from=150)
    assert all(verdict.state is State.COMPLETE for verdict in told[148:])


def test_a_distance_that_was_hardly_known_is_not_followed_once_it_is_untold() -> None:
    """It is told with an esd of a tenth of it, and then it is not: what the fit has then is no measure."""
    q = np.exp(-np.arange(60) / 30.0)
    fits = [fit_of(6.031 - 0.189 * left, 6.031 + 0.174 * left, 8e-3) for left in q[:36]]
    stray = np.random.default_rng(6).normal(0.11, 0.02, 60)
    fits += [replace(merged(6.031, abs(away)), lp_mean_esd_A=ESD_A) for away in stray[36:]]
    told = verdicts_of(setup_of(mixing_s=0.0), np.arange(60) * PERIOD_S, fits)
    assert State.PAUSED not in {verdict.state for verdict in told}
