"""The causal verdict: one state per frame, from the lattice parameters and esds so far.

Two lattices that exchange are judged by the distance between them, which ends at zero; one lattice alone by its own
lattice parameter. What is not known is not guessed: a sample that never moved is ``waiting``.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from latticewatch.processing.frame import Gap
from latticewatch.processing.reaction.forecast import forecast_of
from latticewatch.processing.reaction.hypotheses import (
    FIRST,
    FROM_REST,
    MOVE,
    REST,
    TURNED,
    Bank,
    Hazards,
    first_bank,
    mixed,
    proven,
    rest_probability,
    reweighed,
    step,
)
from latticewatch.processing.reaction.motion import Array, Motion, PairMotion, SingleMotion
from latticewatch.processing.reaction.observed import distance, watched
from latticewatch.processing.reaction.start import Baseline, Start, start_from_rest, start_in_motion
from latticewatch.processing.reaction.verdict import State, Verdict
from latticewatch.processing.refinement.fit import Fit
from latticewatch.processing.setup import Setup

NAN = float("nan")
CONFIDENT = 0.95
EARLY = 12
LONELY = 5
CALLED = 0.8
STILL = 4.0
SHORTEST_PAUSE = 4
APART = 5.0
TYPICAL_CHANGE_A = 0.15
FARTHEST_BACK = 1.5


@dataclass(frozen=True, slots=True)
class Knobs:
    """false_alarm: chance, while the sample reacts, that a pause is called where there is none."""

    false_alarm: float = 0.01


class Judge:
    """Judges the frames of one run, in order. A verdict is never taken back."""

    def __init__(self, setup: Setup, knobs: Knobs | None = None) -> None:
        self._setup = setup
        self._knobs = knobs or Knobs()
        self._motion: Motion = PairMotion() if len(setup.components) > 1 else SingleMotion()
        self._bank: Bank | None = None
        self._period = setup.frame_period_s or NAN
        self._frame_s = NAN
        self._observed_s = NAN
        self._empty_before = False
        self._lonely = 0
        self._first_s = NAN
        self._variance = NAN
        self._first_z = NAN
        self._noise = NAN
        self._still_s = NAN
        self._left_s = NAN
        self._beam_lost_s = NAN
        self._young = EARLY
        self._start: Start | None = None
        self._least = math.inf
        self._last = Verdict(State.WAITING, why="Nothing to see yet.")

    def judge(self, time_s: float, fit: Fit | Gap) -> Verdict:
        """The state at this frame. time_s: from the first frame, NaN where unknown. Never raises on data."""
        time_s = self._clock(time_s)
        if isinstance(fit, Gap):
            return self._without_fit(time_s, fit)
        self._beam_lost_s = NAN
        self._choose_motion(fit)
        z, R = self._observation(fit)
        if math.isnan(z):
            self._merged(time_s)
        else:
            self._observe(time_s, z, R)
        self._last = self._verdict(time_s)
        return self._last

    def _clock(self, time_s: float) -> float:
        """The frame's time; where it is unknown or does not advance, the least that can be."""
        known = self._period if self._period > 0.0 else 1.0
        if not math.isfinite(time_s):
            time_s = self._frame_s + known if math.isfinite(self._frame_s) else 0.0
        if math.isfinite(self._frame_s):
            passed = time_s - self._frame_s
            if passed <= 0.0:
                passed = 1e-3 * known
            if math.isnan(self._period):
                self._period = passed
            self._period += 0.1 * (min(passed, 3.0 * self._period) - self._period)
            time_s = self._frame_s + passed
        self._frame_s = time_s
        return time_s

    def _without_fit(self, time_s: float, gap: Gap) -> Verdict:
        if gap.reason == "no beam":
            if math.isnan(self._beam_lost_s):
                self._beam_lost_s = time_s
            why = "No beam on the detector."
            return replace(self._last, state=State.NO_BEAM, since_s=self._beam_lost_s, forecast=None, why=why)
        if gap.reason == "no peaks" and self._bank is None:
            self._empty_before = True
        return self._last

    def _choose_motion(self, fit: Fit) -> None:
        """Two lattices where two are seen; a pair never told apart is judged as one lattice."""
        if len(self._setup.components) < 2 or self._start is not None:
            return
        apart = not math.isnan(distance(fit)[0])
        self._lonely = 0 if apart else self._lonely + 1
        if apart and isinstance(self._motion, SingleMotion):
            self._motion, self._bank, self._empty_before = PairMotion(), None, True
        elif self._lonely >= LONELY and self._bank is None:
            self._motion = SingleMotion()

    def _observation(self, fit: Fit) -> tuple[float, float]:
        value, esd = distance(fit) if isinstance(self._motion, PairMotion) else watched(fit)
        if not (math.isfinite(value) and math.isfinite(esd) and esd > 0.0):
            return NAN, NAN
        return value, esd**2

    def _merged(self, time_s: float) -> None:
        """The lattices cannot be told apart: hypotheses that hold them well apart lose weight."""
        if self._bank is None or not isinstance(self._motion, PairMotion) or not math.isfinite(self._least):
            return
        passed = time_s - self._observed_s
        self._bank = step(self._motion, self._bank, time_s, passed, self._period, NAN, NAN, Hazards(1.0))
        self._observed_s = time_s
        spread = np.hypot(0.3 * self._least, np.sqrt(self._bank.P[:, 0, 0]))
        likely = np.maximum(ndtr((1.2 * self._least - np.abs(self._bank.x[:, 0])) / spread), 0.02)
        self._bank = reweighed(self._bank, likely)

    def _observe(self, time_s: float, z: float, R: float) -> None:
        self._young -= self._start is not None
        self._noise = R if math.isnan(self._noise) else self._noise + 0.2 * (min(R, 4.0 * self._noise) - self._noise)
        period = self._period if self._period > 0.0 else 1.0
        if self._bank is None:
            self._first_s, self._still_s, self._first_z, self._variance = time_s, time_s, z, R
            self._bank = first_bank(self._motion, z, R, period, time_s, 0.5)
        else:
            dt = time_s - self._observed_s
            if self._start is None and (z - self._first_z) ** 2 < STILL**2 * (R + self._variance):
                self._still_s = time_s
            hazards = self._hazards(time_s, z)
            self._bank = step(self._motion, self._bank, time_s, dt, period, z, R, hazards)
        self._observed_s = time_s
        y, P = mixed(self._bank, self._bank.weight > 0.0)
        self._least = min(self._least, abs(float(y[0])) + math.sqrt(float(P[0, 0])))

    def _hazards(self, time_s: float, z: float) -> Hazards:
        if self._start is not None:
            return Hazards(self._span(z))
        mixing = self._setup.mixing_time_s
        if mixing is None:
            return Hazards(self._span(z))
        return Hazards(self._span(z), move=0.3 if time_s > mixing else 1e-5)

    def _span(self, z: float) -> float:
        """The length of the whole way in Å, as far as known."""
        if isinstance(self._motion, SingleMotion):
            return TYPICAL_CHANGE_A
        return max(abs(self._start.level if self._start else z), 1e-3)

    def _verdict(self, time_s: float) -> Verdict:
        bank = self._bank
        if bank is None:
            return replace(self._last, state=State.WAITING, why="Nothing to see yet.")
        x, _ = mixed(bank, bank.kind == MOVE)
        resting = float((bank.weight * rest_probability(bank)).sum())
        if self._start is None or self._young > 0:
            self._begin(time_s, bank, resting)
        if self._start is None:
            return Verdict(State.WAITING, why="Lattices are seen; none has moved yet.")
        return self._judged(time_s, bank, x, resting, self._start)

    def _begin(self, time_s: float, bank: Bank, resting: float) -> None:
        """Find the start, and mend it while the motion is young."""
        if (
            self._start is None
            and float(bank.weight[bank.origin == TURNED] @ rest_probability(bank)[bank.origin == TURNED]) > CONFIDENT
        ):
            self._start, self._young = self._begun_unseen(), 0
            return
        if resting > 0.2 or _directed(bank) < CONFIDENT:
            return
        first = (bank.kind == MOVE) & ((bank.origin == FIRST) | (bank.origin == FROM_REST))
        best = int(np.argmax(np.where(first, bank.weight, 0.0)))
        if bank.weight[best] < 0.2:
            if self._start is None:
                self._start, self._young = self._begun_unseen(), 0
            return
        x, P = bank.x[best], bank.P[best]
        if self._start is not None and self._motion.rates(x[None])[0] * (time_s - self._start.mixing_s) > FARTHEST_BACK:
            return
        mixing = self._setup.mixing_time_s
        left_s = float(bank.left_s[best])
        if self._start is None:
            self._left_s = left_s
        elif abs(left_s - self._left_s) > 2.0 * self._period:
            return
        if left_s > self._first_s:
            baseline = Baseline(float(bank.left_y[best]), self._variance)
            self._start = start_from_rest(self._motion, x, time_s, baseline, mixing, left_s)
            return
        seen = self._first_s - (self._period / 2.0 if self._empty_before else 0.0)
        start = start_in_motion(self._motion, x, P, time_s, seen if mixing is None else mixing)
        if self._start is None or start.variance < self._start.variance:
            self._start = start

    def _begun_unseen(self) -> Start:
        """It moved and rests again before the motion could be made out: it left its level when last seen there."""
        mixing = self._setup.mixing_time_s
        return Start(self._still_s if mixing is None else mixing, self._first_z, self._variance)

    def _judged(self, time_s: float, bank: Bank, x: Array, resting: float, start: Start) -> Verdict:
        tolerance = self._setup.tolerance
        done = float((proven(bank) * self._motion.within(bank.x, bank.P, start.level, start.variance, tolerance)).sum())
        state, since = self._next(time_s, bank, done, resting)
        ahead = None
        if state is State.REACTING and resting < 0.5:
            ahead = forecast_of(self._motion, bank, time_s, start, tolerance)
        total = self._motion.total(x, start.level)
        progress = min(max(1.0 - self._motion.remaining(x) / total, 0.0), 1.0) if total > 0.0 else NAN
        return Verdict(state, since, progress, start.mixing_s, ahead, _why(state, done, resting, tolerance))

    def _tells_rest(self, bank: Bank, best: int) -> bool:
        """Whether the frames of this rest are enough for a straight line to tell it from the slope before (5 sigma)."""
        n = int(bank.age[best])
        lever = abs(float(bank.left_rate[best])) * self._period * math.sqrt(n * (n * n - 1) / 12.0)
        return n >= SHORTEST_PAUSE and lever >= APART * math.sqrt(self._noise)

    def _next(self, time_s: float, bank: Bank, done: float, resting: float) -> tuple[State, float]:
        was = self._last.state
        if done >= CONFIDENT or (was is State.COMPLETE and done > 0.001):
            return State.COMPLETE, self._last.since_s if was is State.COMPLETE else time_s
        best = int(np.argmax(np.where(bank.kind == REST, bank.weight, 0.0)))
        if resting > CALLED or (was is State.PAUSED and resting > 0.1):
            if was is State.PAUSED:
                return was, self._last.since_s
            if bank.kind[best] == REST and self._tells_rest(bank, best):
                return State.PAUSED, _onset(bank, best)
        if was in (State.REACTING, State.PAUSED) and was is State.REACTING:
            return was, self._last.since_s
        if was is State.WAITING and self._start is not None:
            return State.REACTING, self._start.mixing_s
        return State.REACTING, _resumed(self._motion, bank, time_s)


def _directed(bank: Bank) -> float:
    """Probability that the coordinate moves, in whichever direction is likelier."""
    weight = np.where(bank.kind == MOVE, bank.weight, 0.0)
    onward = float(weight @ ndtr(bank.x[:, 1] / (np.sqrt(bank.P[:, 1, 1]) + 1e-300)))
    return max(onward, float(weight.sum()) - onward)


def _onset(bank: Bank, best: int) -> float:
    """When the motion before reached the level at which this hypothesis rests."""
    rate = float(bank.left_rate[best])
    passed = (float(bank.x[best, 0]) - float(bank.left_y[best])) / rate if rate else 0.0
    return float(bank.left_s[best]) + max(passed, 0.0) if math.isfinite(passed) else float(bank.left_s[best])


def _resumed(motion: Motion, bank: Bank, time_s: float) -> float:
    """When the present motion left the level at which the coordinate rested."""
    best = int(np.argmax(np.where(bank.kind == MOVE, bank.weight, 0.0)))
    passed = motion.elapsed(bank.x[best], float(bank.left_y[best]))
    left_s = float(bank.left_s[best])
    return min(max(time_s - passed, left_s), time_s) if math.isfinite(passed) else left_s


def _why(state: State, done: float, resting: float, tolerance: float) -> str:
    if state is State.COMPLETE:
        return f"Less than {tolerance:.1%} of the change is left, with {done:.0%} confidence."
    if state is State.PAUSED:
        return f"The lattice stands still ({resting:.1%} sure), and the reaction is not over."
    return "The lattice is moving."
