"""The dynamics that hypotheses follow: means, their derivatives and noise, and what a bank of them begins with."""

import numpy as np
import pytest

from latticewatch.processing.reaction.live.follower import DISTANCE, Follower
from latticewatch.processing.reaction.live.frame_clock import Clock
from latticewatch.processing.reaction.live.hypotheses import MOVE, first_bank
from latticewatch.processing.reaction.live.motion import Motion, Pace, PairMotion, SingleMotion, steady

PAIR, SINGLE = PairMotion(), SingleMotion()
STATES = {
    PAIR: [(0.01, 0.3), (0.2, 1e-7), (-0.1, 0.02)],
    SINGLE: [(5.9, 1e-3, 0.05), (5.9, -1e-3, 1e-7), (5.9, 2e-4, -0.1)],
}
EACH = [(motion, state) for motion, states in STATES.items() for state in states]


def later(motion: Motion, state: tuple[float, ...], dt: float) -> np.ndarray:
    """The mean after so many seconds by many small steps of the differential equation."""
    state_now, steps = np.array(state), 4_000
    for _ in range(steps):
        if motion is PAIR:
            change = np.array([-state_now[1] * state_now[0], 0.0])
        else:
            change = np.array([state_now[1], -state_now[2] * state_now[1], 0.0])
        state_now = state_now + change * dt / steps
    return state_now


@pytest.mark.parametrize(("motion", "state"), EACH)
@pytest.mark.parametrize("dt", [2.5, -2.5])
def test_means_follow_their_equation(motion: Motion, state: tuple[float, ...], dt: float) -> None:
    x, _ = motion.predict(np.array([state]), np.zeros((1, len(state), len(state))), steady(1), dt)
    np.testing.assert_allclose(x[0], later(motion, state, dt), rtol=1e-4)


@pytest.mark.parametrize(("motion", "state"), EACH)
def test_covariances_go_along_with_the_derivatives_of_the_means(motion: Motion, state: tuple[float, ...]) -> None:
    size, dt = len(state), 2.5
    none = np.zeros((1, size, size))
    derivatives = np.empty((size, size))
    for axis in range(size):
        nudge = np.zeros(size)
        nudge[axis] = 1e-5
        sides = [motion.predict(np.array([state + sign * nudge]), none, steady(1), dt)[0][0] for sign in (1.0, -1.0)]
        derivatives[:, axis] = (sides[0] - sides[1]) / 2e-5
    P = np.diag(np.arange(1.0, size + 1.0))[None]
    _, found = motion.predict(np.array([state]), P, steady(1), dt)
    np.testing.assert_allclose(found[0], derivatives @ P[0] @ derivatives.T, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("dt", [2.0, -2.0])
@pytest.mark.parametrize("motion", [PAIR, SINGLE])
def test_the_logarithm_of_a_rate_walks_once_in_its_time_constant(motion: Motion, dt: float) -> None:
    walk, k = 0.15, 0.3
    x = np.array([[0.01, k]] if motion is PAIR else [[5.9, 1e-3, k]])
    _, P = motion.predict(
        x, np.zeros((1, motion.size, motion.size)), Pace(np.array([walk]), np.ones(1), np.ones(1)), dt
    )
    assert P[0, -1, -1] == pytest.approx(k**2 * walk**2 * k * abs(dt))


@pytest.mark.parametrize("motion", [PAIR, SINGLE])
def test_a_bank_begins_with_the_share_of_motions_that_it_is_told_and_all_speeds_alike(motion: Motion) -> None:
    bank = first_bank(motion, 0.3, 1e-6, 2.5, 0.0, moving=0.3)
    assert bank.weight.sum() == pytest.approx(1.0)
    assert bank.weight[bank.kind == MOVE].sum() == pytest.approx(0.3)
    by_law = bank.weight[bank.kind == MOVE].reshape(len(motion.speed_scales), len(motion.laws))
    np.testing.assert_allclose(by_law, by_law[:1].repeat(len(by_law), axis=0))


def test_lattices_that_are_not_told_apart_are_not_far_from_each_other() -> None:
    """Of two hypotheses the one that holds them further apart than ever seen loses weight, and not all of it."""
    follower = Follower(DISTANCE, 0.02, None)
    clock = Clock(0.0, 2.5, 0.0)
    follower.bank = first_bank(PAIR, 0.3, 1e-6, 2.5, 0.0, moving=0.5)
    follower._observed_s, follower._nearest = 0.0, 0.01
    before = follower.bank.x[:, 0].copy()
    follower.bank.x[::2, 0] = 0.005
    assert (before > 0.01).all()
    weight, near = follower.bank.weight.copy(), follower.bank.x[:, 0] < 0.01
    follower.merged(clock)
    changed = follower.bank.weight[: len(weight)] / weight
    assert changed[near].min() > 5.0 * changed[~near].max() > 0.0
