"""The causal verdict: one state per frame, from the lattice parameters and esds so far.

Two lattices that exchange are judged by the distance between them, which ends at zero; one lattice alone by its own
lattice parameter. A third and a fourth component have no say: they may be standards, which never move.

States. ``waiting``: nothing is seen, or what is seen has never moved (a steady standard waits for ever).
``reacting``: it moves. ``paused``: it moved and stands still, while more than the tolerance may be left.
``complete``: what is left is under the tolerance with 95 % confidence; for two lattices that means that they are no
longer apart; should they part once more, it is ``reacting``. ``no_beam``: as the fit says. Frames without a fit keep
the state before.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.reaction.live.forecast import forecast_of
from latticewatch.processing.reaction.live.frame_clock import Clock, ticked
from latticewatch.processing.reaction.live.hypotheses import (
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
from latticewatch.processing.reaction.live.motion import Motion, PairMotion, SingleMotion
from latticewatch.processing.reaction.live.normal import normal_cdf
from latticewatch.processing.reaction.live.onset import Sight, Start, mended, seen_again, started
from latticewatch.processing.reaction.live.reasons import Grounds, reason_for
from latticewatch.processing.reaction.observed import distance, watched

NAN = float("nan")
CONFIDENT = 0.95
# A pause is called from this probability of rest on, and is over when it falls under the other.
RESUMED = 0.03
SHORTEST_PAUSE = 4
SIGMAS = 5.5
# Near its turn a reversal looks like rest. This share of the false alarms may be motion that runs back; more of it once
# the rest can be told from the slope before by so many sigmas: a reversal has then shown itself.
BACK, BACK_LATER, LATER_SIGMAS = 1.0 / 6.0, 0.4, 7.5
# Complete no more when it is so unlikely, even for thrice the tolerance, that the lattices are one.
PARTED = 1e-3
LONELY = 5
TYPICAL_CHANGE_A = 0.15
# No esd is believed to be smaller: far below what any detector's geometry allows.
FINEST_A = 1e-6


@dataclass(frozen=True, slots=True)
class JudgeParameters:
    """false_alarm: the most that the probability of its being none may be when a pause is called (0 to 0.5)."""

    false_alarm: float = 0.3


class Judge:
    """Judges the frames of one run, in order. A verdict is never taken back; work per frame is constant."""

    def __init__(self, setup: Setup, knobs: JudgeParameters | None = None) -> None:
        self._setup = setup
        self._called = 1.0 - (knobs or JudgeParameters()).false_alarm
        self._motion: Motion = PairMotion() if len(setup.components) > 1 else SingleMotion()
        self._clock = Clock(period_s=setup.frame_period_s or NAN)
        self._bank: Bank | None = None
        self._sight: Sight | None = None
        self._start: Start | None = None
        self._observed_s = NAN
        self._noise = NAN
        self._least = math.inf
        self._empty_s = NAN
        self._lonely = 0
        self._beam_lost_s = NAN
        self._last = Verdict(State.WAITING, why="Nothing to see yet.")

    def judge(self, time_s: float, fit: Fit | NoResult) -> Verdict:
        """The state at this frame. time_s: from the first frame, NaN where unknown. Never raises on data."""
        self._clock = ticked(self._clock, time_s)
        if isinstance(fit, NoResult):
            return self._without_fit(fit)
        self._beam_lost_s = NAN
        self._choose_motion(fit)
        y, variance = self._observation(fit)
        if not math.isnan(y):
            self._observe(y, variance)
        elif self._bank is not None and isinstance(self._motion, PairMotion):
            self._bank = self._merged(self._bank)
        self._last = self._verdict()
        return self._last

    def _without_fit(self, gap: NoResult) -> Verdict:
        if gap.reason == "no beam":
            if math.isnan(self._beam_lost_s):
                self._beam_lost_s = self._clock.time_s
            why = "No beam on the detector."
            return replace(self._last, state=State.NO_BEAM, since_s=self._beam_lost_s, forecast=None, why=why)
        if gap.reason == "no peaks" and self._bank is None:
            self._empty_s = self._clock.time_s
        return self._last

    def _choose_motion(self, fit: Fit) -> None:
        """Two lattices where two are seen; a pair never told apart is judged as one lattice."""
        if len(self._setup.components) < 2 or self._start is not None:
            return
        apart = not math.isnan(distance(fit)[0])
        self._lonely = 0 if apart else self._lonely + 1
        if apart and isinstance(self._motion, SingleMotion):
            self._motion, self._bank, self._empty_s = PairMotion(), None, self._clock.time_s - self._clock.usual_s
        elif self._lonely >= LONELY and self._bank is None:
            self._motion = SingleMotion()

    def _observation(self, fit: Fit) -> tuple[float, float]:
        value, esd = distance(fit) if isinstance(self._motion, PairMotion) else watched(fit)
        if not (math.isfinite(value) and math.isfinite(esd) and esd > 0.0):
            return NAN, NAN
        return value, max(esd, FINEST_A) ** 2

    def _observe(self, y: float, variance: float) -> None:
        now, period = self._clock.time_s, self._clock.usual_s
        self._noise = _followed(self._noise, variance)
        if self._bank is None or self._sight is None:
            self._sight = Sight(now, y, variance, now, self._empty_s)
            self._bank = first_bank(self._motion, y, variance, period, now, moving=0.5)
        else:
            if self._start is None:
                self._sight = seen_again(self._sight, now, y, variance)
            passed, hazards = now - self._observed_s, self._hazards(y)
            self._bank = step(self._motion, self._bank, now, passed, period, y, variance, hazards)
        self._observed_s = now
        seen = abs(float(self._bank.weight @ self._bank.x[:, 0]))
        self._least = min(self._least, seen + math.sqrt(float(self._bank.weight @ self._bank.P[:, 0, 0])))

    def _merged(self, bank: Bank) -> Bank:
        """The lattices cannot be told apart: hypotheses that hold them further apart than ever seen lose weight."""
        now = self._clock.time_s
        passed, self._observed_s = now - self._observed_s, now
        ahead = step(self._motion, bank, now, passed, self._clock.usual_s, NAN, NAN, Hazards(1.0))
        spread = np.hypot(0.3 * self._least, np.sqrt(ahead.P[:, 0, 0]))
        return reweighed(ahead, np.maximum(normal_cdf((1.2 * self._least - np.abs(ahead.x[:, 0])) / spread), 0.02))

    def _hazards(self, y: float) -> Hazards:
        level = TYPICAL_CHANGE_A if isinstance(self._motion, SingleMotion) else y
        span = max(abs(self._start.level if self._start and isinstance(self._motion, PairMotion) else level), 1e-3)
        mixing = self._setup.mixing_time_s
        if self._start is not None or mixing is None:
            return Hazards(span)
        return Hazards(span, move=0.3 if self._clock.time_s > mixing else 1e-5)

    def _verdict(self) -> Verdict:
        if self._bank is None or self._sight is None:
            return Verdict(State.WAITING, why="Nothing to see yet.")
        self._start = self._find_start(self._bank, self._sight)
        if self._start is None:
            return Verdict(State.WAITING, why="Lattices are seen; none has moved yet.")
        return self._judged(self._bank, self._start)

    def _find_start(self, bank: Bank, sight: Sight) -> Start | None:
        known = self._clock.time_s, self._setup.mixing_time_s
        if self._start is None:
            return started(self._motion, bank, sight, *known)
        return mended(self._motion, bank, sight, *known, self._start, self._clock.usual_s)

    def _judged(self, bank: Bank, start: Start) -> Verdict:
        tolerance = self._setup.tolerance
        done = self._done(bank, start, tolerance)
        resting = float(bank.weight @ rest_probability(bank))
        state, since = self._next(bank, start, done, resting)
        ahead = None
        if state is State.REACTING and resting < 0.5:
            ahead = forecast_of(self._motion, bank, self._clock.time_s, start, tolerance)
        grounds = Grounds(state, done, resting, tolerance, isinstance(self._motion, PairMotion), ahead)
        return Verdict(state, since, self._progress(bank, start), start.mixing_s, ahead, reason_for(grounds))

    def _done(self, bank: Bank, start: Start, tolerance: float) -> float:
        return float(proven(bank) @ self._motion.within(bank.x, bank.P, start.level, start.variance, tolerance))

    def _progress(self, bank: Bank, start: Start) -> float:
        x = bank.x[int(np.argmax(bank.weight))]
        total = self._motion.total(x, start.level)
        return min(max(1.0 - self._motion.remaining(x) / total, 0.0), 1.0) if total > 0.0 else NAN

    def _next(self, bank: Bank, start: Start, done: float, resting: float) -> tuple[State, float]:
        was, since, now = self._last.state, self._last.since_s, self._clock.time_s
        if was is State.COMPLETE and not self._parted(bank, start):
            return was, since
        if done >= CONFIDENT:
            return State.COMPLETE, now
        if was is State.PAUSED and resting > RESUMED:
            return was, since
        best = int(np.argmax(np.where(bank.kind == REST, bank.weight, 0.0)))
        if resting > self._called and self._tells_rest(bank, best):
            return State.PAUSED, _onset(bank, best)
        if was is State.REACTING:
            return was, since
        return State.REACTING, start.mixing_s if was is State.WAITING else _resumed(self._motion, bank, now)

    def _parted(self, bank: Bank, start: Start) -> bool:
        return self._done(bank, start, min(3.0 * self._setup.tolerance, 0.9)) < PARTED

    def _tells_rest(self, bank: Bank, best: int) -> bool:
        """Whether a straight line through the frames of this rest can be told from the slope before, and rest from a
        motion that runs back.
        """
        n = int(bank.age[best])
        lever = abs(float(bank.left_rate[best])) * self._clock.usual_s * math.sqrt(n * (n * n - 1) / 12.0)
        sigmas = lever / math.sqrt(self._noise)
        if bank.kind[best] != REST or n < SHORTEST_PAUSE or sigmas < SIGMAS:
            return False
        share = BACK if sigmas < LATER_SIGMAS else BACK_LATER
        return _running_back(self._motion, bank, best) < share * (1.0 - self._called)


def _followed(noise: float, variance: float) -> float:
    """The usual variance of an observation, with one more; a single bad esd moves it little."""
    return variance if math.isnan(noise) else noise + 0.2 * (min(variance, 4.0 * noise) - noise)


def _running_back(motion: Motion, bank: Bank, best: int) -> float:
    """Probability that the coordinate runs back to where it came from before this rest."""
    onward = motion.speed_of(float(bank.left_y[best]), float(bank.left_rate[best]))
    back = (bank.kind == MOVE) & (bank.x[:, 1] * onward < 0.0)
    return float(bank.weight[back] @ (1.0 - rest_probability(bank)[back]))


def _onset(bank: Bank, best: int) -> float:
    """When the motion before reached the level at which this hypothesis rests."""
    rate, left_s = float(bank.left_rate[best]), float(bank.left_s[best])
    passed = (float(bank.x[best, 0]) - float(bank.left_y[best])) / rate if rate else 0.0
    return left_s + max(passed, 0.0) if math.isfinite(passed) else left_s


def _resumed(motion: Motion, bank: Bank, time_s: float) -> float:
    """When the present motion left the level at which the coordinate rested."""
    best = int(np.argmax(np.where(bank.kind == MOVE, bank.weight, 0.0)))
    passed, left_s = motion.elapsed(bank.x[best], float(bank.left_y[best])), float(bank.left_s[best])
    return min(max(time_s - passed, left_s), time_s) if math.isfinite(passed) else left_s
