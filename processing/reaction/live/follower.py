"""One quantity followed frame by frame: its hypotheses, where its reaction began, and its state."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from latticewatch.processing.flow.quantity import Quantity
from latticewatch.processing.flow.verdict import Forecast, State
from latticewatch.processing.reaction.live.forecast import forecast_of
from latticewatch.processing.reaction.live.frame_clock import Clock
from latticewatch.processing.reaction.live.hypotheses import (
    FIRST,
    MOVE,
    REST,
    Bank,
    Hazards,
    first_bank,
    proven,
    rest_probability,
    reweighed,
    step,
)
from latticewatch.processing.reaction.live.merged_mean import Untold
from latticewatch.processing.reaction.live.motion import Motion, PairMotion, SingleMotion
from latticewatch.processing.reaction.live.normal import normal_cdf
from latticewatch.processing.reaction.live.onset import (
    CONFIDENT,
    YOUNG,
    Onset,
    Sight,
    directed,
    followed_back,
    improved,
    seen_again,
    started,
)

NAN = float("nan")
# A pause is called from the first probability of rest on, and is over when it falls under the second.
CALLED, RESUMED = 0.7, 0.03
SHORTEST_PAUSE = 4
# An esd of more (Å, or of a share) tells nothing either, and its square may be no number.
LOOSEST = 1e3
SIGMAS = 5.5
# Near its turn a reversal looks like rest. This share of the false alarms may be motion that runs back; more of it once
# the rest can be told from the slope before by so many sigmas: a reversal has then shown itself.
BACK, BACK_LATER, LATER_SIGMAS = 1.0 / 6.0, 0.4, 7.5
# Complete no more when it is so unlikely that no more than so many tolerances are left. What the end of one lattice
# leaves is known by its curvature only.
PARTED, PARTED_PAIR, PARTED_SINGLE = 1e-3, 1.0, 3.0
# Nor where it came to its end is it then, when it is further from there than so many tolerances and esds of a frame.
LEFT_SIGMAS = 4.0
# A distance that grows between two frames by this share of the first one, and stays grown for so many frames, and falls
# from there: more was added to the sample.
LEAP, LEAP_LEFT, LEAP_SIGMAS, LEAP_FRAMES = 0.15, 0.2, 8.0, 4
# One frame is enough to call a completion or a pause back where nothing was seen for so many periods before it.
UNSEEN_PERIODS = 3.5
# A quantity sleeps from this probability of rest and so many frames on, and wakes at so many esds from its mean.
ASLEEP, ASLEEP_FRAMES, AWAKE = 0.9, 8, 3.0
# So many levels before it say from where; among fewer, a few bad frames would be the most.
LEVELS, FEWEST_LEVELS = 7, 3
# A start, and the end of a completion, are called when so many frames in a row say so: a bad frame is neither.
IN_A_ROW = 3
# Lattices that have come so close are one again when they cannot be told apart, whatever bad frames said meanwhile.
CLOSE, UNLIKELY = 0.1, 0.1


@dataclass(frozen=True, slots=True)
class WatchedQuantity:
    """What is followed.

    noun, moves: subject and verb of a sentence. typical: a usual total change. finest: no esd is believed to be
    smaller. least, least_share: a change of less than ``least``, or than this share of the first value, is no
    reaction. amount: it lies between 0 and 1, and can go no further. named: where it was chosen by its name.
    """

    noun: str
    motion: Motion
    moves: str = "moves"
    typical: float = 0.15
    finest: float = 1e-6
    least: float = 0.0
    least_share: float = 0.0
    amount: bool = False
    sleeps: bool = False
    named: Quantity | None = None

    @property
    def is_distance(self) -> bool:
        """Whether two lattices that are to become one are followed by how far apart they are."""
        return isinstance(self.motion, PairMotion)


# The end of two lattices is known: what is less than this share of their distance tells nothing.
DISTANCE = WatchedQuantity("The lattice parameter", PairMotion(), least_share=0.01)
LATTICE = WatchedQuantity("The lattice parameter", SingleMotion())


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one quantity says of the reaction. since_s, mixing_s: seconds from the first frame.

    done: probability that less than the tolerance is left. resting: probability that it stands still. reaction: 1 for
    the first one it saw, 2 for the second. WAITING: it has not moved.
    """

    quantity: WatchedQuantity
    state: State
    since_s: float = NAN
    progress: float = NAN
    mixing_s: float = NAN
    forecast: Forecast | None = None
    done: float = NAN
    resting: float = NAN
    reaction: int = 0


class _Value(NamedTuple):
    """One observation; period_s: the usual time between frames then."""

    y: float
    variance: float
    time_s: float
    period_s: float


@dataclass(frozen=True, slots=True)
class _Leap:
    """The distance grew at once: time and level in the frame before, and the values since.

    unseen: it grew while nothing was seen, and one frame says so.
    """

    before_s: float
    before: float
    unseen: bool
    values: tuple[_Value, ...]

    @property
    def falls(self) -> bool:
        """Whether the first values each are less than the one before: bad frames grow, or stay where they are."""
        first = self.values[:IN_A_ROW]
        return len(first) == IN_A_ROW and all(later.y < each.y for each, later in pairwise(first))


@dataclass(frozen=True, slots=True)
class _Rest:
    """What has rested ever since it was seen first: the mean of all its values, and the newest of them."""

    mean: float
    variance: float
    newest: tuple[_Value, ...]


def _joined(rest: _Rest, value: _Value) -> _Rest:
    variance = 1.0 / (1.0 / rest.variance + 1.0 / value.variance)
    mean = rest.mean + variance / value.variance * (value.y - rest.mean)
    return _Rest(mean, variance, (*rest.newest[1 - LEVELS :], value))


class Follower:
    """Follows one quantity through a run; work per frame is constant.

    called: probability of rest from which a pause is called. mixing_s: where it is known.
    """

    def __init__(self, quantity: WatchedQuantity, tolerance: float, mixing_s: float | None) -> None:
        self.quantity = quantity
        self.start: Onset | None = None
        self.bank: Bank | None = None
        self._motion, self._pair = quantity.motion, isinstance(quantity.motion, PairMotion)
        self._tolerance, self._mixing_s = tolerance, mixing_s
        self._opinion = Opinion(quantity, State.WAITING)
        self._sight: Sight | None = None
        self._observed_s = self._noise = self._ended = NAN
        self._nearest = math.inf
        self._pending: Onset | None = None
        self._in_a_row = 0
        self._levels: tuple[float, ...] = ()
        self._leap: _Leap | None = None
        self._moved_unseen = False
        self._rest: _Rest | None = None

    def observe(self, y: float, esd: float, clock: Clock, empty_s: float) -> None:
        """One more value. empty_s: of the last frame without peaks before the first value; NaN: there was none."""
        value = _Value(y, min(max(esd, self.quantity.finest), LOOSEST) ** 2, clock.time_s, clock.usual_s)
        # A single bad esd moves the usual one little.
        noise = value.variance if math.isnan(self._noise) else self._noise
        self._noise = noise + 0.2 * (min(value.variance, 4.0 * noise) - noise)
        if self._rest is None:
            self._take(value, empty_s)
            return
        if (y - self._rest.mean) ** 2 < AWAKE**2 * (value.variance + self._rest.variance):
            self._rest = _joined(self._rest, value)
            return
        # It may have left its rest some frames ago.
        rest, self._rest = self._rest, None
        first = rest.newest[0]
        self._observed_s = first.time_s - first.period_s
        self.bank = first_bank(self._motion, rest.mean, rest.variance, first.period_s, self._observed_s, moving=0.01)
        for each in (*rest.newest, value):
            self._take(each, empty_s)

    def _take(self, value: _Value, empty_s: float) -> None:
        """The hypotheses with one more value."""
        y, variance, now, period = value
        if self.bank is None or self._sight is None:
            self._sight = Sight(now, y, variance, now, empty_s)
            self.bank = first_bank(self._motion, y, variance, period, now, moving=0.5)
        else:
            if self.start is None:
                self._sight = seen_again(self._sight, now, y, variance)
            passed = now - self._observed_s
            unseen = passed > UNSEEN_PERIODS * period
            self._note_leap(value, unseen)
            self._moved_unseen = unseen and abs(y - self.level) > LEAP_SIGMAS * math.sqrt(variance + self._noise)
            self.bank = step(self._motion, self.bank, now, passed, period, y, variance, self._hazards(y, now))
            if self._leap is not None and self._leap.falls and self._opinion.state is State.COMPLETE:
                self._begin_anew(self._leap.values)
        self._observed_s = now
        if self._leap is None:
            self._levels = (*self._levels[1 - LEVELS :], y)
        level = self.level
        self._nearest = min(self._nearest, abs(level) + math.sqrt(float(self.bank.weight @ self.bank.P[:, 0, 0])))
        resting = (self.bank.kind == REST) & (self.bank.origin == FIRST) & (self.bank.age >= ASLEEP_FRAMES)
        if self.quantity.sleeps and self.start is None and float(self.bank.weight[resting].sum()) > ASLEEP:
            variance = float(self.bank.P[resting, 0, 0].min())
            self._rest, self._pending = _Rest(level, variance, (value,)), None

    def _begin_anew(self, values: tuple[_Value, ...]) -> None:
        """What was complete has parted, and no bad frame did it: only these values still say where the lattices are."""
        first = values[0]
        self.bank = first_bank(self._motion, first.y, first.variance, first.period_s, first.time_s, moving=0.9)
        before_s = first.time_s
        for y, variance, now, period in values[1:]:
            hazards = self._hazards(y, now)
            self.bank = step(self._motion, self.bank, now, now - before_s, period, y, variance, hazards)
            before_s = now
        self._nearest = abs(values[-1].y)

    def added(self, frames: tuple[Untold, ...], before_s: float) -> None:
        """More was added to lattices that were one, or nearly so, and these frames do not tell them apart either.
        before_s: of the last frame before it."""
        values = tuple(_Value(one.distance_A, one.esd_A**2, one.time_s, one.period_s) for one in frames)
        self._begin_anew(values)
        mixing_s, first = (before_s + values[0].time_s) / 2.0, values[0]
        self.start = Onset(mixing_s, max(value.y for value in values), first.variance, NAN, YOUNG)
        self._leap, self._levels, self._observed_s = None, (), values[-1].time_s
        number = max(self._opinion.reaction, 1) + 1
        self._opinion = Opinion(self.quantity, State.REACTING, mixing_s, mixing_s=mixing_s, reaction=number)

    def merged(self, clock: Clock, within_A: float = 0.0) -> None:
        """The lattices cannot be told apart: hypotheses that hold them further apart than ever seen lose weight.

        within_A: further apart than this they would be told.
        """
        if self.bank is None:
            return
        passed, self._observed_s = clock.time_s - self._observed_s, clock.time_s
        ahead = step(self._motion, self.bank, clock.time_s, passed, clock.usual_s, NAN, NAN, Hazards(1.0))
        nearest = max(self._nearest, within_A)
        spread = np.hypot(0.3 * nearest, np.sqrt(ahead.P[:, 0, 0]))
        likelihood = normal_cdf((1.2 * nearest - np.abs(ahead.x[:, 0])) / spread)
        been_close = self.start is not None and self._nearest < CLOSE * self.start.level
        if been_close and float(ahead.weight @ likelihood) < UNLIKELY:
            level, variance = 0.5 * self._nearest, self._nearest**2
            ahead = first_bank(self._motion, level, variance, clock.usual_s, clock.time_s, moving=0.0)
            likelihood = np.ones_like(ahead.weight)
        # What is not seen does not show that it rests.
        ahead = replace(ahead, age=np.maximum(ahead.age - 1, 1))
        self.bank = reweighed(ahead, np.maximum(likelihood, 0.02))
        self._moved_unseen = False
        self._leap, self._levels = None, (*self._levels[1 - LEVELS :], self.level)

    @property
    def level(self) -> float:
        """Where the quantity is, as far as it is followed; NaN: it has not been seen."""
        return NAN if self.bank is None else float(self.bank.weight @ self.bank.x[:, 0])

    def judged(self, clock: Clock) -> Opinion:
        """What the values so far say."""
        if self.bank is None or self._sight is None or self._rest is not None:
            return self._opinion
        bank, now, known = self.bank, clock.time_s, (clock.time_s, self._mixing_s)
        if self.start is not None:
            self.start = improved(self._motion, bank, self._sight, *known, self.start, clock.usual_s)
        else:
            self.start = self._first_start(bank, self._sight, *known, clock.usual_s)
        if self.start is None:
            return self._opinion
        again = self._second_injection(bank, self.start, now)
        self.start = again or self.start
        leapt = self._leap is not None and (self._leap.unseen or self._leap.falls)
        done = 0.0 if leapt else self._done(bank, self.start, self._tolerance)
        resting = float(bank.weight @ rest_probability(bank))
        state, since_s = self._next(bank, self.start, done, resting, clock)
        number = max(self._opinion.reaction, 1)
        if self._opinion.state is State.COMPLETE and state is not State.COMPLETE and not self._pair:
            # One lattice that leaves the level it had come to rest at.
            level = float(bank.left_y[int(np.argmax(np.where(bank.kind == MOVE, bank.weight, 0.0)))])
            again = self.start = Onset(since_s, level, self._noise, NAN, YOUNG)
        if again is not None:
            state, since_s, number, done = State.REACTING, again.mixing_s, number + 1, 0.0
        ahead = None
        if state is State.REACTING and resting < 0.5:
            ahead = forecast_of(self._motion, bank, now, self.start, self._tolerance)
        x = bank.x[int(np.argmax(bank.weight))]
        total, left = self._motion.total(x, self.start.level), self._motion.remaining(x)
        if self.quantity.amount:  # it goes no further than to nothing or all
            bound = 1.0 if self.level > self.start.level else 0.0
            total = float(np.fmin(total, abs(bound - self.start.level)))
            left = float(np.fmin(left, abs(bound - self.level)))
        progress = min(max(1.0 - left / total, 0.0), 1.0) if total > 0.0 else NAN
        self._opinion = Opinion(
            self.quantity, state, since_s, progress, self.start.mixing_s, ahead, done, resting, number
        )
        return self._opinion

    def _first_start(
        self, bank: Bank, sight: Sight, now: float, mixing_s: float | None, period_s: float
    ) -> Onset | None:
        """The start, once it has stood for a while: one bad frame looks like it, but the next is where all were. Two
        lattices come closer.
        """
        change = sight.y - self.level if self._pair else abs(sight.y - self.level)
        moved = change >= max(self.quantity.least, self.quantity.least_share * abs(sight.y))
        start = started(self._motion, bank, sight, now, mixing_s) if moved else None
        if start is None and (sight.still_s == self._observed_s or (self._pair and change < 0.0)):
            self._pending = None
        elif self._pending is not None:
            start = improved(self._motion, bank, sight, now, mixing_s, self._pending, period_s)
        self._pending = start or self._pending
        self._in_a_row = self._in_a_row + 1 if self._pending is not None else 0
        if self._in_a_row < IN_A_ROW:
            return None
        self._in_a_row = 0
        return self._pending

    def _hazards(self, y: float, now: float) -> Hazards:
        typical = y if self._pair else self.quantity.typical
        span = max(abs(self.start.level if self.start and self._pair else typical), 1e-3)
        if self.start is not None or self._mixing_s is None:
            return Hazards(span)
        return Hazards(span, move=0.3 if now > self._mixing_s else 1e-5)

    def _note_leap(self, value: _Value, unseen: bool) -> None:
        """Remember when a distance grew at once, as long as it stays grown."""
        leap = self._leap
        if leap is not None:
            stays = value.y > leap.before + LEAP_LEFT * (leap.values[0].y - leap.before)
            young = len(leap.values) < YOUNG
            self._leap = replace(leap, values=(*leap.values, value)) if stays and young else None
            self._levels = self._levels if young else ()
        elif self._pair and self.start is not None and len(self._levels) >= FEWEST_LEVELS:
            grown = value.y - max(self._levels[-1], median(self._levels))
            if grown > max(LEAP * self.start.level, LEAP_SIGMAS * math.sqrt(self._noise)):
                self._leap = _Leap(self._observed_s, self._levels[-1], unseen, (value,))

    def _second_injection(self, bank: Bank, start: Onset, now: float) -> Onset | None:
        """The start of the reaction that what was added begins, once it is seen to run."""
        leap = self._leap
        if leap is None or len(leap.values) < LEAP_FRAMES or directed(self._motion, bank) < CONFIDENT:
            return None
        best = int(np.argmax(np.where(bank.kind == MOVE, bank.weight, 0.0)))
        self._leap, self._levels = None, ()
        mixing_s = (leap.before_s + leap.values[0].time_s) / 2.0
        again = followed_back(self._motion, bank.x[best], bank.P[best], now, mixing_s, leap.before_s)
        # What two lattices were apart when they were first mixed is the most that is left.
        return replace(again, level=min(again.level, start.level), age=YOUNG)

    def _done(self, bank: Bank, start: Onset, tolerance: float) -> float:
        """Probability that less than the tolerance is left. What has just begun is not believed to be the end; that it
        may be none, is.
        """
        within = self._motion.within(bank.x, bank.P, start.level, start.variance, tolerance)
        done = min(float(proven(bank) @ within), float(bank.weight @ within))
        if not self.quantity.amount:
            return done
        # No amount goes beyond nothing or all.
        level, variance = self.level, float(bank.weight @ bank.P[:, 0, 0])
        bound = 1.0 if level > start.level else 0.0
        margin = tolerance * abs(bound - start.level) - abs(bound - level)
        return max(done, float(normal_cdf(np.array([margin / math.sqrt(variance)]))[0]))

    def _next(self, bank: Bank, start: Onset, done: float, resting: float, clock: Clock) -> tuple[State, float]:
        was, since, now = self._opinion.state, self._opinion.since_s, clock.time_s
        if was is State.COMPLETE and done > 0.0:
            return (State.REACTING, self._resumed(bank, now)) if self._parted(bank, start) else (was, since)
        if done >= CONFIDENT:
            self._ended = self.level
            return State.COMPLETE, now
        if was is State.PAUSED and self._moved_unseen:
            return State.REACTING, now
        if was is State.PAUSED and resting > RESUMED:
            return was, since
        best = int(np.argmax(np.where(bank.kind == REST, bank.weight, 0.0)))
        if resting > CALLED and self._tells_rest(bank, best, clock.usual_s):
            # The motion before reached the level of this rest.
            rate, left_s = float(bank.left_rate[best]), float(bank.left_s[best])
            passed = (float(bank.x[best, 0]) - float(bank.left_y[best])) / rate if rate else 0.0
            return State.PAUSED, left_s + max(passed, 0.0) if math.isfinite(passed) else left_s
        if was is State.REACTING:
            return was, since
        return State.REACTING, start.mixing_s if was is State.WAITING else self._resumed(bank, now)

    def _parted(self, bank: Bank, start: Onset) -> bool:
        tolerance = (PARTED_PAIR if self._pair else PARTED_SINGLE) * self._tolerance
        within = self._motion.within(bank.x, bank.P, start.level, start.variance, min(tolerance, 0.9))
        # What jumps to another level and rests there has nothing left either.
        near = tolerance * abs(self._ended - start.level) + LEFT_SIGMAS * math.sqrt(self._noise)
        has_left = not self._pair and abs(self.level - self._ended) > near
        self._in_a_row = self._in_a_row + 1 if has_left or float(proven(bank) @ within) < PARTED else 0
        return self._in_a_row >= IN_A_ROW

    def _tells_rest(self, bank: Bank, best: int, period_s: float) -> bool:
        """Whether a straight line through the frames of this rest can be told from the slope before, and rest from a
        motion that runs back to where it came from.
        """
        n = int(bank.age[best])
        lever = abs(float(bank.left_rate[best])) * period_s * math.sqrt(n * (n * n - 1) / 12.0)
        sigmas = lever / math.sqrt(self._noise)
        if bank.kind[best] != REST or n < SHORTEST_PAUSE or sigmas < SIGMAS:
            return False
        onward = self._motion.speed_of(float(bank.left_y[best]), float(bank.left_rate[best]))
        back = (bank.kind == MOVE) & (bank.x[:, 1] * onward < 0.0)
        share = BACK if sigmas < LATER_SIGMAS else BACK_LATER
        return float(bank.weight[back] @ (1.0 - rest_probability(bank)[back])) < share * (1.0 - CALLED)

    def _resumed(self, bank: Bank, now: float) -> float:
        """When the present motion left the level at which the quantity rested."""
        best = int(np.argmax(np.where(bank.kind == MOVE, bank.weight, 0.0)))
        passed, left_s = self._motion.elapsed(bank.x[best], float(bank.left_y[best])), float(bank.left_s[best])
        return min(max(now - passed, left_s), now) if math.isfinite(passed) else left_s
