"""When the reaction began, and from where."""

import math
from dataclasses import dataclass, replace

import numpy as np

from latticewatch.processing.reaction.live.hypotheses import FIRST, FROM_REST, MOVE, TURNED, Bank, rest_probability
from latticewatch.processing.reaction.live.motion import Array, Motion, PairMotion, steady
from latticewatch.processing.reaction.live.normal import normal_cdf

NAN = float("nan")
CONFIDENT = 0.95
# For so many frames the start is improved as the first motion becomes clearer, followed back so many time constants.
YOUNG = 12
FARTHEST_BACK = 1.5
# A coordinate within so many sigmas of its first value has not left it.
STILL = 4.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen before the reaction is known to have begun.

    first_s, y, variance: the first observation. still_s: the last time the coordinate was seen where it was first.
    empty_s: of the last frame without peaks before it: the sample arrived since then. NaN: there was none.
    """

    first_s: float
    y: float
    variance: float
    still_s: float
    empty_s: float


@dataclass(frozen=True, slots=True)
class Onset:
    """mixing_s: seconds from the first frame. level, variance: the coordinate then, in Å and Å².

    left_s: since when the first motion is followed. age: frames since the start was found.
    """

    mixing_s: float
    level: float
    variance: float
    left_s: float
    age: int = 0


def seen_again(sight: Sight, time_s: float, y: float, variance: float) -> Sight:
    """With one more observation before the start."""
    still = (y - sight.y) ** 2 < STILL**2 * (variance + sight.variance)
    return replace(sight, still_s=time_s) if still else sight


def started(motion: Motion, bank: Bank, sight: Sight, time_s: float, mixing_s: float | None) -> Onset | None:
    """The start, once the data show that it has been. mixing_s: where it is known."""
    resting = rest_probability(bank)
    turned = bank.origin == TURNED
    if float(bank.weight[turned] @ resting[turned]) > CONFIDENT and _onward(motion, sight, bank):
        return _unfollowed(sight, mixing_s)
    if float(bank.weight @ resting) > 1.0 - CONFIDENT or directed(motion, bank) < CONFIDENT:
        return None
    best = _first_motion(bank)
    return _unfollowed(sight, mixing_s) if best is None else _followed(motion, bank, best, sight, time_s, mixing_s)


def improved(
    motion: Motion,
    bank: Bank,
    sight: Sight,
    time_s: float,
    mixing_s: float | None,
    start: Onset,
    period_s: float,
) -> Onset:
    """The start as the young motion shows it now, where that is better than before."""
    aged = replace(start, age=start.age + 1)
    best = _first_motion(bank)
    if start.age >= YOUNG or best is None or float(bank.weight @ rest_probability(bank)) > 1.0 - CONFIDENT:
        return aged
    followed = float(motion.rates(bank.x[best : best + 1])[0]) * (time_s - start.mixing_s)
    if followed > FARTHEST_BACK or abs(float(bank.left_s[best]) - start.left_s) > 2.0 * period_s:
        return aged
    new = _followed(motion, bank, best, sight, time_s, mixing_s)
    return replace(new, age=aged.age) if new.variance <= start.variance else aged


def _first_motion(bank: Bank) -> int | None:
    """The likeliest hypothesis of one motion ever since the start; None where the start is further back than that."""
    first = (bank.kind == MOVE) & ((bank.origin == FIRST) | (bank.origin == FROM_REST))
    best = int(np.argmax(np.where(first, bank.weight, 0.0)))
    return best if bank.weight[best] >= 0.2 and first[best] else None


def _followed(motion: Motion, bank: Bank, best: int, sight: Sight, time_s: float, mixing_s: float | None) -> Onset:
    x, P, left_s = bank.x[best], bank.P[best], float(bank.left_s[best])
    if left_s > sight.first_s:
        level = float(bank.left_y[best])
        passed = motion.elapsed(x, level)
        onset = min(max(time_s - passed, left_s), time_s) if math.isfinite(passed) else left_s
        return Onset(onset if mixing_s is None else mixing_s, level, sight.variance, left_s)
    arrived = sight.first_s if math.isnan(sight.empty_s) else (sight.empty_s + sight.first_s) / 2.0
    return followed_back(motion, x, P, time_s, arrived if mixing_s is None else mixing_s, left_s)


def followed_back(motion: Motion, x: Array, P: Array, time_s: float, mixing_s: float, left_s: float) -> Onset:
    """The present motion followed back to the mixing: nothing was seen at rest."""
    back_x, back_P = motion.predict(x[None], P[None], steady(1), mixing_s - time_s)
    return Onset(mixing_s, float(back_x[0, 0]), float(back_P[0, 0, 0]), left_s)


def _unfollowed(sight: Sight, mixing_s: float | None) -> Onset:
    """It moved, but no motion can be followed back: it left its first level when it was last seen there."""
    return Onset(sight.still_s if mixing_s is None else mixing_s, sight.y, sight.variance, NAN, YOUNG)


def _onward(motion: Motion, sight: Sight, bank: Bank) -> bool:
    """Two lattices come closer when they exchange; one may go either way."""
    return not isinstance(motion, PairMotion) or abs(float(bank.weight @ bank.x[:, 0])) < abs(sight.y)


def directed(motion: Motion, bank: Bank) -> float:
    """Probability that the coordinate moves as an exchange does: two lattices towards each other, one either way."""
    weight = np.where(bank.kind == MOVE, bank.weight, 0.0)
    onward = float(weight @ normal_cdf(bank.x[:, 1] / (np.sqrt(bank.P[:, 1, 1]) + 1e-300)))
    return onward if isinstance(motion, PairMotion) else max(onward, float(weight.sum()) - onward)
